"""How the agent uses docker; an engine that stands in answers (tests/host/fake_docker.py)."""

import json
import os
from pathlib import Path

import pytest
import yaml

from host.boot import HostError
from host.containers import Containers, masked
from host.manifest import Service
from tests.host.machine import Machine

ONE, TWO = Service("registry-1", "registry:3", ("registry/config.yml",), 60), Service("registry-2", "registry:3", (), 60)


@pytest.fixture
def containers(machine: Machine, tmp_path: Path) -> Containers:
    names = ("registry-1", "registry-2", "edge")
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump({"services": {name: {"labels": {}} for name in names}}))
    return Containers(tmp_path, tmp_path / "labels.json", ("canary-secret", "-----BEGIN KEY-----\ncanary-line\n-----END KEY-----\n"))


def test_a_service_is_brought_up_alone_and_waited_for(containers: Containers, machine: Machine) -> None:
    containers.up(ONE)
    words = machine.docker["calls"][-1]
    assert words[-1] == "registry-1" and {"--detach", "--no-deps", "--wait"} <= set(words)
    assert words[words.index("-p") + 1] == "private-registry"
    assert machine.events() == ["create registry-1"], "a bare `up` would replace all containers at once"


def test_a_new_label_replaces_the_container_and_the_same_one_does_not(containers: Containers, machine: Machine) -> None:
    containers.label({"registry-1": "a", "registry-2": "b"})
    containers.up(ONE)
    containers.up(TWO)
    containers.label({"registry-1": "a", "registry-2": "c"})
    machine.events()
    containers.up(ONE)
    containers.up(TWO)
    assert machine.events() == ["replace registry-2"]
    assert containers.hashes() == {"registry-1": "a", "registry-2": "c"}


def test_a_service_that_needs_no_label_gets_none(containers: Containers, tmp_path: Path) -> None:
    containers.label({"registry-1": "a", "edge": ""})
    assert json.loads((tmp_path / "labels.json").read_text()) == {"services": {"registry-1": {"labels": {"private-registry.files": "a"}}}}


def test_one_that_does_not_become_healthy_is_named_with_its_last_words_and_without_secrets(
    containers: Containers, machine: Machine
) -> None:
    machine.change_docker(sick=["registry-1"], logs={"private-registry-registry-1": "starting\npanic: canary-secret canary-line refused\n"})
    with pytest.raises(HostError) as failed:
        containers.up(ONE)
    text = str(failed.value)
    assert text.startswith("the service registry-1 did not become healthy: ") and "is unhealthy" in text
    assert "panic: *** *** refused" in text and "canary" not in text
    assert "see `docker logs private-registry-registry-1`" in text


def test_masking_leaves_short_and_empty_values_alone() -> None:
    assert masked("a redis failed at redis", ["redis", ""]) == "a redis failed at redis"


def test_an_image_is_pulled_once(containers: Containers, machine: Machine) -> None:
    containers.pull("nginx:1", pauses=())
    containers.pull("nginx:1", pauses=())
    assert [words for words in machine.docker["calls"] if words[0] == "pull"] == [["pull", "--quiet", "nginx:1"]]


def test_an_image_that_can_not_be_had_is_named(containers: Containers, machine: Machine) -> None:
    machine.change_docker(unknown=["nginx:1"])
    expected = (
        "pulling the image nginx:1 failed 2 times: manifest for nginx:1 not found. The host must reach the registry that nginx:1 comes"
    )
    with pytest.raises(HostError, match=expected):
        containers.pull("nginx:1", pauses=(0,))


def test_an_engine_that_does_not_answer_is_said(containers: Containers, machine: Machine) -> None:
    machine.change_docker(down=True)
    with pytest.raises(HostError, match="Docker does not answer after 0 s: Cannot connect to the Docker daemon"):
        containers.wait_for_engine(seconds=0)


def test_an_engine_that_can_not_be_started_is_said(containers: Containers, machine: Machine) -> None:
    machine.command("systemctl", "#!/bin/sh\necho 'Job for docker.service failed.' >&2\nexit 1\n")
    with pytest.raises(HostError, match=r"starting Docker failed 1 times: Job for docker.service failed.. See `journalctl -u docker`"):
        containers.wait_for_engine(pauses=())


def test_without_docker_at_all_the_message_says_what_installs_it(
    containers: Containers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match=r"docker can't be run.*`private-registry-boot start` installs it"):
        containers.hashes()


def test_containers_that_the_bundle_no_longer_has_go(containers: Containers, machine: Machine) -> None:
    old = {"config": "x", "label": "", "running": True}
    containers.up(ONE)
    machine.change_docker(containers={**machine.docker["containers"], "old": old}, events=[])
    containers.remove_orphans()
    assert machine.events() == ["rm private-registry-old"]


def test_one_that_does_not_stop_is_named(containers: Containers, machine: Machine) -> None:
    containers.up(ONE)
    machine.change_docker(stuck=["registry-1"])
    with pytest.raises(HostError, match="registry-1 did not stop: cannot stop container"):
        containers.stop(["registry-1"], 1)


def test_docker_gets_no_secret_by_argument_or_environment(containers: Containers, machine: Machine) -> None:
    containers.label({"registry-1": "a"})
    containers.up(ONE)
    seen = json.dumps([machine.docker["calls"], machine.docker["environment"]])
    assert "canary" not in seen and os.environ["PATH"] in seen
