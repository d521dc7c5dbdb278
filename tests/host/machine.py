"""A host's file system below a folder, with commands that stand in for those that would change this machine."""

import json
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bundle.fleet_archive as archives
from bundle.build import build
from bundle.model import Bundle, BundleSpec, Values
from bundle.user_data import UserData
from host import boot
from host.agent import Agent
from host.boot import Places
from host.manifest import read_manifest

UID = 10001 if os.geteuid() == 0 else os.getuid()
"""Who the services run as: their real user where the tests may give files away."""
GID = 10001 if os.geteuid() == 0 else os.getgid()
_INSTALLED = '#!/bin/sh\nfor name in {names}; do echo "$name installed"; done\n'


@dataclass
class Machine:
    """One host. `root` stands for `/`; `region`, `secret` and `bucket` are what its user data names."""

    root: Path
    commands: Path
    docker_file: Path

    @property
    def places(self) -> Places:
        return Places(self.root)

    @property
    def home(self) -> Path:
        return self.places.home

    def prepare(self) -> None:
        """The folders of a Debian system, and the commands: nothing runs on the host yet, all packages are there."""
        for folder in ("etc/private-registry", "var/lib", "run"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.commands.mkdir(exist_ok=True)
        fake = Path(__file__).with_name("fake_docker.py")
        self.command("docker", f'#!/bin/sh\nFAKE_DOCKER={self.docker_file} exec {sys.executable} {fake} "$@"\n')
        self.command("systemctl", "#!/bin/sh\nexit 0\n")
        self.command("dpkg-query", _INSTALLED.format(names=" ".join(boot.PACKAGES)))
        self.command("apt-get", '#!/bin/sh\necho "apt-get must not be called: $*" >&2\nexit 100\n')
        nothing: dict[str, Any] = {"containers": {}, "images": [], "calls": [], "events": [], "logs": {}, "down": False}
        self.docker_file.write_text(json.dumps({**nothing, "unknown": [], "sick": [], "stuck": []}))
        self.places.run.mkdir(parents=True, exist_ok=True)

    def command(self, name: str, script: str) -> None:
        """Puts a command first on the PATH."""
        path = self.commands / name
        path.write_text(script)
        path.chmod(0o755)

    @property
    def docker(self) -> dict[str, Any]:
        """The state of the engine that stands in."""
        return json.loads(self.docker_file.read_text())

    def change_docker(self, **values: object) -> None:
        self.docker_file.write_text(json.dumps({**self.docker, **values}))

    def events(self) -> list[str]:
        """What happened to containers since the last call."""
        events = self.docker["events"]
        self.change_docker(events=[])
        return events

    def write_boot(self, given: UserData) -> None:
        self.places.boot.write_text(json.dumps(asdict(given)))

    def file(self, path: str) -> str:
        return (self.home / "files" / path).read_text()

    def modes(self) -> dict[str, str]:
        """Permissions of all files of the services, e.g. `0400`."""
        files = self.home / "files"
        return {str(f.relative_to(files)): f"{stat.S_IMODE(f.stat().st_mode):04o}" for f in sorted(files.rglob("*")) if f.is_file()}

    def unpack(self, content: bytes, sha256: str) -> Path:
        folder = self.home / "bundles" / sha256
        boot.unpack(content, folder)
        return folder

    def agent(self, given: UserData) -> Agent:
        """The agent of the unpacked bundle, inside this process."""
        self.write_boot(given)
        folder = self.home / "bundles" / given.sha256
        return Agent(self.places, boot.read_boot(self.places.boot), read_manifest(folder), folder)


def packed(spec: BundleSpec) -> tuple[Bundle, archives.FleetArchive]:
    """A bundle and its archive, for services that run as UID."""
    before = archives.SERVICE_UID
    archives.SERVICE_UID = UID
    try:
        found = build(spec)
        return found, archives.fleet_archive(found)
    finally:
        archives.SERVICE_UID = before


def secret_text(values: Values, **changed: str | None) -> str:
    """What the secret in the cloud holds; None leaves a key out."""
    from bundle.markers import secret_values  # noqa: PLC0415

    merged: Mapping[str, str | None] = {**secret_values(values), **changed}
    return json.dumps({key: value for key, value in merged.items() if value is not None})
