"""The bundle of a fleet as one file that hosts fetch: the same bytes for the same bundle, so its hash is known while planning."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bundle.compose import compose
from bundle.markers import marked_files
from bundle.model import SERVICE_UID, Bundle
from bundle.stored_gzip import stored_gzip

AGENT = Path(__file__).resolve().parent.parent / "host"
FORMAT = 1
"""Version of the archive's layout; the boot script of a host knows which it can read."""
# First nobody new comes in, then `ops` takes leave of the other hosts, then the rest ends.
_STOP_FIRST = ("edge", "ops")


@dataclass(frozen=True)
class FleetArchive:
    """A tar.gz with compose.yaml, files/<group>/<name> (with markers), manifest.json and host/ (the agent). Holds no secret."""

    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def key(self) -> str:
        """The object's key in the config bucket."""
        return f"bundles/{self.sha256}.tar.gz"


def _stop_order(names: list[str]) -> list[list[str]]:
    """Groups of services in the order in which they end; those of a group end together."""
    first = [[name] for name in _STOP_FIRST if name in names]
    rest = [name for name in names if name not in _STOP_FIRST]
    return [*first, rest] if rest else first


def manifest(bundle: Bundle, entries: Mapping[str, bytes]) -> dict[str, object]:
    """What the host's agent reads (host/manifest.py): owner and mode of files, folders of data, services and their order."""
    groups: dict[str, dict[str, int]] = {}
    for file in bundle.files:
        groups.setdefault(file.group, {})[file.name] = file.mode
    return {
        "format": FORMAT,
        "uid": SERVICE_UID,
        "groups": groups,
        # The others are no templates: what looks like a marker in them is none.
        "filled": [file.path for file in bundle.files if callable(file.content)],
        "data": [volume.name for volume in bundle.volumes if not volume.name.startswith("files-")],
        "services": [
            {
                "name": service.name,
                "image": service.image,
                "restartsWith": list(service.restarts_with),
                "stopSeconds": service.stop_seconds,
            }
            for service in bundle.services
        ],
        "stopOrder": _stop_order([service.name for service in bundle.services]),
        "sha256": {path: hashlib.sha256(content).hexdigest() for path, content in sorted(entries.items())},
    }


def _agent() -> dict[str, bytes]:
    return {f"host/{source.relative_to(AGENT).as_posix()}": source.read_bytes() for source in sorted(AGENT.rglob("*.py"))}


def _tar(entries: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    # The one format whose bytes are fixed by POSIX for names and sizes such as ours.
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(entries.items()):
            # Owner, group and time of a TarInfo are root and the epoch unless said otherwise.
            member = tarfile.TarInfo(path)
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def fleet_archive(bundle: Bundle) -> FleetArchive:
    """Packs the bundle of a fleet (BundleSpec.fleet is set)."""
    entries = {f"files/{path}": content for path, content in marked_files(bundle).items()}
    entries |= {"compose.yaml": compose(bundle).encode(), **_agent()}
    entries["manifest.json"] = (json.dumps(manifest(bundle, entries), indent=1) + "\n").encode()
    return FleetArchive(stored_gzip(_tar(entries)))
