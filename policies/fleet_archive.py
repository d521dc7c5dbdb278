"""The bundle of a fleet as a stack uploads it: a tar.gz with a compose file, and folders `files/<group>` that its services mount."""

import base64
import binascii
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import yaml

from policies.compose import container, sources, without
from policies.rule import Resource

MAX_BYTES = 16 * 1024 * 1024
"""Of an archive, unpacked; larger ones are not a bundle of configuration."""
MAX_FILE = 1024 * 1024
"""Of a file that is read; more than any configuration, key or certificate has."""

COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
MARKER = re.compile(r"@@([a-z][a-z0-9_]*)@@")
"""Stands for a value that a host takes from the secret."""
OWN_MARKERS = frozenset(("host",))
"""Of these the host knows the value itself."""
_ELSEWHERE = "a-value-that-each-host-takes-from-the-secret-of-the-fleet"
"""In place of a marker inside a text: something is there, and it is judged where it is."""
_FILES = re.compile(r"(?:^|/)files/(?P<group>[^/]+)/?$")


@dataclass(frozen=True)
class Archive:
    """A bundle: its services by name as containers, and the text files in it by path."""

    services: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    texts: Mapping[str, str] = field(default_factory=dict[str, str])

    def configuration(self) -> dict[str, str]:
        """The compose file and the services' files by path."""
        return {path: text for path, text in self.texts.items() if path in COMPOSE or path.startswith("files/")}

    def markers(self) -> set[str]:
        """The values that it leaves to the secret."""
        return {name for text in self.configuration().values() for name in MARKER.findall(text)} - OWN_MARKERS


NOTHING = Archive()


def archive_in(bucket_object: Resource) -> Archive:
    """The bundle in an object of a bucket; NOTHING where there is none, or where it is not known yet."""
    encoded = bucket_object.props.known("contentBase64")
    return _unpacked(encoded) if isinstance(encoded, str) else NOTHING


@lru_cache(maxsize=8)
def _unpacked(encoded: str) -> Archive:
    try:
        content = base64.b64decode(encoded, validate=True)
        content = (
            zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(content, MAX_BYTES) if content.startswith(b"\x1f\x8b") else content
        )
        texts = dict(_texts(content))
        compose = next((texts[name] for name in COMPOSE if name in texts), "")
        document = yaml.safe_load(compose)
    except (binascii.Error, ValueError, zlib.error, tarfile.TarError, yaml.YAMLError, RecursionError):
        return NOTHING  # something else, of which the rules know nothing
    services = document.get("services") if isinstance(document, Mapping) else None
    found = (
        {str(name): service for name, service in services.items() if isinstance(service, Mapping)} if isinstance(services, Mapping) else {}
    )
    return Archive({name: _with_files(container(service), texts) for name, service in found.items()}, texts)


def _texts(content: bytes) -> Iterator[tuple[str, str]]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            source = archive.extractfile(member) if member.isfile() and member.size <= MAX_FILE else None
            if source is None:
                continue
            try:
                yield member.name.removeprefix("./"), source.read().decode()
            except UnicodeDecodeError:
                continue  # no text, so none of the files that rules read


def _with_files(properties: Mapping[str, object], texts: Mapping[str, str]) -> dict[str, object]:
    """The container with the files of each folder `files/<group>` that it mounts in place of the mount. Of a file that is nothing but a
    marker only the path is known here: its content is in the secret."""
    uploads: list[dict[str, object]] = []
    groups: set[str] = set()
    for source, target in sources(properties):
        match = _FILES.search(source)
        folder = f"files/{match['group']}/" if match else None
        for path, text in texts.items():
            if folder and path.startswith(folder):
                groups.add(source)
                content = None if MARKER.fullmatch(text.strip()) else MARKER.sub(_ELSEWHERE, text)
                uploads.append({"file": f"{target}/{path.removeprefix(folder)}", "content": content})
    return {**properties, "mounts": without(properties, groups), "uploads": uploads}
