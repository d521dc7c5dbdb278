"""Manifests without a tag on their way out: who speaks for one after all, and the way back for those that go."""

from collections.abc import Collection, Iterable, Mapping

from ops import in_use, recycle
from ops.api import Registry
from ops.cache import Cache
from ops.delete import Target
from ops.errors import OpsError
from ops.gc.candidates import Named
from ops.gc.needs import Needs
from ops.output import log
from ops.recycle_name import is_bin
from ops.retention import rules
from ops.settings import DAY_SECONDS, Settings


def spared(settings: Settings, doomed: Collection[Named], needs: Mapping[Named, Needs]) -> dict[Named, str]:
    """Those that stay, with the reason: a rule protects the repository, or something of them is on the list of images in use, read now."""
    parsed = rules.parse(settings.retention.rules)
    found = {named: "untagged, but a rule protects the repository" for named in doomed if rules.protects(parsed, named[0])}
    try:
        used = in_use.load(settings)
    except OpsError as error:
        log("in-use list not usable", error=str(error), then="no untagged manifest is deleted")
        return dict.fromkeys(doomed, "untagged, but the list of images in use cannot be read")
    return found | {named: "untagged, but in use" for named in doomed if used & needs[named].digests}


def parents_first(doomed: Iterable[Named], needs: Mapping[Named, Needs]) -> list[Named]:
    """Ordered so that an index comes before its parts."""
    return sorted(doomed, key=lambda named: (-len(needs[named].manifests), named))


class Bin:
    """Puts untagged manifests into the recycle bin before they go, each with all that it needs. For one run."""

    def __init__(self, settings: Settings, registry: Registry, cache: Cache | None, now: float, for_good: Collection[Named] = ()) -> None:
        self._settings = settings
        self._registry = registry
        self._cache = cache
        self._now = now
        self._for_good = for_good
        self._binned: dict[str, set[str]] = {}
        """Repository -> what its bin holds."""

    def _holds(self, repository: str) -> set[str]:
        if repository not in self._binned:
            self._binned[repository] = {entry.digest for entry in recycle.entries(self._registry, self._cache, repository)}
        return self._binned[repository]

    def put(self, doomed: Collection[Named], needs: Mapping[Named, Needs]) -> tuple[dict[Named, recycle.Entry], set[Named]]:
        """The new records, and those that must stay because they cannot be put there. `doomed` in the order of `parents_first`.

        What is in the bin already, alone or as a part of what this run put there, needs no record of its own; nor does what leaves the bin,
        or was deleted for good.
        """
        entries: dict[Named, recycle.Entry] = {}
        staying: set[Named] = set()
        if self._settings.retention.undo_days == 0:
            return entries, staying
        wanted: list[Named] = []
        for repository, digest in doomed:
            if is_bin(repository) or (repository, digest) in self._for_good:
                continue
            if digest not in self._holds(repository):
                wanted.append((repository, digest))
                self._holds(repository).update(needs[repository, digest].manifests)
        for named, entry in self._registry.each(self._put, wanted):
            if entry:
                entries[named] = entry
            else:
                # Its parts were to be kept by it.
                staying.update((named[0], digest) for digest in needs[named].manifests)
        return entries, staying

    def _put(self, named: Named) -> recycle.Entry | None:
        days = self._settings.gc.untagged_grace_seconds / DAY_SECONDS
        target = Target(*named, (), f"no tag for {days:g} days")
        try:
            return recycle.put(self._registry, target, self._now, self._cache)
        except OpsError as error:
            log("untagged manifest kept", repository=named[0], digest=named[1], why=f"cannot be put into the recycle bin: {error}")
            return None

    def remove(self, entries: Iterable[recycle.Entry]) -> None:
        """Takes records back whose manifests stayed."""
        for entry in entries:
            recycle.remove(self._registry, entry)
