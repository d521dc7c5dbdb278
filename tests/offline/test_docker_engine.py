"""The docker plugin's resources on the real engine, without the Pulumi CLI: creation, failure, refresh, update and removal."""

from __future__ import annotations

import base64
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bcrypt
import pytest

from offline.plugins.docker.client import Engine
from offline.plugins.docker.container import Container
from offline.plugins.docker.network import Network
from offline.plugins.docker.provider_config import engine_settings
from offline.plugins.docker.remote_image import RemoteImage
from offline.plugins.docker.volume import Volume
from offline.plugins.framework import InitFailedError, Properties, ResourceError, ResourceKind
from tests.blackbox.waiting import wait_for
from tests.offline.docker_support import WAIT_FOR_TERM, Names, docker, exists, local_engine, tiny_image

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.remove()


class Kinds:
    """The plugin's resource types on the local engine."""

    def __init__(self) -> None:
        engine = local_engine()
        self.cancelled = threading.Event()
        self.container = Container(lambda: engine, self.cancelled)
        self.network = Network(lambda: engine, self.cancelled)
        self.volume = Volume(lambda: engine, self.cancelled)
        self.image = RemoteImage(lambda: engine)


@pytest.fixture
def kinds() -> Kinds:
    return Kinds()


def make(kind: ResourceKind, inputs: Properties) -> tuple[str, Properties]:
    """Check and create; then see that nothing differs and that a refresh finds what creation reported."""
    checked, failures = kind.check({}, inputs)
    assert failures == []
    resource_id, outputs = kind.create(checked, timeout=0, preview=False)
    assert dict(kind.diff(resource_id, outputs, checked, checked).changes) == {}
    assert kind.read(resource_id, checked, outputs) == (resource_id, checked, outputs)
    return resource_id, outputs


def runs(names: Names, image: str, **more: object) -> Properties:
    """Inputs of a container that runs until it is told to stop."""
    return {"name": names("c"), "image": image, "entrypoints": ["sh", "-c"], "command": [WAIT_FOR_TERM], **more}


def test_most_properties_at_once(kinds: Kinds, names: Names, image: str) -> None:
    make(kinds.volume, {"name": names("vol"), "driver": "local", "labels": [{"label": "a", "value": "1"}]})
    network_id, _ = make(kinds.network, {"name": names("net"), "ipamConfigs": [{"subnet": "10.213.77.0/24"}], "internal": True})
    container_id, outputs = make(
        kinds.container,
        runs(
            names,
            image,
            networksAdvanced=[{"name": network_id, "aliases": ["x"], "ipv4Address": "10.213.77.9"}],
            mounts=[{"type": "volume", "source": names("vol"), "target": "/m", "readOnly": True}, {"type": "tmpfs", "target": "/t"}],
            volumes=[{"volumeName": names("vol"), "containerPath": "/v"}, {"containerPath": "/anonymous"}],
            tmpfs={"/run": "size=1m,mode=1777"},
            uploads=[
                {"file": "/v/deep/er/a", "content": "1", "permissions": "0600", "owner": "10001", "group": "10002"},
                {"file": "/b", "contentBase64": base64.b64encode(bytes(range(256))).decode(), "executable": True},
                {"file": "/c", "source": __file__},
            ],
            hostname="inside",
            domainname="example.com",
            user="10001:10001",
            workingDir="/v",
            envs=["A=1"],
            capabilities={"drops": ["all"], "adds": ["chown"]},
            securityOpts=["no-new-privileges:true"],
            groupAdds=["5"],
            sysctls={"net.core.somaxconn": "256"},
            ulimits=[{"name": "nofile", "soft": 1000, "hard": 1000}],
            hosts=[{"host": "six", "ip": "fe80::1"}],
            dns=["192.0.2.1"],
            dnsOpts=["ndots:1"],
            dnsSearches=["example.com"],
            memory=32,
            memorySwap=32,
            memoryReservation=16,
            cpuShares=100,
            cpus="0.50",
            cpuSet="0",
            shmSize=8,
            logDriver="json-file",
            logOpts={"max-size": "1m"},
            labels=[{"label": "l", "value": "v"}],
            stopSignal="SIGINT",
            stopTimeout=2,
            init=True,
            healthcheck={"tests": ["CMD", "true"], "interval": "60s", "startPeriod": "1m"},
            restart="on-failure",
            maxRetryCount=3,
            ipcMode="private",
            pidMode="host",
        ),
    )
    assert outputs["networkDatas"][0]["ipAddress"] == "10.213.77.9"
    inside = docker(
        "exec", names("c"), "sh", "-c", "stat -c '%u:%g %a' /v/deep/er/a /b; id -G; cat /proc/self/limits | grep 'open files'; hostname"
    )
    assert inside.splitlines()[:3] == ["10001:10002 600", "0:0 744", "10001 5"] or inside.splitlines()[2] == "5 10001", inside
    assert "inside" in inside
    # The default network is left, and still what the container's mode says, as with the vendor's plugin.
    assert docker("inspect", "-f", "{{.HostConfig.NetworkMode}} {{len .NetworkSettings.Networks}}", names("c")) == "bridge 1"
    anonymous = docker("inspect", "-f", '{{range .Mounts}}{{if eq .Destination "/anonymous"}}{{.Name}}{{end}}{{end}}', names("c"))
    kinds.container.delete(container_id, outputs, timeout=0)
    assert not exists("volume", anonymous), "anonymous volumes go with their container"
    assert exists("volume", names("vol"))
    kinds.network.delete(network_id, {"name": names("net")}, timeout=0)
    kinds.volume.delete(names("vol"), {}, timeout=0)
    assert names.left() == []


def test_removal_gives_the_program_time_to_end(kinds: Kinds, names: Names, image: str) -> None:
    make(kinds.volume, {"name": names("vol")})
    farewell = 'trap "sleep 0.5; echo bye >/v/bye; exit 0" TERM; echo ready; while :; do sleep 0.1; done'
    inputs = runs(names, image, command=[farewell], volumes=[{"volumeName": names("vol"), "containerPath": "/v"}], destroyGraceSeconds=20)
    container_id, outputs = make(kinds.container, inputs)
    wait_for("the shell to have set its trap", lambda: "ready" in docker("logs", names("c")))
    kinds.container.delete(container_id, outputs, timeout=0)
    assert docker("run", "--rm", "-v", f"{names('vol')}:/v", image, "cat", "/v/bye") == "bye"
    kinds.container.delete(container_id, outputs, timeout=0)  # already gone: fine


def test_a_program_that_ignores_term_is_killed_after_the_grace(kinds: Kinds, names: Names, image: str) -> None:
    inputs = runs(names, image, command=['trap "" TERM; while :; do sleep 0.1; done'], destroyGraceSeconds=1)
    container_id, outputs = make(kinds.container, inputs)
    begin = int(time.time())
    kinds.container.delete(container_id, outputs, timeout=0)
    until = int(time.time()) + 1
    events = ("--since", str(begin), "--until", str(until), "--filter", f"container={container_id}", "--filter", "event=kill")
    said = docker("events", *events, "--format", "{{.Actor.Attributes.signal}} {{.TimeNano}}")
    sent = {signal: int(at) / 1e9 for signal, at in (line.split() for line in said.splitlines())}
    assert list(sent) == ["15", "9"], said
    # By the engine's clock, and far from the ten seconds that it gives where it is not told.
    assert 0.9 < sent["9"] - sent["15"] < 9
    assert names.left() == []


def test_what_removes_itself(kinds: Kinds, names: Names, image: str) -> None:
    container_id, outputs = make(kinds.container, runs(names, image, rm=True))
    kinds.container.delete(container_id, outputs, timeout=0)
    assert names.left() == []


def test_a_program_that_is_not_in_the_image(kinds: Kinds, names: Names, image: str) -> None:
    with pytest.raises(ResourceError, match=r"does not start: its image .* does not have the program it should run"):
        make(kinds.container, runs(names, image, entrypoints=["/no/such/program"]))
    assert names.left() == [], "what never ran is removed"


def test_a_network_that_is_not_there(kinds: Kinds, names: Names, image: str) -> None:
    with pytest.raises(ResourceError, match=r"there is no network 'nowhere'; create it first"):
        make(kinds.container, runs(names, image, networksAdvanced=[{"name": "nowhere"}]))
    assert names.left() == []


def test_a_program_that_ends_at_once(kinds: Kinds, names: Names, image: str) -> None:
    inputs = runs(names, image, command=["echo the disk is on fire; exit 7"], healthcheck={"tests": ["CMD", "true"]}, wait=True)
    with pytest.raises(InitFailedError, match=r"stopped with exit code 7; its log ends with: the disk is on fire") as failure:
        make(kinds.container, inputs)
    assert exists("container", failure.value.resource_id)
    assert kinds.container.diff(failure.value.resource_id, failure.value.outputs, inputs, inputs).replaces == {"networkDatas"}
    kinds.container.delete(failure.value.resource_id, failure.value.outputs, timeout=0)


def test_a_program_that_is_meant_to_end(kinds: Kinds, names: Names, image: str) -> None:
    inputs = runs(names, image, command=["sleep 0.3; exit 3"], mustRun=False)
    container_id, outputs = kinds.container.create(inputs, timeout=0, preview=False)
    docker("wait", names("c"))
    found = kinds.container.read(container_id, inputs, outputs)
    assert found is not None
    assert found[2]["exitCode"] == 3
    assert dict(kinds.container.diff(container_id, found[2], inputs, inputs).changes) == {}


def test_a_container_that_is_only_created(kinds: Kinds, names: Names, image: str) -> None:
    inputs = runs(names, image, start=False)
    container_id, outputs = make(kinds.container, inputs)
    assert docker("inspect", "-f", "{{.State.Status}}", names("c")) == "created"
    changed = inputs | {"start": True}
    assert kinds.container.diff(container_id, outputs, inputs, changed).replaces == frozenset()
    kinds.container.update(container_id, outputs, changed, timeout=0, preview=False)
    assert docker("inspect", "-f", "{{.State.Status}}", names("c")) == "running"


def test_wait_without_a_health_check(kinds: Kinds, names: Names, image: str) -> None:
    with pytest.raises(InitFailedError, match=r"has no health check, so `wait` would never end"):
        make(kinds.container, runs(names, image, wait=True))


def test_an_interrupt_ends_the_wait_and_keeps_the_container_in_the_state(kinds: Kinds, names: Names, image: str) -> None:
    threading.Timer(1.0, kinds.cancelled.set).start()
    check = {"tests": ["CMD", "false"], "startPeriod": "3600s"}
    # Nothing else could end this wait before the test's own deadline.
    with pytest.raises(InitFailedError, match=r"interrupted"):
        make(kinds.container, runs(names, image, wait=True, waitTimeout=3600, healthcheck=check))


def test_a_half_created_container_that_recovers_is_whole_after_a_refresh(kinds: Kinds, names: Names, image: str) -> None:
    check = {"tests": ["CMD", "test", "-f", "/tmp/ready"], "interval": "200ms", "retries": 1}
    inputs = runs(names, image, wait=True, waitTimeout=1, healthcheck=check)
    with pytest.raises(InitFailedError, match=r"is not healthy after 1 s") as failure:
        make(kinds.container, inputs)
    container_id, outputs = failure.value.resource_id, failure.value.outputs
    found = kinds.container.read(container_id, inputs, outputs)
    assert found is not None
    assert kinds.container.diff(container_id, found[2], inputs, inputs).replaces == {"networkDatas"}
    docker("exec", names("c"), "sh", "-c", ">/tmp/ready")
    wait_for("the engine to find it healthy", lambda: docker("inspect", "-f", "{{.State.Health.Status}}", names("c")) == "healthy")
    found = kinds.container.read(container_id, inputs, outputs)
    assert found is not None
    assert dict(kinds.container.diff(container_id, found[2], inputs, inputs).changes) == {}


def test_limits_change_in_place(kinds: Kinds, names: Names, image: str) -> None:
    inputs = runs(names, image, memory=32)
    container_id, outputs = make(kinds.container, inputs)
    for more in (
        {"memory": 64, "restart": "always"},
        {"memory": 48, "memorySwap": 48, "cpuQuota": 50000, "cpuPeriod": 100000},
        {"memory": 64, "cpuQuota": 40000, "cpuPeriod": 100000},
    ):
        changed = runs(names, image, **more)
        assert kinds.container.diff(container_id, outputs, inputs, changed).replaces == frozenset()
        outputs = kinds.container.update(container_id, outputs, changed, timeout=0, preview=False)
        assert dict(kinds.container.diff(container_id, outputs, changed, changed).changes) == {}
        assert kinds.container.read(container_id, changed, outputs) == (container_id, changed, outputs)
        assert docker("inspect", "-f", "{{.HostConfig.Memory}}", names("c")) == str(more["memory"] * 2**20)
        inputs = changed


def test_an_import_needs_nothing_but_the_id(kinds: Kinds, names: Names, image: str) -> None:
    docker("run", "-d", "--name", names("c"), "--memory", "32m", "-e", "A=1", image, "sh", "-c", WAIT_FOR_TERM)
    container_id = docker("inspect", "-f", "{{.Id}}", names("c"))
    found = kinds.container.read(names("c"), {}, {})
    assert found is not None
    assert found[:2] == (container_id, {"name": names("c"), "image": image})
    same = {"name": names("c"), "image": image, "memory": 32, "command": ["sh", "-c", WAIT_FOR_TERM]}
    assert dict(kinds.container.diff(container_id, found[2], found[1], same).changes) == {}
    assert kinds.container.read("0" * 64, {}, {}) is None


def test_volumes_are_taken_over_only_when_they_are_the_same(kinds: Kinds, names: Names) -> None:
    inputs = {"name": names("vol"), "labels": [{"label": "a", "value": "1"}]}
    make(kinds.volume, inputs)
    make(kinds.volume, inputs)
    with pytest.raises(ResourceError, match=r"already exists with other labels. To keep its data"):
        make(kinds.volume, {"name": names("vol")})


def test_networks_are_not_made_twice(kinds: Kinds, names: Names) -> None:
    make(kinds.network, {"name": names("net")})
    with pytest.raises(ResourceError, match=r"already exists outside this stack. Remove it"):
        make(kinds.network, {"name": names("net")})
    with pytest.raises(ResourceError, match=r"already uses these addresses. Choose another subnet"):
        subnet = docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", names("net"))
        make(kinds.network, {"name": names("net2"), "ipamConfigs": [{"subnet": subnet}]})


def test_what_is_in_use_is_not_removed_and_its_users_are_named(kinds: Kinds, names: Names, image: str) -> None:
    _, volume = make(kinds.volume, {"name": names("vol")})
    network_id, network = make(kinds.network, {"name": names("net")})
    docker("run", "-d", "--name", names("user"), "-v", f"{names('vol')}:/v", "--network", names("net"), image, "sh", "-c", WAIT_FOR_TERM)
    with pytest.raises(ResourceError, match=f"volume '{names('vol')}' is still in use by container '{names('user')}'"):
        kinds.volume.delete(names("vol"), volume, timeout=0)
    with pytest.raises(ResourceError, match=f"network '{names('net')}' is still in use by container '{names('user')}'"):
        kinds.network.delete(network_id, network, timeout=0)
    threading.Timer(1.5, docker, ("rm", "-f", names("user"))).start()
    kinds.volume.delete(names("vol"), volume, timeout=0)
    kinds.network.delete(network_id, network, timeout=0)
    kinds.volume.delete(names("vol"), volume, timeout=0)  # already gone: fine
    kinds.network.delete(network_id, network, timeout=0)
    assert kinds.network.read(network_id, {}, {}) is None
    assert kinds.volume.read(names("vol"), {}, {}) is None


def test_an_image_that_is_there_is_not_pulled(kinds: Kinds, names: Names, image: str) -> None:
    name = f"{names('image')}:1"
    docker("tag", image, name)
    image_id = docker("image", "inspect", "-f", "{{.Id}}", name)
    resource_id, outputs = make(kinds.image, {"name": name})
    assert (resource_id, outputs["imageId"]) == (image_id + name, image_id)
    kinds.image.delete(resource_id, outputs | {"keepLocally": True}, timeout=0)
    assert exists("image", name)
    kinds.image.delete(resource_id, outputs, timeout=0)
    assert not exists("image", name)
    assert exists("image", image)
    kinds.image.delete(resource_id, outputs, timeout=0)  # already gone: fine
    assert kinds.image.read(resource_id, {"name": name}, outputs) is None


REGISTRY_CONFIG = """version: 0.1
storage: {filesystem: {rootdirectory: /data}}
http: {addr: ":5000"}
auth: {htpasswd: {realm: test, path: /htpasswd}}
"""


@pytest.fixture
def registry(kinds: Kinds, names: Names, image: str, tmp_path: Path) -> str:
    """A registry with the account ann/secret-pw, holding web:1; its host and port."""
    listed = docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
    found = [name for name in listed if name.startswith(("offline/registry:3", "registry:3"))]
    if not found:
        pytest.skip("no image of the registry on this engine")
    _, outputs = make(
        kinds.container,
        {
            "name": names("registry"),
            "image": found[0],
            "entrypoints": ["registry"],
            "command": ["serve", "/config.yml"],
            "ports": [{"internal": 5000, "ip": "127.0.0.1"}],
            "tmpfs": {"/data": "size=64m"},
            "uploads": [
                {"file": "/config.yml", "content": REGISTRY_CONFIG},
                {"file": "/htpasswd", "content": "ann:" + bcrypt.hashpw(b"secret-pw", bcrypt.gensalt(5)).decode()},
            ],
        },
    )
    host = f"127.0.0.1:{outputs['ports'][0]['external']}"
    docker("tag", image, f"{host}/web:1")
    client = tmp_path / "docker-client"
    for attempt in range(50):
        login = ["docker", "--config", str(client), "login", "-u", "ann", "--password-stdin", host]
        if subprocess.run(login, input="secret-pw", text=True, capture_output=True, check=False, timeout=60).returncode == 0:
            break
        assert attempt < 49, docker("logs", names("registry"))
        time.sleep(0.1)
    docker("--config", str(client), "push", f"{host}/web:1")
    docker("rmi", f"{host}/web:1")
    return host


def test_pulls_from_a_registry_with_accounts(names: Names, registry: str) -> None:
    def images(login: Properties) -> RemoteImage:
        engine = Engine(replace(engine_settings({"registryAuth": [{"address": registry, **login}]} if login else {})))
        return RemoteImage(lambda: engine)

    name = f"{registry}/web:1"
    with pytest.raises(ResourceError, match=r"there is no such image, or the registry wants a login.* registryAuth"):
        make(images({}), {"name": name})
    with pytest.raises(ResourceError, match=r"wants a login") as failure:
        make(images({"username": "ann", "password": "wrong-password"}), {"name": name})
    assert "wrong-password" not in str(failure.value)
    kind = images({"username": "ann", "password": "secret-pw"})
    with pytest.raises(ResourceError, match=r"no such image or tag"):
        make(kind, {"name": f"{registry}/web:2"})
    resource_id, outputs = make(kind, {"name": name})
    assert outputs["repoDigest"].startswith(f"{registry}/web@sha256:")
    kind.delete(resource_id, outputs, timeout=0)
    assert not exists("image", name)
