"""Deleting images so that no push and nobody's tag is lost: into the recycle bin first, then under a closed gate, looked at again.

Registry 3.x deletes tags; the manifest stays, without a tag, until the garbage collection takes it. Registry 2.8 can only delete a digest
with all its tags: so all tags of the repository are looked up again with the gate closed.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from ops import recycle
from ops.api import Registry
from ops.cache import Cache
from ops.errors import OpsError
from ops.for_good import ForGood
from ops.images import references
from ops.moments import Moment, Moments
from ops.output import Progress, log
from ops.recycle_name import bin_of
from ops.tag_changes import Mark, TagChanges
from ops.walk import load

HIDDEN_FIRST = "the recycle bin"
BATCH = 200
"""Images that go into the bin before the gate closes for them: what was put there is soon acted on."""


@dataclass(frozen=True)
class Target:
    """An image to delete and the tags that go. `parts` counts the manifests below it: an index goes before its parts.

    `runs_as` are further digests under which it may be on the list of images in use: its parts and configs.
    """

    repository: str
    digest: str
    tags: tuple[str, ...]
    reason: str
    parts: int = 0
    runs_as: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """What became of one target. `done` is false when it was left as it is; `message` says why."""

    target: Target
    done: bool
    message: str
    bin_name: str | None = None

    def to_data(self) -> dict[str, object]:
        """For --json."""
        return {
            "repository": self.target.repository,
            "digest": self.target.digest,
            "tags": list(self.target.tags),
            "deleted": self.done,
            "message": self.message,
            "recycleBin": self.bin_name,
        }


class Deleter:
    """Deletes targets; `bin_time` (Unix seconds) stamps the records in the bin, None skips the bin.

    `for_good` takes note of what went without the bin, also of its parts, so that it isn't put there later as manifests without a tag.
    `in_use` reads the list of images in use: before every batch, because making a plan and the batches before may have taken long.
    """

    def __init__(
        self,
        registry: Registry,
        major: int,
        moments: Moments,
        *,
        bin_time: float | None,
        cache: Cache | None = None,
        progress: Progress | None = None,
        changes: TagChanges | None = None,
        in_use: Callable[[], frozenset[str]] = frozenset,
        for_good: ForGood | None = None,
    ) -> None:
        self._registry = registry
        self._major = major
        self._moments = moments
        self._bin_time = bin_time
        self._cache = cache
        self._progress = progress or Progress(quiet=True)
        self._changes = changes
        self._in_use = in_use
        self._for_good = for_good
        self._known: dict[str, tuple[Mark, dict[str, str | None]]] = {}
        """Repository -> its tags as they were at a mark; 2.8 only."""
        self._gone: defaultdict[Target, set[str]] = defaultdict(set)
        """Tags that are deleted already, where all of a target's did not fit into one moment."""
        self._children: dict[str, frozenset[str]] = {}
        """Children of each manifest that was read."""

    def delete(self, targets: Sequence[Target]) -> list[Outcome]:
        """Deletes what is still as the targets say; one outcome for each. An error of the registry ends it: what is done stays done."""
        outcomes: list[Outcome] = []
        ordered = sorted(targets, key=lambda target: (target.repository, -target.parts, target.digest))
        for start in range(0, len(ordered), BATCH):
            batch: list[tuple[Target, recycle.Entry | None]] = []
            used = self._in_use()
            here = ordered[start : start + BATCH]
            running = [target for target in here if used & (target.runs_as | {target.digest})]
            outcomes.extend(Outcome(target, False, "kept: it is in use") for target in running)
            for _, result in self._registry.each(self._recycle, [target for target in here if target not in running]):
                if isinstance(result, Outcome):
                    outcomes.append(result)
                else:
                    batch.append(result)
                self._progress.step("images put into the recycle bin", start + len(batch), len(ordered))
            deleted = self._delete_batch(batch)
            if self._for_good:
                going = (outcome.target for outcome in deleted if outcome.done)
                self._for_good.note((target.repository, digest) for target in going for digest in {target.digest, *target.runs_as})
            outcomes.extend(deleted)
            self._progress.step("images deleted", min(start + BATCH, len(ordered)), len(ordered))
        self._progress.end()
        return outcomes

    def _recycle(self, target: Target) -> "tuple[Target, recycle.Entry | None] | Outcome":
        """Puts one target into the bin, with the gate still open."""
        if self._bin_time is None:
            return target, None
        try:
            entry = recycle.put(self._registry, target, self._bin_time, self._cache)
        except OpsError as error:
            return Outcome(target, False, f"kept: cannot be put into {HIDDEN_FIRST}: {error}")
        return target, entry

    def _delete_batch(self, batch: Sequence[tuple[Target, recycle.Entry | None]]) -> list[Outcome]:
        """Deletes in as many closed moments as it takes; each ends when its time is over."""
        outcomes: list[Outcome] = []
        waiting = list(batch)
        for repository in sorted({target.repository for target, _ in batch}) if self._major == 2 else ():
            self._remember_tags(repository)
        while waiting:
            with self._moments("deleting images") as moment:
                while waiting:
                    # One repository at a time: on 2.8 its tags are looked up once for all of its targets.
                    repository = waiting[0][0].repository
                    here = [item for item in waiting if item[0].repository == repository]
                    done = self._delete_here(repository, here, moment)
                    outcomes.extend(done)
                    finished = {(outcome.target.repository, outcome.target.digest, outcome.target.tags) for outcome in done}
                    waiting = [item for item in waiting if (item[0].repository, item[0].digest, item[0].tags) not in finished]
                    if moment.left() <= 0:
                        break
        entries = {(target.repository, target.digest, target.tags): entry for target, entry in batch}
        for outcome in outcomes:
            entry = entries[outcome.target.repository, outcome.target.digest, outcome.target.tags]
            if entry and not outcome.done:
                recycle.remove(self._registry, entry)
            log("deleted" if outcome.done else "not deleted", **outcome.to_data())
        return outcomes

    def _delete_here(self, repository: str, items: Sequence[tuple[Target, recycle.Entry | None]], moment: Moment) -> list[Outcome]:
        """The items of one repository, until the moment is over; at least one tag. One whose tags did not all go yet has no outcome."""
        now = self._tags_now(repository, items)
        by_digest: defaultdict[str, set[str]] = defaultdict(set)
        for tag, digest in now.items():
            if digest:
                by_digest[digest].add(tag)
        staying = self._staying(repository, [target for target, _ in items], by_digest)
        outcomes: list[Outcome] = []
        for target, entry in items:
            if outcomes and moment.left() <= 0:
                break
            name = entry.name if entry else None
            if target in staying:
                outcomes.append(Outcome(target, False, f"kept: {staying[target]}"))
                continue
            if self._major == 2:
                self._delete_digest(target, moment)
            else:
                for tag in sorted(set(target.tags) - self._gone[target]):
                    if self._gone[target] and moment.left() <= 0:
                        return outcomes
                    moment.check()
                    self._registry.delete_tag(repository, tag)
                    self._gone[target].add(tag)
            outcomes.append(Outcome(target, True, target.reason, name))
        return outcomes

    def _delete_digest(self, target: Target, moment: Moment) -> None:
        """Deletes a manifest with its tags. One that is not there although tags name it was deleted by a request that then was cut off, and
        its tags dangle: the registry removes them only together with a manifest.
        """
        moment.check()
        if self._registry.delete_manifest(target.repository, target.digest):
            return
        manifest = self._cache.get(target.digest) if self._cache else None
        if manifest is None and self._bin_time is not None:
            manifest = self._registry.manifest(bin_of(target.repository), target.digest)
        if manifest:
            moment.check()
            self._registry.put_manifest(target.repository, target.digest, manifest.media_type, manifest.body)
            moment.check()
            self._registry.delete_manifest(target.repository, target.digest)

    def _remember_tags(self, repository: str) -> None:
        """Looks up all tags of a repository with the gate open, so that with the gate closed only what was pushed since is looked up."""
        mark = self._changes.mark() if self._changes else None
        if mark is None:
            return
        tags = self._look_up(repository, self._registry.tags(repository))
        self._known[repository] = (mark, tags)
        digests = sorted({digest for digest in tags.values() if digest})
        for _ in self._registry.each(lambda digest: self._read_children(repository, digest), digests):
            pass

    def _look_up(self, repository: str, tags: Collection[str]) -> dict[str, str | None]:
        return dict(self._registry.each(lambda tag: self._registry.head_manifest(repository, tag), sorted(tags)))

    def _tags_now(self, repository: str, items: Sequence[tuple[Target, recycle.Entry | None]]) -> dict[str, str | None]:
        """The digests of the tags that matter: on 3.x those that go, on 2.8 every one of the repository."""
        if self._major == 3:
            return self._look_up(repository, {tag for target, _ in items for tag in target.tags})
        there = self._registry.tags(repository)
        mark, known = self._known.get(repository, (None, {}))
        changed = self._changes.since(mark, repository) if self._changes and mark else None
        if changed is None:
            return self._look_up(repository, there)
        same = {tag: known[tag] for tag in there if tag in known and tag not in changed}
        return same | self._look_up(repository, set(there) - same.keys())

    def _read_children(self, repository: str, digest: str) -> frozenset[str]:
        if digest not in self._children:
            manifest = load(self._registry, self._cache, repository, digest)
            self._children[digest] = references(manifest.media_type, manifest.body).children
        return self._children[digest]

    def _staying(self, repository: str, targets: Sequence[Target], by_digest: Mapping[str, set[str]]) -> dict[Target, str]:
        """The targets that must stay after all, and why. One that stays may be an index whose parts then must stay too."""
        staying: dict[Target, str] = {}
        while True:
            going = {target.digest for target in targets if target not in staying}
            needed = self._needed(repository, by_digest, going) if self._major == 2 else frozenset()
            found = {target: self._objection(target, by_digest.get(target.digest, set()), needed) for target in targets}
            now = {target: message for target, message in found.items() if message}
            if now == staying:
                return staying
            staying = now

    def _needed(self, repository: str, by_digest: Mapping[str, set[str]], going: set[str]) -> frozenset[str]:
        """Children of indexes that stay. An index may have been pushed since the plan was made."""
        needed: set[str] = set()
        waiting = [digest for digest, tags in by_digest.items() if tags and digest not in going]
        while waiting:
            children = self._read_children(repository, waiting.pop()) - needed
            needed |= children
            waiting.extend(children)
        return frozenset(needed)

    def _objection(self, target: Target, tags_now: set[str], needed: frozenset[str]) -> str | None:
        """Why the target must stay after all."""
        missing = set(target.tags) - tags_now - self._gone[target]
        if missing:
            return f"tag {min(missing)} names another image by now or is gone"
        if self._major == 3:
            return None
        more = tags_now - set(target.tags)
        if more:
            return f"tag {min(more)} names the same image, and registry 2.8 can only delete all tags of an image"
        if target.digest in needed:
            return "it is part of an index that stays"
        return None
