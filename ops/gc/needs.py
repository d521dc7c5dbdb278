"""What manifests refer to, as far as the registry still knows them."""

from collections.abc import Iterable
from dataclasses import dataclass

from ops.api import Registry, RegistryError
from ops.cache import Cache
from ops.images import BadManifestError, References, references
from ops.journal_lines import Written
from ops.output import log
from ops.walk import Stored, load


@dataclass(frozen=True)
class Needs:
    """A manifest (`root`) with its children, and all their blobs; all in one repository.

    `gone`: manifests that could not be read, and missing blobs of another digest than SHA-256: nobody knows the one of their data.
    """

    root: str
    manifests: frozenset[str]
    blobs: frozenset[str]
    gone: frozenset[str] = frozenset()

    @property
    def digests(self) -> frozenset[str]:
        """All of them: the registry stores both kinds as blobs."""
        return self.manifests | self.blobs


NOTHING = Needs("", frozenset(), frozenset())


class Reader:
    """Reads manifests and remembers what they need: a digest's content never changes."""

    def __init__(self, registry: Registry, cache: Cache | None) -> None:
        self.registry = registry
        self._cache = cache
        self._known: dict[str, References] = {}
        self.stored = Stored(registry)

    def references(self, repository: str, digest: str) -> References | None:
        """What one manifest refers to; None when it is gone. Raises RegistryError when the registry does not answer properly."""
        found = self._known.get(digest)
        if found is None:
            try:
                manifest = load(self.registry, self._cache, repository, digest)
            except RegistryError as error:
                if error.status != 404:
                    raise
                return None
            found = references(manifest.media_type, manifest.body)
            self._known[digest] = found
        return found

    def needs(self, repository: str, digest: str) -> Needs:
        """Everything that the manifest needs. A child that is gone can't be followed; its digest is in the result all the same."""
        manifests: set[str] = set()
        blobs: set[str] = set()
        gone: set[str] = set()
        waiting = [digest]
        while waiting:
            current = waiting.pop()
            if current in manifests:
                continue
            manifests.add(current)
            refers = self.references(repository, current)
            if refers is None:
                gone.add(current)
            else:
                waiting.extend(refers.children)
                found, missing = self.stored.add(repository, refers.blobs)
                blobs.update(found)
                gone.update(missing)
        return Needs(digest, frozenset(manifests), frozenset(blobs), frozenset(gone))

    def written(self, entry: Written) -> tuple[str, Needs]:
        """Repository and needs of a manifest that the journal names; where the answer got lost, of what is there now."""
        digest = entry.digest or self._now(entry)
        return entry.repository, self.needs(entry.repository, digest) if digest else NOTHING

    def _now(self, entry: Written) -> str | None:
        """The digest that is there now. None where the registry takes no such name: nothing can have been written there."""
        try:
            return self.registry.head_manifest(entry.repository, entry.reference)
        except RegistryError as error:
            if error.status in (401, 403, 408, 429) or not 300 <= error.status < 500:
                raise
            return None

    def all_written(self, entries: Iterable[Written]) -> list[tuple[str, Needs]]:
        """The same for many, in parallel. One that can't be understood needs nothing that could be known; the others count all the same."""
        ordered = sorted(entries, key=lambda entry: (entry.repository, entry.reference))
        return [result for _, result in self.registry.each(self._readable, ordered)]

    def _readable(self, entry: Written) -> tuple[str, Needs]:
        try:
            return self.written(entry)
        except BadManifestError as error:
            log("manifest not understood", repository=entry.repository, reference=entry.reference, error=str(error))
            return entry.repository, NOTHING
