"""The agent on a host: first start, reboot, refresh, end. Secrets Manager, S3 and the metadata service are servers; docker stands in."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bundle.fleet_archive import FleetArchive
from bundle.model import Values
from host import metadata
from host.boot import HostError
from tests.certificates import make_ca, make_pair
from tests.host.conftest import Cloud
from tests.host.machine import UID, Machine, secret_text
from tests.host.metadata_server import INSTANCE_ID

pytestmark = pytest.mark.live
ORDER = ["registry-1", "registry-2", "collector", "sweeper", "ops", "edge"]


@pytest.fixture
def started(machine: Machine, cloud: Cloud, archive: FleetArchive) -> Machine:
    """A host whose first start is done."""
    machine.unpack(archive.content, archive.sha256)
    machine.agent(cloud.given).start()
    assert machine.events() == [f"create {name}" for name in ORDER]
    return machine


def _everything_on_disk(machine: Machine) -> dict[str, str]:
    return {str(path.relative_to(machine.root)): path.read_text(errors="replace") for path in machine.root.rglob("*") if path.is_file()}


def test_the_files_have_the_values_of_the_secret_and_the_hosts_id(started: Machine, values: Values) -> None:
    assert started.file("edge/tls.crt") == values.certificate_pem
    assert started.file("edge/tls.key") == values.private_key_pem
    assert started.file("registry/htpasswd") == values.htpasswd
    assert f"'{values.http_secret}'" in started.file("registry/config.yml")
    settings = json.loads(started.file("ops/ops.json"))
    assert settings["fleet"]["host"] == INSTANCE_ID
    assert started.file("ops/account") == f"ops:{values.ops_password}\n"
    left = [path for path, text in _everything_on_disk(started).items() if "@@" in text and "/files/" in path and "/bundles/" not in path]
    assert left == [], "markers that nobody replaced"


def test_secrets_are_only_in_files_of_the_services_that_nobody_else_can_read(started: Machine, values: Values) -> None:
    secrets = (values.private_key_pem.splitlines()[1], values.http_secret, values.redis_password, values.ops_password)
    holders = {path for path, text in _everything_on_disk(started).items() for secret in secrets if secret in text}
    assert {path.removeprefix("var/lib/private-registry/files/") for path in holders} == {
        "edge/tls.key",
        "registry/config.yml",
        "ops/account",
        "ops/redis-password",
    }
    for path in holders:
        found = (started.root / path).stat()
        assert (found.st_mode & 0o777, found.st_uid) == (0o400, UID), path
    assert not [secret for secret in secrets if secret in json.dumps([started.docker["calls"], started.docker["environment"]])]


def test_a_second_start_changes_nothing(started: Machine, cloud: Cloud) -> None:
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in started.home.rglob("*") if path.is_file()}
    started.agent(cloud.given).start()
    assert started.events() == []
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in started.home.rglob("*") if path.is_file()} == before


def test_after_a_reboot_the_same_containers_start_in_order(started: Machine, cloud: Cloud) -> None:
    started.agent(cloud.given).stop()
    assert started.events() == ["stop edge", "stop ops", "stop registry-1 registry-2 collector sweeper"]
    started.agent(cloud.given).start()
    assert started.events() == [f"start {name}" for name in ORDER]


def test_the_timers_unit_runs_only_between_start_and_end(started: Machine, cloud: Cloud) -> None:
    up = started.places.run / "up"
    assert up.exists()
    started.agent(cloud.given).stop()
    assert not up.exists()


def test_one_that_does_not_stop_keeps_none_of_the_others_from_it(started: Machine, cloud: Cloud) -> None:
    started.change_docker(stuck=["edge"])
    with pytest.raises(HostError, match="edge did not stop"):
        started.agent(cloud.given).stop()
    assert started.events() == ["stop edge", "stop ops", "stop registry-1 registry-2 collector sweeper"]


def test_a_refresh_without_a_change_says_and_does_nothing(started: Machine, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    calls = len(started.docker["calls"])
    started.agent(cloud.given).refresh()
    assert capsys.readouterr().out == "", "the console keeps few lines, and those of the boot matter more"
    assert len(started.docker["calls"]) == calls + 1, "it looks which containers there are, and that is all"


def test_a_new_certificate_reaches_the_edge_without_a_restart(started: Machine, cloud: Cloud, values: Values) -> None:
    pair = make_pair("registry.example.com", ca=make_ca())
    version = started.file("edge/.version")
    cloud.change(secret_text(values, certificate_pem=pair.certificate, private_key_pem=pair.key))
    started.agent(cloud.given).refresh()
    assert started.file("edge/tls.crt") == pair.certificate and started.file("edge/.version") != version
    assert started.events() == []


def test_a_new_account_reaches_the_registry_without_a_restart(started: Machine, cloud: Cloud, values: Values) -> None:
    htpasswd = values.htpasswd + "ci:$2b$05$" + "a" * 53 + "\n"
    cloud.change(secret_text(values, htpasswd=htpasswd))
    started.agent(cloud.given).refresh()
    assert started.file("registry/htpasswd") == htpasswd
    assert started.events() == []


def test_what_the_registry_reads_at_its_start_replaces_the_replicas_one_by_one(started: Machine, cloud: Cloud, values: Values) -> None:
    cloud.change(secret_text(values, http_secret="another-secret"))
    started.agent(cloud.given).refresh()
    assert started.events() == ["replace registry-1", "replace registry-2"]
    started.agent(cloud.given).refresh()
    assert started.events() == []


def test_a_replica_that_does_not_come_back_keeps_the_next_one_alive(started: Machine, cloud: Cloud, values: Values) -> None:
    cloud.change(secret_text(values, http_secret="another-secret"))
    started.change_docker(sick=["registry-1"], logs={"private-registry-registry-1": "panic: another-secret is refused"})
    for _ in range(2):
        # The second time registry-1 has its new label already, and still nobody may touch registry-2.
        with pytest.raises(HostError, match=r"registry-1 did not become healthy: .*panic: \*\*\* is refused"):
            started.agent(cloud.given).refresh()
    assert started.events() == ["replace registry-1"]
    started.change_docker(sick=[])
    started.agent(cloud.given).refresh()
    assert started.events() == ["replace registry-2"]


def test_a_container_that_somebody_removed_comes_back(started: Machine, cloud: Cloud) -> None:
    containers = started.docker["containers"]
    del containers["sweeper"]
    started.change_docker(containers=containers)
    started.agent(cloud.given).refresh()
    assert started.events() == ["create sweeper"]


_BROKEN: dict[str, Callable[[Values], str]] = {
    "has no text under http_secret": lambda values: secret_text(values, http_secret=None),
    "are no certificate and its key": lambda values: secret_text(values, private_key_pem=make_pair("x.example.com", ca=make_ca()).key),
    "the value http_secret can't stand inside registry/config.yml": lambda values: secret_text(values, http_secret="a: b"),
    "is no JSON": lambda _: "{",
}


@pytest.mark.parametrize("message", _BROKEN)
def test_a_broken_secret_changes_nothing_on_a_host_that_runs(message: str, started: Machine, cloud: Cloud, values: Values) -> None:
    before = _everything_on_disk(started)
    cloud.change(_BROKEN[message](values))
    with pytest.raises(HostError) as refused:
        started.agent(cloud.given).refresh()
    assert message in str(refused.value) and str(refused.value).endswith(
        "Nothing was changed: the host goes on with the values that it has"
    )
    assert started.events() == []
    assert _everything_on_disk(started) == before


def test_a_service_that_is_not_healthy_keeps_the_edge_from_starting(machine: Machine, cloud: Cloud, archive: FleetArchive) -> None:
    machine.unpack(archive.content, archive.sha256)
    machine.change_docker(sick=["registry-2"])
    with pytest.raises(HostError, match="the service registry-2 did not become healthy"):
        machine.agent(cloud.given).start()
    assert machine.events() == ["create registry-1", "create registry-2"], "a load balancer must not send anybody to this host"
    assert not (machine.places.run / "up").exists()


def test_a_host_without_its_secret_starts_nothing(machine: Machine, cloud: Cloud, archive: FleetArchive) -> None:
    machine.unpack(archive.content, archive.sha256)
    agent = machine.agent(cloud.given)
    cloud.secrets.delete_secret(SecretId=cloud.arn, ForceDeleteWithoutRecovery=True)
    with pytest.raises(
        HostError, match=f"cannot read the secret {cloud.arn}: ResourceNotFoundException: .*Was it deleted.*`pulumi up` writes it"
    ):
        agent.start()
    assert machine.events() == [] and not (machine.home / "files").exists()
    cloud.arn = cloud.secrets.create_secret(Name="registry", SecretString="{}")["ARN"]


def test_a_secret_that_is_binary_is_refused(machine: Machine, cloud: Cloud, archive: FleetArchive) -> None:
    machine.unpack(archive.content, archive.sha256)
    cloud.secrets.put_secret_value(SecretId=cloud.arn, SecretBinary=b"x")
    with pytest.raises(HostError, match="it is binary, not text"):
        machine.agent(cloud.given).start()


def test_an_unreachable_secrets_manager_is_said(
    machine: Machine, cloud: Cloud, archive: FleetArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.unpack(archive.content, archive.sha256)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    with pytest.raises(HostError, match=f"cannot read the secret {cloud.arn}: Could not connect.*The host must reach Secrets Manager"):
        machine.agent(cloud.given).start()


def test_an_instance_without_a_role_is_said(machine: Machine, cloud: Cloud, archive: FleetArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.unpack(archive.content, archive.sha256)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(HostError, match=r"no credentials\. The instance has no role, or its metadata service does not answer"):
        machine.agent(cloud.given).start()


def test_a_metadata_service_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HostError, match=r"the metadata service http://127.0.0.1:9 does not say which instance this is: .*refused"):
        metadata.instance_id(pauses=(0,))


def test_bundles_of_long_ago_go_and_the_one_before_stays(started: Machine, cloud: Cloud) -> None:
    bundles = started.home / "bundles"
    for age, name in enumerate(("previous", "older", "oldest"), 1):
        (bundles / name / "files").mkdir(parents=True)
        os.utime(bundles / name, (1_700_000_000 - age, 1_700_000_000 - age))
    started.agent(cloud.given).start()
    assert sorted(path.name for path in bundles.iterdir()) == sorted([cloud.given.sha256, "previous"])


def test_folders_of_data_are_the_services_own(started: Machine) -> None:
    found = {path.name: path.stat().st_uid for path in (started.home / "data").iterdir()}
    assert found == dict.fromkeys(["gate", "journal", "ops", "spool-collector", "spool-sweeper"], UID)


def test_every_folder_that_a_container_mounts_is_there(started: Machine, archive: FleetArchive) -> None:
    import yaml  # noqa: PLC0415

    compose = yaml.safe_load((started.home / "bundles" / archive.sha256 / "compose.yaml").read_text())
    for service in compose["services"].values():
        for volume in service["volumes"]:
            assert (started.root / Path(volume["source"]).relative_to("/")).is_dir(), "compose is told not to make it"
