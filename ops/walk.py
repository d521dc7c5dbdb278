"""Everything that tags reach: tag -> manifest -> children -> blobs. This is key 2 of the garbage collection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from ops.api import Manifest, Registry, RegistryError
from ops.cache import Cache
from ops.images import BadManifestError, References, is_stored_as, references
from ops.output import Progress


@dataclass(frozen=True)
class Problem:
    """Something that the walk could not follow, so that what lies behind it is not known to be in use."""

    repository: str
    reference: str
    digest: str | None
    message: str


@dataclass(frozen=True)
class Reachable:
    """What is in use, of blobs with another digest than SHA-256 also the one of their data. With any problem nothing is garbage."""

    tags: Mapping[tuple[str, str], str]
    manifests: Mapping[str, frozenset[str]]
    blobs: Mapping[str, frozenset[str]]
    problems: list[Problem]

    def all_digests(self) -> frozenset[str]:
        """Every digest in use in any repository: manifests and blobs (the registry stores both as blobs)."""
        return frozenset().union(*self.manifests.values(), *self.blobs.values())


def load(registry: Registry, cache: Cache | None, repository: str, digest: str) -> Manifest:
    """A manifest by digest, from the cache or the registry. Raises RegistryError with status 404 when it is missing."""
    found = cache.get(digest) if cache else None
    if found is None:
        found = registry.manifest(repository, digest)
        if cache:
            cache.put(found)
    return found


class Stored:
    """Under which digest the data of blobs is stored that have another digest than SHA-256 (rare). Remembered: content never changes."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._known: dict[str, str] = {}

    def add(self, repository: str, blobs: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
        """The blobs with the digests of their data added, and those of which that cannot be known because they are not there."""
        found, missing = set(blobs), set[str]()
        for digest in blobs:
            if is_stored_as(digest):
                continue
            stored = self._known.get(digest) or self._registry.stored_digest(repository, digest)
            if stored is None:
                missing.add(digest)
            else:
                self._known[digest] = stored
                found.add(stored)
        return frozenset(found), frozenset(missing)

    def digests(self) -> frozenset[str]:
        """The digests of data met so far that no manifest names: the registry's own collector takes these blobs for garbage."""
        return frozenset(self._known.values())


class _Repository:
    """What is reached in one repository so far."""

    def __init__(self) -> None:
        self.manifests: set[str] = set()
        self.blobs: set[str] = set()


def _read(registry: Registry, cache: Cache | None, stored: Stored, repository: str, digest: str) -> References | str:
    """What the manifest refers to, or what is wrong with it."""
    try:
        found = load(registry, cache, repository, digest)
        refers = references(found.media_type, found.body)
        blobs, missing = stored.add(repository, refers.blobs)
        return f"the blob {min(missing)} is missing" if missing else replace(refers, blobs=blobs)
    except RegistryError as error:
        if error.status != 404:
            raise
        return "the manifest is missing"
    except BadManifestError as error:
        return f"the manifest cannot be read: {error}"


def walk(registry: Registry, cache: Cache | None, progress: Progress | None = None, stored: Stored | None = None) -> Reachable:
    """Follows every tag of every repository. Raises RegistryError when the registry does not answer properly."""
    progress = progress or Progress(quiet=True)
    problems: list[Problem] = []
    stored = stored or Stored(registry)
    names = registry.repositories()
    listed: list[tuple[str, str]] = []
    for number, (repository, names_of_tags) in enumerate(registry.each(registry.tags, names)):
        listed.extend((repository, tag) for tag in names_of_tags)
        progress.step("repositories listed", number + 1, len(names))

    tags: dict[tuple[str, str], str] = {}
    for number, ((repository, tag), digest) in enumerate(registry.each(lambda item: registry.head_manifest(*item), listed)):
        progress.step("tags looked up", number + 1, len(listed))
        if digest is not None:
            tags[repository, tag] = digest
        elif tag in registry.tags(repository):
            problems.append(Problem(repository, tag, registry.lost_manifest(repository, tag), "the tag's manifest is missing"))
        # Else it was deleted between the list and the look.

    found: dict[str, _Repository] = {repository: _Repository() for repository in names}
    # Each level of manifests at once: tags first, then their children, and so on.
    level: dict[tuple[str, str], str] = {(repository, digest): tag for (repository, tag), digest in tags.items()}
    while level:
        for repository, digest in level:
            found[repository].manifests.add(digest)
        below: dict[tuple[str, str], str] = {}
        results = registry.each(lambda item: _read(registry, cache, stored, *item), list(level))
        for number, ((repository, digest), result) in enumerate(results):
            progress.step("manifests read", number + 1, len(level))
            reference = level[repository, digest]
            if isinstance(result, str):
                problems.append(Problem(repository, reference, digest, result))
                continue
            found[repository].blobs.update(result.blobs)
            for child in result.children:
                if child not in found[repository].manifests:
                    below[repository, child] = reference
        level = below
    progress.end()
    return Reachable(
        tags,
        {repository: frozenset(entry.manifests) for repository, entry in found.items()},
        {repository: frozenset(entry.blobs) for repository, entry in found.items()},
        problems,
    )


def closure(registry: Registry, repository: str, digest: str, cache: Cache | None = None) -> frozenset[str]:
    """The manifest itself, its children and all their blobs. Raises RegistryError or BadManifestError when that cannot be known."""
    seen: set[str] = set()
    stored = Stored(registry)
    waiting = [digest]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        manifest = load(registry, cache, repository, current)
        refers = references(manifest.media_type, manifest.body)
        waiting.extend(refers.children)
        blobs, missing = stored.add(repository, refers.blobs)
        if missing:
            raise RegistryError(f"{repository}@{current}: the blob {min(missing)} is missing", 404)
        seen.update(blobs)
    return frozenset(seen)
