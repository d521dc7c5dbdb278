"""The boot script: packages, bundle, hand-over, and what it says when one of them can't be had."""

import ast
import fcntl
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import pytest

from bundle.fleet_archive import FORMAT, FleetArchive
from bundle.stored_gzip import stored_gzip
from bundle.user_data import BOOT_SCRIPT
from host import boot
from host.boot import Boot, HostError
from tests.host.conftest import BUCKET, Cloud
from tests.host.machine import Machine
from tests.ports import free_port

SECONDS = 120
NO_PACKAGE = "#!/bin/sh\nexit 1\n"


def _boot(machine: Machine, action: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the script as the unit does: a copy of it alone, away from the agent."""
    script = machine.commands / "private-registry-boot"
    script.write_text(BOOT_SCRIPT.read_text())
    full = {**os.environ, "PRIVATE_REGISTRY_ROOT": str(machine.root), **environment}
    full.pop("PYTHONPATH", None)
    command = [sys.executable, str(script), action]
    return subprocess.run(command, env=full, capture_output=True, text=True, check=False, timeout=SECONDS)


def _given(cloud: Cloud) -> Boot:
    return Boot(**asdict(cloud.given))


def test_format_of_the_archive_and_of_the_script_are_the_same() -> None:
    assert boot.FORMAT == FORMAT


@pytest.mark.live
def test_a_first_boot_a_refresh_a_reboot_and_the_end(machine: Machine, cloud: Cloud) -> None:
    machine.write_boot(cloud.given)
    first = _boot(machine, "start")
    assert first.returncode == 0, first.stdout + first.stderr
    assert f"private-registry: fetched the bundle {cloud.given.sha256[:12]}\n" in first.stdout
    assert first.stdout.splitlines()[-1].startswith("private-registry: all 6 services are healthy, as i-0123456789abcdef0 with bundle")
    assert len(machine.events()) == 6
    refresh = _boot(machine, "refresh")
    assert (refresh.returncode, refresh.stdout) == (0, ""), refresh.stderr
    # The bundle is on the disk: nothing is fetched, and no package is asked for.
    again = _boot(machine, "start", AWS_ENDPOINT_URL_S3="http://127.0.0.1:9")
    assert again.returncode == 0 and "fetched" not in again.stdout, again.stdout + again.stderr
    assert machine.events() == []
    end = _boot(machine, "stop")
    assert (end.returncode, end.stdout) == (0, "private-registry: all services have ended\n"), end.stderr
    said = first.stdout + first.stderr + refresh.stderr + again.stdout + again.stderr + end.stderr
    assert "canary" not in said, "the role's credentials"


@pytest.mark.live
def test_a_failure_is_one_line_and_a_code(machine: Machine, cloud: Cloud) -> None:
    machine.write_boot(replace(cloud.given, sha256="0" * 64))
    done = _boot(machine, "start")
    assert done.returncode == 1 and done.stderr == ""
    name = f"s3://{BUCKET}/{cloud.given.key}"
    assert done.stdout == (
        f"private-registry: start FAILED: the bundle {name} has SHA-256 {cloud.given.sha256}, not {'0' * 64}: refused. "
        "Somebody changed it; `pulumi up` puts it right\n"
    )
    assert not (machine.home / "bundles").exists() and machine.events() == []


@pytest.mark.live
def test_a_failure_of_the_agent_is_one_line_and_a_code_too(machine: Machine, cloud: Cloud) -> None:
    machine.write_boot(cloud.given)
    cloud.change("{")
    done = _boot(machine, "start")
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout.splitlines()[-1] == (f"private-registry: start FAILED: the secret {cloud.arn} is no JSON. `pulumi up` writes it")


@pytest.mark.live
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bucket": "no-such-bucket"}, r"cannot fetch the bundle s3://no-such-bucket/.*: NoSuchBucket: .*Was the config bucket deleted"),
        (
            {"key": "bundles/none.tar.gz"},
            r"cannot fetch the bundle s3://registry-config/bundles/none.tar.gz: NoSuchKey: .*Was the object deleted",
        ),
    ],
)
def test_what_is_not_in_s3_is_named(changed: dict[str, str], message: str, cloud: Cloud) -> None:
    given = replace(_given(cloud), **changed)
    with pytest.raises(HostError, match=message):
        boot.fetch(given, cast(boot.S3, boot.client("s3", given.region)))


@pytest.mark.live
def test_a_bucket_that_can_not_be_reached_is_named(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(HostError, match=r"cannot fetch the bundle s3://registry-config/.*Could not connect.*The host must reach S3"):
        boot.fetch(_given(cloud), cast(boot.S3, boot.client("s3", "us-east-1")))


def test_a_role_that_may_not_read_is_named() -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    def refuse() -> bytes:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "GetObject")

    with pytest.raises(HostError, match=r"the thing: AccessDenied: Access Denied\. Allow it$"):
        boot.asked(refuse, "the thing", {"AccessDenied": "Allow it"}, "reach it")


def test_a_bundle_that_s3_refuses_may_be_gone_as_well() -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    class Refusing:
        def get_object(self, *, Bucket: str, Key: str) -> dict[str, object]:  # noqa: N803 - AWS's names
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": f"Access Denied to {Bucket}/{Key}"}}, "GetObject")

    given = boot.Boot("config", "bundles/a.tar.gz", "0" * 64, "secret", "eu-central-1")
    with pytest.raises(
        HostError, match=r"AccessDenied: .*Either it is gone, .* or the instance's role lacks s3:GetObject on it or kms:Dec"
    ):
        boot.fetch(given, Refusing())


def test_packages_that_are_there_are_not_asked_for(machine: Machine) -> None:
    assert boot.missing_packages() == []
    boot.install_packages(pauses=())


def test_only_missing_packages_are_installed_after_a_failure_too(
    machine: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = "".join(f"echo '{name} installed'\n" for name in boot.PACKAGES if name != "docker-compose")
    machine.command("dpkg-query", f"#!/bin/sh\n{there}echo 'docker-compose config-files'\n")
    calls = tmp_path / "calls"
    # The first call fails, as where another apt holds the lock or the network is not there yet.
    machine.command(
        "apt-get", f'#!/bin/sh\n[ -e {calls} ] || {{ echo x >{calls}; echo "E: no route" >&2; exit 100; }}\necho "$@" >>{calls}\n'
    )
    boot.install_packages(pauses=(0, 0))
    update, install = calls.read_text().splitlines()[1:]
    assert update.endswith("update") and install.endswith("--no-install-recommends install docker-compose")
    assert "apt-get update failed, trying again in 0 s: E: no route" in capsys.readouterr().out


def test_packages_that_can_not_be_had_are_said(machine: Machine) -> None:
    machine.command("dpkg-query", NO_PACKAGE)
    machine.command("apt-get", "#!/bin/sh\necho 'E: Failed to fetch http://deb.example.com/x' >&2\nexit 100\n")
    expected = "apt-get update failed 2 times: E: Failed to fetch http://deb.example.com/x. The host must reach Debian's package mirror"
    with pytest.raises(HostError, match=expected):
        boot.install_packages(pauses=(0,))


@pytest.mark.parametrize(
    ("text", "why"), [(None, "No such file"), ("{", "Expecting"), ('{"bucket": "b"}', "missing 4 required"), ("[]", "items")]
)
def test_a_boot_file_that_can_not_be_used_is_said(text: str | None, why: str, tmp_path: Path) -> None:
    path = tmp_path / "boot.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(HostError, match=f"{path} can't be used: .*{why}.*: replace the instance"):
        boot.read_boot(path)


@pytest.mark.live
def test_a_bundle_that_was_damaged_on_the_disk_is_fetched_again(machine: Machine, cloud: Cloud, archive: FleetArchive) -> None:
    folder = machine.unpack(archive.content, archive.sha256)
    (folder / "compose.yaml").write_text("")
    assert not boot.is_whole(folder)
    assert boot.bundle_folder(machine.places, _given(cloud)) == folder
    assert boot.is_whole(folder)


def test_an_unpacked_bundle_is_there_whole_or_not_at_all(machine: Machine, archive: FleetArchive, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = machine.home / "bundles" / archive.sha256

    def cut() -> None:
        raise OSError("power is gone")

    monkeypatch.setattr(boot.os, "sync", cut)
    with pytest.raises(OSError, match="power is gone"):
        boot.unpack(archive.content, folder)
    assert not folder.exists()
    monkeypatch.undo()
    boot.unpack(archive.content, folder)
    assert boot.is_whole(folder)


def _archive(manifest: dict[str, object], name: str = "manifest.json") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        content = json.dumps(manifest).encode()
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return stored_gzip(packed.getvalue())


def test_a_bundle_of_another_layout_is_refused(machine: Machine) -> None:
    content = _archive({"format": 2, "sha256": {}})
    folder = machine.home / "bundles" / hashlib.sha256(content).hexdigest()
    with pytest.raises(HostError, match=r"of a layout that this host can't read \(it reads 1\): replace the instance"):
        boot.unpack(content, folder)
    assert not folder.exists()


def test_an_archive_can_not_write_outside_its_folder(machine: Machine) -> None:
    with pytest.raises(tarfile.OutsideDestinationError):
        boot.unpack(_archive({}, "../escaped"), machine.home / "bundles" / "x")
    assert not (machine.home / "bundles/escaped").exists()


@pytest.mark.live
def test_a_refresh_gives_way_to_another_run(machine: Machine, cloud: Cloud) -> None:
    machine.write_boot(cloud.given)
    with (machine.places.run / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = _boot(machine, "refresh")
    assert (done.returncode, done.stdout) == (0, "private-registry: another run is busy: nothing to do now\n")


@pytest.mark.live
def test_the_lock_lasts_until_the_agent_ends(machine: Machine, cloud: Cloud, archive: FleetArchive) -> None:
    # docker waits for a file: while it does, the agent has taken the script's place.
    machine.unpack(archive.content, archive.sha256)
    machine.write_boot(cloud.given)
    go, waiting = machine.root / "go", machine.root / "waiting"
    docker = (
        (machine.commands / "docker")
        .read_text()
        .replace("#!/bin/sh\n", f"#!/bin/sh\ntouch {waiting}; while [ ! -e {go} ]; do sleep 0.05; done\n")
    )
    machine.command("docker", docker)
    script = machine.commands / "private-registry-boot"
    script.write_text(BOOT_SCRIPT.read_text())
    environment = {**os.environ, "PRIVATE_REGISTRY_ROOT": str(machine.root)}
    with subprocess.Popen([sys.executable, str(script), "start"], env=environment, stdout=subprocess.DEVNULL) as start:
        try:
            _await(waiting)
            done = _boot(machine, "refresh")
            assert "another run is busy" in done.stdout
        finally:
            go.touch()
        assert start.wait(SECONDS) == 0


def _await(path: Path) -> None:
    import time  # noqa: PLC0415

    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear within {SECONDS} s"
        time.sleep(0.05)


def test_only_itself_the_standard_library_and_boto3_travel() -> None:
    for source in Path("host").rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top == "host" or top in sys.stdlib_module_names, f"{source} imports {name}, which is not on the host"
                assert source.name != "boot.py" or top != "host", "the boot script travels alone"


@pytest.mark.parametrize("arguments", [[], ["restart"], ["start", "now"]])
def test_another_word_is_answered_with_the_known_ones(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert boot.main(arguments) == 64
    assert capsys.readouterr().err == "usage: private-registry-boot start|refresh|stop\n"
