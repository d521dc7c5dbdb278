"""Images written as files, the way registry 2.8 and 3.x lay them out below their root: minutes of pushes become seconds.

Source of the layout: distribution v3.1, registry/storage/paths.go. What a push leaves behind is what is written here: the blobs, a layer
link for each blob but the manifest, and the manifest's links by digest and by tag.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tests.ops.gc.client import Image, sha256

ROOT = "docker/registry/v2"
LAYER_BYTES = 2000
SHARED_LAYERS = 3
"""Layers of each image that it shares with others: a base of all, and two of 20 of its repository."""


class State(Enum):
    """What became of an image since its push."""

    KEPT = "kept"
    DELETED = "deleted by digest"
    """Its blobs and layer links are left."""
    UNTAGGED = "untagged"
    """Its manifest is left too."""


@dataclass(frozen=True)
class Stored:
    """An image in a repository."""

    repository: str
    tags: tuple[str, ...]
    image: Image
    state: State = State.KEPT

    @property
    def digest(self) -> str:
        return sha256(self.image.manifest)

    def blobs(self) -> dict[str, bytes]:
        """Every blob by digest, the manifest too."""
        return {sha256(data): data for data in (self.image.manifest, self.image.config, *self.image.layers)}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path below the registry's root and content of each file."""
        for digest, data in self.blobs().items():
            yield blob_path(digest), data
        folder = f"{ROOT}/repositories/{self.repository}"
        for data in (self.image.config, *self.image.layers):
            yield _link(f"{folder}/_layers", sha256(data))
        if self.state is not State.DELETED:
            yield _link(f"{folder}/_manifests/revisions", self.digest)
        if self.state is State.KEPT:
            for tag in self.tags:
                yield f"{folder}/_manifests/tags/{tag}/current/link", self.digest.encode()
                yield _link(f"{folder}/_manifests/tags/{tag}/index", self.digest)


def blob_path(digest: str) -> str:
    """Where a blob's data lies."""
    value = digest.partition(":")[2]
    return f"{ROOT}/blobs/sha256/{value[:2]}/{value}/data"


def _link(folder: str, digest: str) -> tuple[str, bytes]:
    return f"{folder}/sha256/{digest.partition(':')[2]}/link", digest.encode()


@dataclass
class Filled:
    """What a registry was filled with."""

    stored: list[Stored] = field(default_factory=list[Stored])
    files: int = 0
    sizes: dict[str, int] = field(default_factory=dict[str, int])
    """Blobs with their bytes."""

    def of(self, state: State) -> list[Stored]:
        """The images in this state."""
        return [one for one in self.stored if one.state is state]

    def garbage(self) -> frozenset[str]:
        """The blobs that no manifest refers to."""
        needed = {digest for one in self.stored if one.state is not State.DELETED for digest in one.blobs()}
        return frozenset(self.sizes.keys() - needed)


def image(serial: int, repository: int, created: str) -> Image:
    """A small image with a config and a layer of its own, and shared layers."""
    source = random.Random(serial)  # noqa: S311 - test data
    shared = [f"layer {number} of repository {repository} ".encode() * 60 for number in source.sample(range(20), SHARED_LAYERS - 1)]
    config = {"created": created, "architecture": "amd64", "os": "linux", "serial": serial}
    return Image((b"the base layer " * 100, *shared, source.randbytes(LAYER_BYTES)), json.dumps(config).encode())


def with_garbage(images: int, per_repository: int = 100, garbage_percent: int = 20) -> Iterator[Stored]:
    """Images in repositories of equal size. Of those that are garbage, every second was deleted and the others lost their tag."""
    for serial in range(images):
        repository = serial // per_repository
        state = State.KEPT
        # Spread evenly: true for garbage_percent of any hundred numbers in a row.
        if serial * garbage_percent % 100 < garbage_percent:
            state = (State.DELETED, State.UNTAGGED)[serial * garbage_percent // 100 % 2]
        yield Stored(f"team{repository % 10}/app{repository}", (f"v{serial}",), image(serial, repository, "2026-01-01T00:00:00Z"), state)


def with_tags(tags: int, digests: int) -> Iterator[Stored]:
    """One repository; every digest has about as many tags as every other, and is an hour younger than the one before."""
    for serial in range(min(tags, digests)):
        created = f"2026-{1 + serial // 672 % 12:02}-{1 + serial // 24 % 28:02}T{serial % 24:02}:00:00Z"
        names = tuple(f"v{number}" for number in range(serial, tags, digests))
        yield Stored("team/app", names, image(serial, 0, created))


def write(root: Path, stored: Iterator[Stored]) -> Filled:
    """Writes the files below the root of a registry that does not run."""
    filled = Filled()
    made: set[Path] = set()
    written: set[str] = set()
    for one in stored:
        filled.stored.append(one)
        filled.sizes.update({digest: len(data) for digest, data in one.blobs().items()})
        for name, content in one.files():
            if name in written:
                continue
            written.add(name)
            path = root / name
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            path.write_bytes(content)
    filled.files = len(written)
    return filled
