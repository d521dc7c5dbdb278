"""Whether every image is complete: tags, manifests, their children, and blobs; `deep` reads every blob and checks its digest."""

import hashlib
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ops.api import Registry, RegistryError
from ops.cache import Cache
from ops.images import BadManifestError, references
from ops.output import Progress


@dataclass(frozen=True)
class Damage:
    """One thing that is wrong, and the images (repository:tag) that suffer from it."""

    repository: str
    digest: str
    kind: str
    message: str
    images: tuple[str, ...]

    def to_data(self) -> dict[str, object]:
        """For --json."""
        return {
            "repository": self.repository,
            "digest": self.digest,
            "kind": self.kind,
            "message": self.message,
            "images": list(self.images),
        }


@dataclass(frozen=True)
class Report:
    """What was looked at and what was found. `read_bytes` is what `deep` read."""

    repositories: int
    tags: int
    manifests: int
    blobs: int
    read_bytes: int
    deep: bool
    seconds: float
    finished: float
    damage: tuple[Damage, ...]

    def to_data(self) -> dict[str, object]:
        """For --json."""
        return {
            "repositories": self.repositories,
            "tags": self.tags,
            "manifests": self.manifests,
            "blobs": self.blobs,
            "readBytes": self.read_bytes,
            "deep": self.deep,
            "seconds": round(self.seconds, 3),
            "damage": [entry.to_data() for entry in self.damage],
        }


class Verifier:
    """One run. Manifests come from the registry and never from a cache: their presence is what is asked."""

    def __init__(self, registry: Registry, *, deep: bool = False, cache: Cache | None = None, progress: Progress | None = None) -> None:
        self._registry = registry
        self._deep = deep
        self._cache = cache
        self._progress = progress or Progress(quiet=True)
        self._damage: list[tuple[str, str, str, str]] = []
        self._users: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        """(repository, digest) -> tags that need it."""
        self._sizes: dict[tuple[str, str], int] = {}
        self._read_bytes = 0

    def run(self, repositories: Sequence[str] | None = None) -> Report:
        """Looks at these repositories, or at all."""
        started = time.monotonic()
        names = self._registry.repositories() if repositories is None else list(repositories)
        tags = self._tags(names)
        manifests, blobs = self._manifests(tags)
        self._blobs(sorted(blobs))
        self._progress.end()
        damage = tuple(
            sorted(
                (
                    Damage(
                        repository, digest, kind, message, tuple(sorted(f"{repository}:{tag}" for tag in self._users[repository, digest]))
                    )
                    for repository, digest, kind, message in self._damage
                ),
                key=lambda entry: (entry.repository, entry.digest, entry.kind),
            )
        )
        distinct = len({digest for _, digest in blobs})
        seconds = time.monotonic() - started
        return Report(len(names), len(tags), len(manifests), distinct, self._read_bytes, self._deep, seconds, time.time(), damage)

    def _tags(self, names: Sequence[str]) -> dict[tuple[str, str], str]:
        listed = [(repository, tag) for repository, found in self._registry.each(self._registry.tags, names) for tag in found]
        tags: dict[tuple[str, str], str] = {}
        results = self._registry.each(lambda item: self._registry.head_manifest(*item), listed)
        for number, ((repository, tag), digest) in enumerate(results):
            self._progress.step("tags checked", number + 1, len(listed))
            if digest is not None:
                tags[repository, tag] = digest
            elif tag in self._registry.tags(repository):  # else deleted since it was listed
                self._users[repository, tag].add(tag)
                self._damage.append((repository, tag, "tag", "the tag names a manifest that is missing"))
        return tags

    def _manifests(self, tags: dict[tuple[str, str], str]) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """All manifests level by level; returns these and the blobs that they need."""
        level: set[tuple[str, str]] = set()
        for (repository, tag), digest in tags.items():
            self._users[repository, digest].add(tag)
            level.add((repository, digest))
        seen: set[tuple[str, str]] = set()
        blobs: set[tuple[str, str]] = set()
        while level:
            seen |= level
            below: set[tuple[str, str]] = set()
            for number, ((repository, digest), found) in enumerate(self._registry.each(self._read, sorted(level))):
                self._progress.step("manifests checked", number + 1, len(level))
                if isinstance(found, str):
                    self._damage.append((repository, digest, "manifest", found))
                    continue
                children, layers, sizes = found
                for other in (*children, *layers):
                    self._users[repository, other] |= self._users[repository, digest]
                blobs |= {(repository, blob) for blob in layers}
                below |= {(repository, child) for child in children}
                self._sizes |= {(repository, other): size for other, size in sizes.items()}
            level = below - seen
        return seen, blobs

    def _read(self, item: tuple[str, str]) -> tuple[frozenset[str], frozenset[str], dict[str, int]] | str:
        try:
            manifest = self._registry.manifest(*item)
            found = references(manifest.media_type, manifest.body)
        except BadManifestError as error:
            return f"the manifest cannot be read: {error}"
        except RegistryError as error:
            if error.status == 404:
                return "the manifest is missing"
            if error.status == 200:
                return str(error)
            raise
        return found.children, found.blobs, dict(found.sizes or {})

    def _blobs(self, blobs: Sequence[tuple[str, str]]) -> None:
        """Presence for each repository (its link and the data); with `deep` the content, once for each digest."""
        deep_checked: set[str] = set()
        work = []
        for item in blobs:
            work.append((*item, self._deep and item[1] not in deep_checked))
            deep_checked.add(item[1])
        bad: dict[str, tuple[str, str]] = {}
        for number, ((repository, digest, _), result) in enumerate(self._registry.each(self._blob, work)):
            self._progress.step("blobs checked", number + 1, len(work))
            kind, message, count = result
            self._read_bytes += count
            if kind:
                self._damage.append((repository, digest, kind, message))
                if kind == "content":
                    bad[digest] = (kind, message)
        # What is wrong with a digest's content is wrong in every repository that has it.
        known = {(repository, digest) for repository, digest, _, _ in self._damage}
        for repository, digest in blobs:
            if digest in bad and (repository, digest) not in known:
                self._damage.append((repository, digest, *bad[digest]))

    def _blob(self, item: tuple[str, str, bool]) -> tuple[str, str, int]:
        """Kind of damage (empty for none), message, bytes read."""
        repository, digest, deep = item
        expected = self._sizes.get((repository, digest))
        size = self._registry.probe_blob(repository, digest)
        if size is None:
            return "blob", "the blob is missing or cut off", 0
        if expected is not None and size != expected:
            return "blob", f"the blob has {size} bytes, the manifest says {expected}", 0
        if not deep:
            return "", "", 0
        hasher = hashlib.new(digest.partition(":")[0])
        count = 0
        try:
            for piece in self._registry.blob(repository, digest):
                hasher.update(piece)
                count += len(piece)
        except RegistryError as error:
            if error.status in (200, 404):
                return "content", str(error), count
            raise
        if hasher.hexdigest() != digest.partition(":")[2]:
            return "content", f"the blob's content has digest {hasher.name}:{hasher.hexdigest()}", count
        return "", "", count


def prometheus(report: Report) -> str:
    """The result for Prometheus' text file collector."""
    mode = "deep" if report.deep else "presence"
    lines: list[str] = []
    for name, text, value in (
        ("damaged", "Things found missing or wrong by the last verification.", len(report.damage)),
        ("tags", "Tags looked at by the last verification.", report.tags),
        ("manifests", "Manifests looked at by the last verification.", report.manifests),
        ("blobs", "Distinct blobs looked at by the last verification.", report.blobs),
        ("seconds", "How long the last verification took.", round(report.seconds, 3)),
        ("finished_timestamp_seconds", "When the last verification ended.", round(report.finished)),
    ):
        metric = f"registry_ops_verify_{name}"
        lines += [f"# HELP {metric} {text}", f"# TYPE {metric} gauge", f'{metric}{{mode="{mode}"}} {value}']
    return "\n".join(lines) + "\n"


def write_prometheus(report: Report, path: Path) -> None:
    """Writes the text file in one step, so that no half of it is ever read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(prometheus(report), encoding="utf-8")
    temporary.replace(path)
