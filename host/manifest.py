"""manifest.json of a bundle: which files, folders and services a host has (written by bundle/fleet_archive.py)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast


@dataclass(frozen=True)
class Service:
    """One container. `restarts_with` are the files that it reads only at its start; `stop_seconds` is how long it may take to end."""

    name: str
    image: str
    restarts_with: tuple[str, ...]
    stop_seconds: int


@dataclass(frozen=True)
class Manifest:
    """`groups` has the mode of each file, by group and name; `filled` are the paths whose markers are to be replaced.

    `services` are in order of start; `stop_order` is groups of services that end together, one group after the other.
    """

    uid: int
    groups: Mapping[str, Mapping[str, int]]
    filled: frozenset[str]
    data: Sequence[str]
    services: Sequence[Service]
    stop_order: Sequence[Sequence[str]]

    @property
    def paths(self) -> tuple[str, ...]:
        """All files, as `<group>/<name>`."""
        return tuple(f"{group}/{name}" for group, names in self.groups.items() for name in names)


def read_manifest(bundle: Path) -> Manifest:
    """The manifest of an unpacked bundle. The boot script has checked it against the bundle's hash."""
    found = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    return Manifest(
        uid=cast(int, found["uid"]),
        groups=cast(Mapping[str, Mapping[str, int]], found["groups"]),
        filled=frozenset(cast(list[str], found["filled"])),
        data=cast(list[str], found["data"]),
        services=tuple(
            Service(service["name"], service["image"], tuple(service["restartsWith"]), service["stopSeconds"])
            for service in found["services"]
        ),
        stop_order=cast(list[list[str]], found["stopOrder"]),
    )
