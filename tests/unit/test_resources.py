"""The resource tree, as the engine would be asked to make it. Mocks stand in for the engine; tests/engine runs the real one."""

import re
from typing import Any

import pytest

from tests.unit.engine_mocks import Recorded, Run, is_secret_input, run_program

CONTAINERS = ["config", "redis", "registry-1", "registry-2", "edge", "collector", "sweeper", "ops"]


@pytest.fixture(scope="module")
def default_run() -> Run:
    return run_program()


def _plain(value: object) -> str:
    """Everything in a value that is not marked secret, as text."""
    if is_secret_input(value):
        return ""
    if isinstance(value, dict):
        return " ".join(_plain(inner) for inner in value.values())
    if isinstance(value, list):
        return " ".join(_plain(inner) for inner in value)
    return str(value)


def _containers(run: Run) -> dict[str, Recorded]:
    return {resource.name.removeprefix("registry-test-"): resource for resource in run.mocks.of_type(":Container")}


def test_a_stack_is_one_component_with_its_parts_below_it(default_run: Run) -> None:
    top = default_run.mocks.one("index:PrivateRegistry", "registry-test")
    for part in ("Certificates", "Credentials", "DockerHost"):
        child = default_run.mocks.one(f"index:{part}", "registry-test")
        assert child.parent.endswith("PrivateRegistry::registry-test"), f"{part} must hang below the component that made it"
    assert top.type == "private-registry:index:PrivateRegistry"


def test_every_resource_has_a_parent_so_that_the_tree_can_be_read(default_run: Run) -> None:
    for resource in default_run.mocks.resources:
        if resource.type not in ("pulumi:pulumi:Stack", "private-registry:index:PrivateRegistry"):
            assert "$" in resource.parent or "PrivateRegistry" in resource.parent, (
                f"{resource.type} {resource.name} has no component above it"
            )


def test_containers_have_fixed_names_and_are_deleted_before_they_are_replaced(default_run: Run) -> None:
    containers = _containers(default_run)
    assert sorted(containers) == sorted(CONTAINERS)
    for short, container in containers.items():
        assert container.inputs["name"] == f"registry-test-{short}"
        assert container.delete_before_replace, "a fixed name can't exist twice"


def test_replicas_are_replaced_one_after_the_other(default_run: Run) -> None:
    containers = _containers(default_run)
    assert "registry-test-registry-1" in containers["registry-2"].dependencies, "both replicas away at once means failed pulls"
    assert containers["registry-1"].inputs["wait"] is True, "the next replica must wait until this one is healthy"


def test_only_the_edge_publishes_a_port(default_run: Run) -> None:
    published = {short: container.inputs.get("ports") for short, container in _containers(default_run).items()}
    assert [short for short, ports in published.items() if ports] == ["edge"]
    assert [port["external"] for port in published["edge"] or []] == [443]


def test_every_container_is_hardened(default_run: Run) -> None:
    for short, container in _containers(default_run).items():
        inputs = container.inputs
        assert inputs["capabilities"]["drops"] == ["ALL"], short
        assert inputs["securityOpts"] == ["no-new-privileges:true"], short
        assert inputs["memory"] > 0 and inputs["memorySwap"] == inputs["memory"], short
        assert inputs["healthcheck"]["tests"], short
        assert inputs["restart"] == "unless-stopped", short
        assert inputs["logOpts"] == {"max-size": "10m", "max-file": "3"}, f"{short}: logs must not fill the disk"
        assert "docker.sock" not in str(inputs), f"{short}: whoever has the socket owns the host"
        if short != "config":
            assert inputs["readOnly"] is True, short
            assert inputs["user"] == "10001:10001", short
            assert not inputs["capabilities"].get("adds"), short


def test_config_is_not_reachable_over_the_network(default_run: Run) -> None:
    assert _containers(default_run)["config"].inputs["networkMode"] == "none", "it holds every secret and needs no network"


def test_consumers_see_their_files_read_only(default_run: Run) -> None:
    for short, container in _containers(default_run).items():
        for mount in container.inputs["mounts"]:
            if short != "config" and "files-" in mount["source"]:
                assert mount["readOnly"] is True, f"{short} could change {mount['source']}"


@pytest.mark.parametrize(("values", "protect"), [({}, True), ({"allowDestroy": True}, False)])
def test_only_the_images_are_protected_from_deletion(values: dict[str, Any], protect: bool) -> None:
    run = run_program(values)
    protected = {resource.name for resource in run.mocks.resources if resource.protect}
    assert protected == ({"registry-test-storage"} if protect else set()), "the volume with the images, and nothing that can be made again"


def test_no_change_but_of_its_name_replaces_the_volume_with_the_images(default_run: Run) -> None:
    volume = default_run.mocks.one(":Volume", "registry-test-storage")
    assert set(volume.inputs) - {"name"} <= set(volume.ignore_changes), "the docker provider would delete the volume to change it"


def test_a_remote_engine_is_only_a_key_away() -> None:
    run = run_program({"docker": {"host": "ssh://deploy@build.example.com", "sshOptions": ["-o", "StrictHostKeyChecking=yes"]}})
    provider = run.mocks.one("providers:docker", "registry-test-engine")
    assert provider.inputs["host"] == "ssh://deploy@build.example.com"
    for container in run.mocks.of_type(":Container"):
        assert "registry-test-engine" in container.provider, "every container must go to the engine of the settings"
        for mount in container.inputs["mounts"]:
            assert mount["type"] == "volume", "a bind mount would need a folder of this machine on the remote one"
        for upload in container.inputs.get("uploads") or []:
            assert "source" not in upload, "a source path would be read on the machine that runs pulumi"


@pytest.mark.parametrize("replicas", [1, 3, 16])
def test_the_number_of_replicas_is_a_setting(replicas: int) -> None:
    names = list(_containers(run_program({"replicas": replicas})))
    assert [name for name in names if name.startswith("registry-")] == [f"registry-{n}" for n in range(1, replicas + 1)]


@pytest.mark.parametrize("cache", ["none", "redis"])
def test_redis_runs_only_when_it_is_the_cache(cache: str) -> None:
    run = run_program({"cache": cache})
    assert ("redis" in _containers(run)) is (cache == "redis")
    passwords = [resource.name for resource in run.mocks.of_type(":RandomPassword")]
    assert ("registry-test-redis" in passwords) is (cache == "redis")


def test_outputs_say_how_to_use_the_registry_and_keep_passwords_secret() -> None:
    run = run_program({"port": 8443, "auth": {"users": [{"name": "admin"}, {"name": "ci"}]}})
    assert run.outputs["url"] == "https://registry.example.com:8443"
    assert "/etc/docker/certs.d/registry.example.com:8443/ca.crt" in run.outputs["clientSetup"]
    assert run.outputs["caCertificate"].startswith("CERTIFICATE")
    assert run.secret_outputs == {
        "url": False,
        "caCertificate": False,
        "clientSetup": False,
        "address": False,
        "opsCommand": False,
        "accounts.admin": True,
        "accounts.ci": True,
    }, "passwords are secret, everything that people must read is not"


def test_the_standard_port_is_left_out_of_addresses(default_run: Run) -> None:
    assert default_run.outputs["url"] == "https://registry.example.com"
    assert ":443" not in default_run.outputs["clientSetup"]


def test_no_secret_reaches_the_engine_in_plain_text() -> None:
    canary = "canary-password-0123456789"
    run = run_program({"auth": {"users": [{"name": "admin"}, {"name": "ci", "password": canary}]}})
    plain = {f"{resource.type} {resource.name}": _plain(resource.inputs) for resource in run.mocks.resources}
    secrets = [canary, *run.mocks.generated]
    assert len(secrets) == 7, "CA and server keys, an account, the account ops, http.secret, Redis, and the canary"
    for where, text in plain.items():
        for secret in secrets:
            assert secret not in text, f"{where} has a password in plain text"
        assert not re.search(r"\$2[aby]\$", text), f"{where} has a password hash in plain text"


def test_files_without_secrets_stay_readable_in_previews(default_run: Run) -> None:
    uploads = {upload["file"]: upload.get("content") for upload in _containers(default_run)["config"].inputs["uploads"]}
    assert "ssl_protocols" in uploads["/bundle/edge/nginx.conf"], "reviewers and the policy pack read this file"
    assert uploads["/bundle/edge/tls.crt"].startswith("CERTIFICATE")
    for path in ("edge/tls.key", "registry/config.yml", "registry/htpasswd", "redis/redis.conf"):
        assert is_secret_input(uploads[f"/bundle/{path}"]), f"{path} must be secret"


def _hash_labels(run: Run) -> dict[str, str]:
    return {
        short: label["value"]
        for short, container in _containers(run).items()
        for label in container.inputs["labels"]
        if label["label"] == "private-registry.files"
    }


def test_a_registry_setting_restarts_the_replicas_and_nothing_else(default_run: Run) -> None:
    before, after = _hash_labels(default_run), _hash_labels(run_program({"registry": {"logLevel": "debug"}}))
    assert {name for name in before if before[name] != after[name]} == {"registry-1", "registry-2"}


@pytest.mark.parametrize(
    "values", [{"auth": {"users": [{"name": "admin"}, {"name": "new"}]}}, {"replicas": 5}, {"tls": {"extraNames": ["other.example.com"]}}]
)
def test_accounts_certificates_and_scale_restart_nothing(default_run: Run, values: dict[str, Any]) -> None:
    before, after = _hash_labels(default_run), _hash_labels(run_program(values))
    # Whoever collects garbage must know the replicas; no pull goes through `ops`.
    for name in set(before) - {"ops"}:
        assert before[name] == after[name], f"{name} would restart, and pulls would fail, for {values}"


def test_one_image_resource_an_image_however_many_services_run_it(default_run: Run) -> None:
    names = [image.inputs["name"] for image in default_run.mocks.of_type(":RemoteImage")]
    assert len(names) == len(set(names)) == 6
