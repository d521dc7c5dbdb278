"""Which blobs and manifests may go: pure decisions on what the two keys, the history and the journal say."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ops.gc.collector import DryRun
from ops.walk import Reachable

Named = tuple[str, str]
"""A manifest in a repository: (repository, digest)."""


@dataclass(frozen=True)
class Keys:
    """What both keys say, in one run."""

    garbage: frozenset[str]
    """Blobs that both call garbage."""
    kept_by_walk: frozenset[str]
    """Blobs that the collector calls garbage and the walk does not."""
    untagged: frozenset[Named]
    """Manifests that the collector found and no tag reaches."""
    unmarked: frozenset[Named]
    """Manifests that a tag reaches and the collector did not find."""
    unlisted: frozenset[str] = frozenset()
    """Repositories in which the collector found manifests and that the walk did not know. It looked later, and none ever vanishes."""


def compare(first: DryRun, second: Reachable, alive: Collection[str]) -> Keys:
    """Lays the keys side by side. `alive`: all that untagged manifests refer to; they may be pulled by digest until they are deleted."""
    reached = second.all_digests()
    tagged = {(repository, digest) for repository, digests in second.manifests.items() for digest in digests}
    return Keys(
        garbage=first.eligible - reached - frozenset(alive),
        kept_by_walk=first.eligible & (reached | frozenset(alive)),
        untagged=first.manifests - tagged,
        unmarked=frozenset(tagged - first.manifests),
        unlisted=frozenset(repository for repository, _ in first.manifests) - second.manifests.keys(),
    )


def disagreements(keys: Keys, touched: Collection[str]) -> list[str]:
    """Where the keys contradict each other although nothing was written meanwhile: the collector skipped something. Empty when all is well.

    Then none of its answers may be trusted in this run: it may also have skipped what only it can see.
    """
    blobs = sorted(keys.kept_by_walk.difference(touched))
    manifests = sorted(named for named in keys.unmarked if named[1] not in touched)
    found = [f"the catalog does not list the repository {repository}" for repository in sorted(keys.unlisted)]
    found += [f"the collector calls {digest} garbage, but an image refers to it" for digest in blobs[:5]]
    found += [f"the collector did not look at {digest} in {repository}" for repository, digest in manifests[:5]]
    more = len(keys.unlisted) + len(blobs) + len(manifests) - len(found)
    return found + ([f"and {more} more"] if more > 0 else [])


def history(before: Mapping[Named, float], now: float, garbage: Iterable[Named]) -> dict[Named, float]:
    """Since when each is garbage without a break. What was in use in between starts again."""
    return {named: before.get(named, now) for named in garbage}


def ripe(since: Mapping[Named, float], now: float, grace: float) -> frozenset[Named]:
    """Those that are garbage for `grace` seconds."""
    return frozenset(named for named, first in since.items() if first <= now - grace)


def deletable_untagged(
    ripe_manifests: Collection[Named],
    untagged: Collection[Named],
    touched: Collection[str],
    *,
    closure: Callable[[Named], Collection[str]],
    subject: Callable[[Named], str | None],
    reached: Collection[str],
) -> frozenset[Named]:
    """Untagged manifests that may be deleted: ripe, untouched, no child of one that stays, not about an image that is tagged."""
    going = {
        named
        for named in ripe_manifests
        if named in untagged and named[1] not in touched and named[1] not in reached and subject(named) not in reached
    }
    while True:
        kept: set[Named] = set()
        for named in untagged:
            if named not in going:
                kept.update((named[0], digest) for digest in closure(named))
        staying = going & kept
        if not staying:
            return frozenset(going)
        going -= staying
