"""Moving a registry to another storage and back, as docs/moving-storage.md says, with every image checked by digest after each move."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.command import run
from tests.blackbox.docker_host import docker
from tests.blackbox.images import MIB, build_image, build_index
from tests.blackbox.oci import RegistryClient
from tests.blackbox.waiting import wait_for
from tests.engine.checkout import Checkout
from tests.engine.deployment import Deployment, settings_for
from tests.stack_names import stack_name
from tests.storage.backends import Backend, azure_backend, s3_backend

STACK = stack_name("stmove")
FILESYSTEM: dict[str, Any] = {"storage": "filesystem"}
OPTIONS = ("--checksum", "--retries=1", "--transfers=8", "--checkers=8")


@dataclass
class Moving:
    """A registry whose storage changes, and what must be in it all the time: (repository, tag) to digest."""

    deployment: Deployment
    content: dict[tuple[str, str], str]

    def client(self) -> RegistryClient:
        return self.deployment.target().client()

    def push_something(self, area: str) -> None:
        """Adds images: layers of several sizes, one shared between repositories, one multi-arch, one tag moved, one deleted."""
        client = self.client()
        for number in range(3):
            image = build_image(f"{area}/{number}", (1000, 200_000))
            self.content[f"{area}/image-{number}", "v1"] = client.push(f"{area}/image-{number}", "v1", image)
            self.content[f"{area}/copy-{number}", "latest"] = client.push(f"{area}/copy-{number}", "latest", image)
        self.content[f"{area}/large", "v1"] = client.push(f"{area}/large", "v1", build_image(f"{area}/large", (40 * MIB,)))
        self.content[f"{area}/multi", "v1"] = client.push(f"{area}/multi", "v1", build_index(area, ("amd64", "arm64")))
        client.push(f"{area}/moved", "v1", build_image(f"{area}/old"))
        self.content[f"{area}/moved", "v1"] = client.push(f"{area}/moved", "v1", build_image(f"{area}/new"))
        deleted = client.push(f"{area}/deleted", "v1", build_image(f"{area}/deleted"))
        client.delete_manifest(f"{area}/deleted", deleted)

    def check(self) -> None:
        """Pulls everything and compares every digest."""
        client = self.client()
        for (repository, tag), digest in self.content.items():
            assert client.pull(repository, tag) == digest
        assert {repository for repository, _ in self.content} <= set(client.repositories())
        for area in {repository.split("/")[0] for repository, _ in self.content}:
            assert client.tags(f"{area}/moved") == ["v1"]
            assert client.manifest_status(f"{area}/deleted", "v1") == 404

    def switch(self, settings: Mapping[str, Any], secrets: Mapping[str, str], *arguments: str) -> None:
        """Gives the stack other storage settings and deploys it."""
        kept = {key: value for key, value in self.deployment.settings.items() if key not in ("storage", "s3", "azureBlob")}
        self.deployment.settings = {**kept, **settings}
        self.deployment.write()
        for path, value in secrets.items():
            self.deployment.set_secret(path, value)
        self.deployment.up(*arguments)


def _rclone(rclone: Mapping[str, str], *args: str) -> None:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("RCLONE_", "AWS_"))}
    run("rclone", *args, *OPTIONS, env={**inherited, "RCLONE_CONFIG": "/dev/null", **rclone}, seconds=300)


def _copy(rclone: Mapping[str, str], source: str, target: str) -> None:
    """Copies, and compares both sides by size and checksum afterwards."""
    _rclone(rclone, "sync", source, target)
    _rclone(rclone, "check", source, target)


@pytest.fixture
def moving(tmp_path: Path) -> Iterator[Moving]:
    """A registry on disk whose images are protected, as they are outside of examples."""
    deployment = Deployment(Checkout.copy(tmp_path), STACK, settings_for(**FILESYSTEM, allowDestroy=False))
    deployment.remove()
    deployment.create()
    try:
        deployment.up()
        yield Moving(deployment, {})
    finally:
        deployment.remove()


@pytest.mark.parametrize("make", [lambda folder: s3_backend(folder, tls=True), azure_backend], ids=["s3", "azure"])
def test_a_registry_moves_from_disk_and_back(moving: Moving, make: Callable[[Path], Backend], tmp_path: Path) -> None:
    backend = make(tmp_path)
    try:
        _there(moving, backend)
        _and_back(moving, backend)
    finally:
        backend.server.stop()


def _close_gate(moving: Moving) -> None:
    moving.deployment.docker.close_gate()
    assert moving.client().request("POST", "/v2/a/b/blobs/uploads/", b"").status == 429


def _open_gate(moving: Moving) -> None:
    moving.deployment.docker.wait_healthy("edge")
    moving.deployment.docker.open_gate()
    wait_for("pushes to go on", lambda: moving.client().request("POST", "/v2/a/b/blobs/uploads/", b"").status == 202)


def _volume(moving: Moving) -> str:
    """The folder of the volume with the images, which must be there whether the stack uses it or not."""
    return docker("volume", "inspect", "--format={{.Mountpoint}}", f"{moving.deployment.name}-storage").strip()


def _there(moving: Moving, backend: Backend) -> None:
    deployment = moving.deployment
    moving.push_something("before")
    # A first copy while people still push, so that the one behind the closed gate is short.
    _rclone(backend.rclone, "sync", f"{_volume(moving)}/docker", f"{backend.remote}/docker")
    moving.push_something("meanwhile")

    _close_gate(moving)
    _copy(backend.rclone, f"{_volume(moving)}/docker", f"{backend.remote}/docker")
    moving.switch(backend.settings, backend.secrets, "--exclude", f"**{deployment.name}-storage")
    urns = json.loads(deployment.export())["deployment"]["resources"]
    volume = next(one["urn"] for one in urns if one["urn"].endswith(f"::{deployment.name}-storage"))
    deployment.checkout.pulumi("state", "delete", "--force", "--yes", "--stack", deployment.stack, volume)
    deployment.up().assert_unchanged("the volume is none of the stack's any more, and still there")
    moving.check()
    _open_gate(moving)
    moving.push_something("after")
    moving.check()


def _and_back(moving: Moving, backend: Backend) -> None:
    _close_gate(moving)
    volume = _volume(moving)
    _copy(backend.rclone, f"{backend.remote}/docker", f"{volume}/docker")
    run("chown", "-R", "10001:10001", volume)
    moving.switch(FILESYSTEM, {})
    moving.deployment.up().assert_unchanged("the stack has its volume again")
    moving.check()
    _open_gate(moving)
    moving.push_something("home")
    moving.check()
