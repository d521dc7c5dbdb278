"""Writes that came through a closed gate, put back: what was acknowledged stays, whatever was deleted or tagged in that moment.

One can slip in when a replica is restarted just as the gate closes: it passed the edge before, and no replica counted it yet.
"""

import contextlib
from collections.abc import Iterator

from ops.api import Manifest, Registry, RegistryError
from ops.cache import Cache
from ops.errors import STOPPED, OpsError
from ops.journal_lines import Written
from ops.output import log
from ops.recycle_name import bin_of
from ops.tag_changes import JournalTagChanges


class Slipped:
    """Looks into the journal before and after a closed moment. Without a usable journal it can't know of any, and says so."""

    def __init__(self, registry: Registry, cache: Cache | None, changes: JournalTagChanges) -> None:
        self._registry = registry
        self._cache = cache
        self._changes = changes

    @contextlib.contextmanager
    def put_back(self) -> Iterator[None]:
        """Around the work of a moment, with the gate closed. Raises OpsError when something had slipped in, after it was put back."""
        mark = self._changes.mark()
        try:
            yield
        finally:
            written = self._changes.written(mark) if mark else None
            for entry in sorted(written or (), key=repr):
                self._put_back(entry)
        if written:
            raise OpsError("a write came through the closed gate: what it wrote is there, and nothing more was changed", STOPPED)

    def _put_back(self, entry: Written) -> None:
        if not entry.digest:
            # The client was never told that it succeeded.
            return
        if self._registry.head_manifest(entry.repository, entry.reference) == entry.digest:
            return
        manifest = self._manifest(entry)
        if manifest:
            self._registry.put_manifest(entry.repository, entry.reference, manifest.media_type, manifest.body)
        then = "put back" if manifest else "LOST: its manifest is nowhere"
        log("a write came through the closed gate", alert=True, repository=entry.repository, reference=entry.reference, then=then)

    def _manifest(self, entry: Written) -> Manifest | None:
        for repository in (entry.repository, bin_of(entry.repository)):
            try:
                return self._registry.manifest(repository, entry.digest)
            except RegistryError as error:
                if error.status != 404:
                    raise
        return self._cache.get(entry.digest) if self._cache else None
