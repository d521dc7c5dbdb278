"""Brings back from quarantine what an image needs."""

from collections.abc import Callable, Iterable

from ops.api import Registry, RegistryError
from ops.gc.needs import Needs
from ops.output import log
from ops.sweep import Sweeper


class Rescue:
    """Looks whether blobs and manifests can really be read, and restores those that can't."""

    def __init__(self, registry: Registry, sweeper: Sweeper, flush: Callable[[], None]) -> None:
        self._registry = registry
        self._sweeper = sweeper
        self._flush = flush
        self.restored: set[str] = set()
        self.missing: set[str] = set()

    def _readable(self, item: tuple[str, str, bool]) -> bool:
        repository, digest, is_manifest = item
        if not is_manifest:
            return self._registry.probe_blob(repository, digest) is not None
        try:
            self._registry.manifest(repository, digest)
        except RegistryError as error:
            if error.status != 404:
                raise
            return False
        return True

    def _exists(self, repository: str, needs: Needs) -> bool:
        """Whether the image is still there at all: one that was deleted needs nothing."""
        return self._registry.head_manifest(repository, needs.root) is not None

    def check(self, images: Iterable[tuple[str, Needs]], only: Callable[[str], bool] = lambda _: True) -> None:
        """Reads what the images need, each digest once; what is missing comes back from quarantine. `only` narrows down what is read."""
        wanted: dict[str, tuple[str, str, bool]] = {}
        owners: dict[str, tuple[str, Needs]] = {}
        for repository, needs in images:
            for digest in needs.digests:
                if only(digest):
                    wanted.setdefault(digest, (repository, digest, digest in needs.manifests))
                    owners.setdefault(digest, (repository, needs))
        missing = {item[1] for item, readable in self._registry.each(self._readable, list(wanted.values())) if not readable}
        if not missing:
            return
        # Restored before asking whether the image still exists: with its manifest in quarantine the registry would say no.
        known = self._sweeper.quarantined()
        back = {digest for digest in missing if digest in known}
        if back:
            log("gc.missing", level="alert", digests=sorted(back))
            self._sweeper.restore(back)
            # The registry may remember that a blob is not there.
            self._flush()
        still = {digest for digest in missing if not self._readable(wanted[digest]) and self._exists(*owners[digest])}
        self.restored |= back - still
        self.missing |= still
        if back or still:
            log("gc.restored", level="alert", digests=sorted(back - still), missing=sorted(still))
