"""compose.yaml says of each container what components/hosts/docker.py tells a Docker engine, and nothing else."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from bundle.build import build
from bundle.compose import DATA, FILES, compose
from bundle.model import HASH_LABEL, STACK_LABEL, Bundle
from components.registry import bundle_spec
from components.storage.filesystem import filesystem_storage
from host import containers
from tests.bundle.specs import FLEETS
from tests.bundle.test_render import TextFile
from tests.unit.engine_mocks import run_program, settings_of

STACK = "registry-test"
# Inputs of the docker provider that say nothing about the container itself, or that a fleet does another way on purpose.
NOT_COMPARED = {
    "uploads": "files lie in folders of the host",
    "wait": "the agent waits (host/containers.py)",
    "waitTimeout": "the agent waits",
    "destroyGraceSeconds": "the provider's own name for the stop timeout",
    "networksAdvanced": "one network; compose gives services their names as aliases by itself",
    "networkMode": "compared where it is none",
    "logDriver": "a fleet logs to the journal",
    "logOpts": "a fleet logs to the journal",
}


def services_of(bundle: Bundle) -> Mapping[str, Mapping[str, Any]]:
    """The services of compose.yaml, read as compose does: `$$` is a dollar sign."""
    return yaml.safe_load(compose(bundle).replace("$$", "$"))["services"]


@pytest.fixture(scope="module")
def docker() -> Mapping[str, Mapping[str, Any]]:
    """Inputs of the containers that the default stack has on a Docker host, by service."""
    run = run_program()
    images = {image.name: f"sha256:{image.name}" for image in run.mocks.of_type(":RemoteImage")}
    assert images
    return {container.name.removeprefix(f"{STACK}-"): container.inputs for container in run.mocks.of_type(":Container")}


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The bundle of the same stack."""
    return build(bundle_spec(settings_of(), filesystem_storage()))


def _volume(source: str) -> str:
    """The short name of the volume that is mounted from a folder of a fleet's host."""
    return f"files-{source.removeprefix(FILES + '/')}" if source.startswith(FILES) else source.removeprefix(f"{DATA}/")


def _as_docker(service: Mapping[str, Any]) -> dict[str, Any]:
    """A service of compose.yaml in the words of the docker provider. Empty ones are left out, as the provider does."""
    found: dict[str, Any] = {
        "name": f"{STACK}-{service['container_name'].removeprefix('private-registry-')}",
        "entrypoints": service["entrypoint"],
        "user": service["user"],
        "envs": [f"{key}={value}" for key, value in service["environment"].items()],
        "readOnly": service["read_only"],
        "tmpfs": dict(entry.split(":", 1) for entry in service["tmpfs"]),
        "mounts": [
            {"type": "volume", "source": f"{STACK}-{_volume(m['source'])}", "target": m["target"], "readOnly": m["read_only"]}
            for m in service["volumes"]
        ],
        "capabilities": {"drops": service["cap_drop"], **({"adds": service["cap_add"]} if service["cap_add"] else {})},
        "securityOpts": service["security_opt"],
        "memory": int(service["mem_limit"].removesuffix("m")),
        "memorySwap": int(service["memswap_limit"].removesuffix("m")),
        "ports": [
            {"internal": p["target"], "external": int(p["published"]), "ip": p["host_ip"], "protocol": p["protocol"]}
            for p in service["ports"]
        ],
        "healthcheck": {
            "tests": service["healthcheck"]["test"],
            "interval": service["healthcheck"]["interval"],
            "timeout": service["healthcheck"]["timeout"],
            "retries": service["healthcheck"]["retries"],
            "startPeriod": service["healthcheck"]["start_period"],
        },
        "restart": service["restart"],
        "stopTimeout": int(service["stop_grace_period"].removesuffix("s")),
        "stopSignal": service["stop_signal"],
    }
    return {key: value for key, value in found.items() if value or key == "readOnly"}


def test_both_hosts_run_the_same_services(docker: Mapping[str, Any], bundle: Bundle) -> None:
    assert sorted(services_of(bundle)) == sorted(docker)


def test_each_container_has_the_same_properties_on_both(docker: Mapping[str, Mapping[str, Any]], bundle: Bundle) -> None:
    for name, service in services_of(bundle).items():
        inputs = {key: value for key, value in docker[name].items() if key not in {*NOT_COMPARED, "image", "labels"}}
        inputs["envs"] = inputs.get("envs") or []
        wanted = {key: value for key, value in inputs.items() if value or key == "readOnly"}
        assert _as_docker(service) == wanted, f"{name}: bundle/compose.py and components/hosts/docker.py must say the same"
        assert (service.get("network_mode") == "none") == (docker[name]["networkMode"] == "none"), name


def test_each_runs_the_image_of_the_bundle(bundle: Bundle) -> None:
    assert {name: service["image"] for name, service in services_of(bundle).items()} == {s.name: s.image for s in bundle.services}


def test_labels_are_the_same_the_hash_of_files_comes_from_the_agent(docker: Mapping[str, Mapping[str, Any]], bundle: Bundle) -> None:
    assert containers.HASH_LABEL == HASH_LABEL
    for name, service in services_of(bundle).items():
        on_docker = {label["label"] for label in docker[name]["labels"]}
        assert set(service["labels"]) == {STACK_LABEL} == on_docker - {HASH_LABEL}, name


def test_the_agent_calls_project_and_containers_as_compose_does(bundle: Bundle) -> None:
    assert yaml.safe_load(compose(bundle))["name"] == containers.PROJECT
    for name, service in services_of(bundle).items():
        assert service["container_name"] == containers.container_name(name)


def test_nothing_is_brought_up_by_compose_itself(bundle: Bundle) -> None:
    for name, service in services_of(bundle).items():
        assert "depends_on" not in service, f"{name}: compose replaces all containers before it starts one; the agent goes one by one"


def test_dollar_signs_reach_the_container(bundle: Bundle) -> None:
    text = compose(bundle)
    assert "$$(find" in text, "compose would replace $(...) by the environment or refuse it"
    assert not [line for line in text.splitlines() if "$" in line.replace("$$", "")]


@pytest.mark.parametrize("name", FLEETS)
def test_logs_go_to_the_journal(name: str) -> None:
    for service in services_of(build(FLEETS[name])).values():
        assert service["logging"] == {"driver": "journald", "options": {"tag": "{{.Name}}"}}


@pytest.mark.parametrize("name", FLEETS)
def test_compose_files_are_reviewed(name: str, snapshot: SnapshotAssertion) -> None:
    assert compose(build(FLEETS[name])) == snapshot(extension_class=TextFile)
