"""The docker plugin under the real Pulumi CLI, on the real engine: what a user sees."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.offline.docker_support import WAIT_FOR_TERM, Names, Project, counts, docker, exists, tiny_image
from tests.ports import free_port

pytestmark = [pytest.mark.engine, pytest.mark.docker]

CANARY = "c4n4ry5ecret0fTh3Upl0ad"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_image(tmp_path_factory.mktemp("image"))


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.remove()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def whole_program(names: Names, image: str, *, port: int, content: str = CANARY, reverse: bool = False, extra: str = "") -> str:
    """Network, volume, image and container with most of what a program of this repository uses; `reverse` turns every set around."""
    order = "[::-1]" if reverse else ""
    return f"""
        import pulumi
        import pulumi_docker as docker

        image = docker.RemoteImage("image", name="{image}", keep_locally=True)
        network = docker.Network("network", name="{names("net")}", labels=[{{"label": "a", "value": "1"}}])
        volume_labels = [{{"label": "b", "value": "2"}}, {{"label": "a", "value": "1"}}]{order}
        volume = docker.Volume("volume", name="{names("vol")}", labels=volume_labels)
        container = docker.Container(
            "container",
            name="{names("c")}",
            image=image.name,
            entrypoints=["sh", "-c"],
            command=['''{WAIT_FOR_TERM}'''],
            envs=["A=1", "B=2"]{order},
            user="10001:10001",
            uploads=[
                {{"file": "/data/secret.txt", "content": pulumi.Output.secret("{content}"), "permissions": "0640", "owner": "10001"}},
                {{"file": "/etc/plain.txt", "content": "plain"}},
            ]{order},
            mounts=[{{"type": "volume", "source": volume.name, "target": "/data"}}, {{"type": "tmpfs", "target": "/scratch"}}]{order},
            networks_advanced=[{{"name": network.name, "aliases": ["one", "two"]{order}}}],
            ports=[{{"internal": 80, "external": {port}}}, {{"internal": 81, "ip": "127.0.0.1"}}]{order},
            capabilities={{"drops": ["ALL"], "adds": ["CHOWN", "cap_fowner"]{order}}},
            security_opts=["no-new-privileges:true"],
            tmpfs={{"/run": "size=1m"}},
            healthcheck={{"tests": ["CMD", "test", "-f", "/data/secret.txt"], "interval": "500ms", "timeout": "60s", "retries": 3}},
            wait=True,
            wait_timeout=30,
            labels=[{{"label": "x", "value": "1"}}, {{"label": "y", "value": "2"}}]{order},
            log_driver="json-file",
            log_opts={{"max-size": "1m", "max-file": "2"}},
            memory=32,
            cpu_shares=512,
            restart="unless-stopped",
            stop_timeout=3,
            ulimits=[{{"name": "nofile", "soft": 1024, "hard": 2048}}],
            {extra}
        )
        pulumi.export("datas", container.network_datas)
    """


def test_life_of_a_stack(project: Project, names: Names, image: str) -> None:
    port = free_port()
    project.write(whole_program(names, image, port=port))
    assert "created" in project.up()
    assert docker("exec", names("c"), "cat", "/data/secret.txt") == CANARY
    assert docker("exec", names("c"), "stat", "-c", "%u %a", "/data/secret.txt") == "10001 640"
    assert CANARY not in project.run("stack", "export")

    for options in ((), ("--refresh",)):
        again = counts(project.up(*options))
        assert set(again) == {"unchanged"}, again
    project.write(whole_program(names, image, port=port, reverse=True))
    assert set(counts(project.up("--refresh"))) == {"unchanged"}, "the order of sets is no change"

    first = docker("inspect", "-f", "{{.Id}}", names("c"))
    project.write(whole_program(names, image, port=port, extra="memory_reservation=16, destroy_grace_seconds=1,"))
    assert counts(project.up())["updated"] == 1
    assert docker("inspect", "-f", "{{.Id}} {{.HostConfig.MemoryReservation}}", names("c")) == f"{first} {16 * 1024 * 1024}"

    project.write(whole_program(names, image, port=port, content=CANARY + "2"))
    assert counts(project.up())["replaced"] == 1
    second = docker("inspect", "-f", "{{.Id}}", names("c"))
    assert second != first
    assert docker("exec", names("c"), "cat", "/data/secret.txt") == CANARY + "2"

    docker("stop", "-t", "2", names("c"))
    assert counts(project.up("--refresh"))["replaced"] == 1, "a stopped container is made anew"
    third = docker("inspect", "-f", "{{.Id}} {{.State.Running}}", names("c"))
    assert third.endswith("true")
    assert not third.startswith(second)
    assert set(counts(project.up("--refresh"))) == {"unchanged"}

    docker("rm", "-f", names("c"))
    assert counts(project.up("--refresh"))["created"] == 1, "a removed container is made anew"

    project.destroy()
    assert names.left() == []
    assert exists("image", image)


def test_preview_needs_no_engine(project: Project, names: Names, image: str) -> None:
    project.write(
        whole_program(names, image, port=1)
        + """
        pulumi.export("id", container.id)
    """
    )
    project.environment["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    assert "create" in project.run("preview")
    failure = project.up(ok=False)
    assert "the Docker engine at unix:///nowhere/docker.sock is not reachable: there is no such socket. Start Docker" in failure
    assert "Traceback" not in failure


def simple_program(names: Names, image: str, name: str, more: str = "", command: str = WAIT_FOR_TERM) -> str:
    return f"""
        import pulumi_docker as docker

        docker.Container("container", name="{names(name)}", image="{image}", entrypoints=["sh", "-c"], command=['''{command}'''], {more})
    """


def test_port_held_by_another_container(project: Project, names: Names, image: str) -> None:
    port = free_port()
    docker("run", "-d", "--name", names("holder"), "-p", f"{port}:80", image, "sh", "-c", WAIT_FOR_TERM)
    project.write(simple_program(names, image, "c", f'ports=[{{"internal": 80, "external": {port}}}]'))
    failure = project.up(ok=False)
    assert f"port {port} on 0.0.0.0 of the engine's host is held by container '{names('holder')}'" in failure
    assert not exists("container", names("c")), "nothing half-made stays"
    docker("rm", "-f", names("holder"))
    project.up()
    project.destroy()


def test_port_held_by_a_program(project: Project, names: Names, image: str) -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))  # noqa: S104 - the port must be taken on all addresses
        holder.listen()
        port = holder.getsockname()[1]
        project.write(simple_program(names, image, "c", f'ports=[{{"internal": 80, "external": {port}}}]'))
        failure = project.up(ok=False)
    assert f"port {port} on 0.0.0.0 of the engine's host is in use by a program outside Docker" in failure
    assert not exists("container", names("c"))


def test_name_taken_by_a_container_outside(project: Project, names: Names, image: str) -> None:
    docker("create", "--name", names("c"), image, "true")
    project.write(simple_program(names, image, "c"))
    failure = project.up(ok=False)
    assert f"container '{names('c')}' already exists outside this stack" in failure
    assert f"docker rm -f {names('c')}" in failure
    assert "pulumi import docker:index/container:Container" in failure
    assert exists("container", names("c")), "it is not ours to remove"


def test_image_that_cannot_be_pulled(project: Project, names: Names) -> None:
    project.write(f"""
        import pulumi_docker as docker

        image = docker.RemoteImage("image", name="registry.invalid/{names("image")}:1")
        docker.Container("container", name="{names("c")}", image=image.image_id)
    """)
    failure = project.up(ok=False)
    assert f"image 'registry.invalid/{names('image')}:1' cannot be pulled: the engine cannot reach the registry registry.invalid" in failure
    assert names.left() == []


def test_unhealthy_container_is_kept_and_replaced_by_the_next_update(project: Project, names: Names, image: str) -> None:
    def program(test: str) -> str:
        check = f'healthcheck={{"tests": ["CMD-SHELL", "{test}"], "interval": "300ms", "retries": 1}}, wait=True, wait_timeout=2'
        return simple_program(names, image, "c", f'envs=["PASSWORD={CANARY}"], {check}')

    project.write(program("echo no luck with $PASSWORD; exit 3"))
    failure = project.up(ok=False)
    assert f"container '{names('c')}' is not healthy after 2 s" in failure
    assert "ended with code 3 and said: no luck with [hidden]" in failure
    assert CANARY not in failure
    first = docker("inspect", "-f", "{{.Id}}", names("c"))
    assert project.state()["container"]["id"] == first

    project.up("--refresh", ok=False)
    second = docker("inspect", "-f", "{{.Id}}", names("c"))
    assert second != first, "a refresh does not make it whole"

    project.write(program("true"))
    assert counts(project.up())["replaced"] == 1
    assert set(counts(project.up("--refresh"))) == {"unchanged"}
    project.destroy()
    assert names.left() == []


def test_bad_inputs_are_all_reported_before_anything_happens(project: Project, names: Names, image: str) -> None:
    project.write(
        simple_program(names, image, "c", 'gpus="all", memory=64, memory_swap=32, read_only=True, uploads=[{"file": "/a", "content": "b"}]')
    )
    failure = project.run("preview", ok=False)
    assert "gpus" in failure
    assert "does not support it" in failure
    project.write(simple_program(names, image, "c", 'memory=64, memory_swap=32, read_only=True, uploads=[{"file": "/a", "content": "b"}]'))
    failure = project.run("preview", ok=False)
    assert "memorySwap" in failure
    assert "at least memory (64), not 32" in failure
    assert "read-only" in failure
