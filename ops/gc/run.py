"""`ops gc`: one garbage collection, from the two keys to the verification."""

import contextlib
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ops import delete, walk
from ops.api import Manifest, Registry, RegistryError
from ops.cache import Cache
from ops.drain import Drain
from ops.errors import STOPPED, OpsError
from ops.for_good import ForGood
from ops.gate import ClosedGate, Gate, GateError
from ops.gc import candidates, collector, untagged
from ops.gc.candidates import Named
from ops.gc.database import Database, note, remember
from ops.gc.needs import Needs, Reader
from ops.gc.report import Report
from ops.gc.rescue import Rescue
from ops.journal import Journal, JournalError
from ops.journal_lines import Written
from ops.lock import Lease, Lock
from ops.moments import PAUSE_SECONDS
from ops.output import Progress, log
from ops.settings import DAY_SECONDS, Settings
from ops.spool import Spool
from ops.sweep import Sweeper, SweepError, run_name

T = TypeVar("T")
ALERT_AFTER = 3
"""Runs that stopped, one after the other, before somebody must look."""


_LOOKED = "history_at"
"""When a collection on this host last brought up to date what is garbage since when."""
WHILE_SECONDS = 1.5 * DAY_SECONDS
"""Longer than the pause between two nightly runs."""


class NotDrainedError(OpsError):
    """Writes did not end in time; the gate is open again and nothing was swept."""

    def __init__(self, message: str) -> None:
        super().__init__(message, STOPPED)


class CacheError(OpsError):
    """The registry's cache can't be made to forget swept blobs: nothing may be swept."""

    def __init__(self, message: str) -> None:
        super().__init__(message, STOPPED)


class TagsMissedError(OpsError):
    """The registry's lists left out tags: what looks untagged may have one."""

    def __init__(self, message: str) -> None:
        super().__init__(message, STOPPED)


@dataclass(frozen=True)
class Timing:
    """Pauses and sizes, in seconds and blobs."""

    close_grace: float = 0.2
    """After the gate file appears: requests that passed it a moment before reach their replica."""
    log_grace: float = 0.1
    """After the last write: nginx writes its line."""
    lookup_grace: float = 0.3
    """After the move: lookups that saw the blob end, before the cache is flushed."""
    attempts: int = 6
    """How often closing is tried when writes don't drain."""
    attempt_pause: float = 60.0
    """How long a moment without writes is waited for, with the gate open, before the next try."""
    pause: float = PAUSE_SECONDS
    """How long writes get their turn between two closings at least; they get as long as they had to wait."""
    first_batch: int = 200
    largest_batch: int = 20_000
    sample: int = 50
    """How many tagged images are verified at the end, besides those written meanwhile."""


@dataclass
class Parts:
    """What a collection works with."""

    settings: Settings
    registry: Registry
    cache: Cache | None
    lock: Lock
    gate: Gate
    journal: Journal
    collector: Spool
    sweeper: Sweeper
    database: Database
    flush: Callable[[], None]
    """Makes the registry's replicas forget what they know about blobs. Raises OpsError."""
    drain: Drain
    for_good: ForGood
    progress: Progress | None = None
    timing: Timing = field(default_factory=Timing)
    step: Callable[[str], None] = lambda _: None
    """Called at each phase; tests kill the process there."""


@dataclass(frozen=True)
class _Window:
    """From when on the journal protects: wall clock and position, whichever is earlier."""

    since: float
    position: int


class GarbageCollection:
    """One run. Holds the lock throughout."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._reader = Reader(parts.registry, parts.cache)
        self._needs_of: dict[Written, tuple[str, Needs]] = {}
        self._batch = parts.timing.first_batch
        self._rescue = Rescue(parts.registry, parts.sweeper, parts.flush)
        self._unsure: set[Written] = set()
        """Entries without a digest: what they mean is settled only once writes have ended, so they are looked up again under the gate."""
        self._open_until = float("-inf")
        """When the gate may close again (monotonic)."""

    def run(self, *, dry_run: bool = False, wait_seconds: float = 0) -> Report:
        """Collects. What stops it (a journal with a hole, writes that do not drain, keys that contradict each other) is in the report.

        Raises LockHeldError, and OpsError when a service does not answer.
        """
        started = time.time()
        report = Report(run=run_name(started), dry_run=dry_run)
        with self._parts.gate.job("gc", wait_seconds) as lease:
            try:
                self._collect(lease, report, started)
            except collector.VanishedError as error:
                report.stopped = str(error)
            except (OpsError, OSError, sqlite3.Error) as error:
                if not dry_run:
                    self._count_failure(report, str(error))
                raise
            finally:
                with self._parts.database.change() as connection:
                    connection.execute("DELETE FROM notes WHERE name = 'run_started'")
        report.seconds = round(time.time() - started, 3)
        if not dry_run:
            self._count_stops(report)
        log("gc.end", **report.data())
        return report

    def _count_failure(self, report: Report, reason: str) -> None:
        """A run that fails counts as one that stops. What fails may be the database."""
        report.stopped = reason
        try:
            self._count_stops(report)
        except (OSError, sqlite3.Error) as error:
            log("gc.stopped", level="alert", reason=reason, not_counted=str(error))

    def _count_stops(self, report: Report) -> None:
        """A run that stops is safe and may be bad luck; many in a row mean that storage only grows."""
        with self._parts.database.change() as connection:
            count = int(note(connection, "stopped_in_a_row") or 0) + 1 if report.stopped else 0
            remember(connection, "stopped_in_a_row", str(count))
        report.stopped_in_a_row = count
        if count >= ALERT_AFTER:
            log("gc.stopped", level="alert", runs=count, reason=report.stopped)

    # The phases.

    def _collect(self, lease: Lease, report: Report, started: float) -> None:
        parts, gc = self._parts, self._parts.settings.gc
        parts.collector.tidy()
        parts.sweeper.tidy()
        with parts.database.change() as connection:
            remember(connection, "run_started", repr(started))
        journal_problem = ""
        try:
            parts.journal.collect()
        except JournalError as error:
            journal_problem = str(error)
        mark = parts.journal.position()

        parts.step("keys")
        first = collector.dry_run(parts.collector)
        second = walk.walk(parts.registry, parts.cache, parts.progress, self._reader.stored)
        tagged = {(repository, digest) for repository, digests in second.manifests.items() for digest in digests}
        untagged_needs = self._untagged_needs(first.manifests - tagged)
        alive = {digest for needs in untagged_needs.values() for digest in needs.digests}
        keys = candidates.compare(first, second, alive)
        report.eligible, report.garbage = len(first.eligible), len(keys.garbage)

        if not journal_problem:
            try:
                parts.journal.collect()
                parts.journal.require(min(started, time.time() - gc.blob_grace_seconds))
            except JournalError as error:
                journal_problem = str(error)
        window = _Window(min(started, time.time() - gc.blob_grace_seconds), mark)
        problems = [f"{problem.repository}:{problem.reference}: {problem.message}" for problem in second.problems if self._remains(problem)]
        problems += self._contradictions(keys, tagged, started, mark) if not journal_problem else []
        if not report.dry_run:
            # Also when this run will do nothing else: what was wrongly swept comes back.
            parts.sweeper.relearn()
            self._bring_back(second, report)
        if problems:
            report.stopped = "the keys can't be trusted: " + "; ".join(problems[:10])
            return

        now = time.time()
        blobs, manifests = self._histories(keys, now, report, journal_problem)
        ripe = {digest for _, digest in candidates.ripe(blobs, now, gc.blob_grace_seconds)}
        report.kept_back["not garbage for long enough"] = len(keys.garbage) - len(ripe)
        report.kept_back["only the collector calls it garbage"] = len(keys.kept_by_walk)
        protected = self._protected(window)
        ready = ripe - protected
        report.kept_back["touched or written lately"] = len(ripe) - len(ready)
        report.ready = len(ready)
        old = candidates.ripe(manifests, now, gc.untagged_grace_seconds)
        doomed = self._doomed(old, keys, untagged_needs, reached=second.all_digests(), mark=mark, report=report)
        report.untagged_ready = len(doomed)
        if journal_problem:
            report.stopped = journal_problem
            return
        if report.dry_run:
            return

        self._act(lease, report, window, ready=ready, doomed=doomed, needs=untagged_needs, reachable=second)

    def _act(
        self,
        lease: Lease,
        report: Report,
        window: _Window,
        *,
        ready: Collection[str],
        doomed: Collection[Named],
        needs: Mapping[Named, Needs],
        reachable: walk.Reachable,
    ) -> None:
        """Everything that changes something: sweep, delete, verify, empty old quarantines."""
        parts = self._parts
        parts.step("act")
        ended = False
        try:
            if ready or doomed:
                parts.sweeper.ready()
                self._refuse_private_caches()
            self._sweep_all(lease, report, window, sorted(ready))
            self._look_for_tags(doomed, reachable)
            self._delete_all(lease, report, window, untagged.parents_first(doomed, needs), needs)
        except (JournalError, NotDrainedError, GateError, CacheError, TagsMissedError) as error:
            report.stopped = str(error)
        except KeyboardInterrupt:
            # Somebody wants us gone: what verification would find, the next run or the main loop's watch finds.
            ended = True
            raise
        finally:
            if not ended:
                parts.step("verify")
                self._verify(reachable, window.position, report)
        if report.swept_blobs:
            # On object storage quarantine also holds copies of blobs that stayed after all.
            known = parts.sweeper.quarantined()
            there = parts.sweeper.contents(report.run)
            report.swept_bytes = sum(entry.size for entry in there if report.run in known.get(entry.digest, ()))
        lease.check()
        parts.step("expire")
        report.expired_quarantines = len(parts.sweeper.expire(parts.gate.now() - parts.settings.gc.quarantine_days * DAY_SECONDS))

    def _refuse_private_caches(self) -> None:
        """A cache in a replica's memory can't be flushed: it would go on to call swept blobs present."""
        if self._parts.settings.cache == "inmemory":
            raise CacheError("the replicas cache blobs in their memory, which cannot be flushed (cache: inmemory); use cache redis or none")

    def _untagged_needs(self, manifests: Collection[Named]) -> dict[Named, Needs]:
        found: dict[Named, Needs] = {}
        for named, needs in self._parts.registry.each(lambda item: self._reader.needs(*item), sorted(manifests)):
            found[named] = needs
        return found

    def _remains(self, problem: walk.Problem) -> bool:
        """Whether a problem of the walk is still there: an image that was deleted or replaced during the walk is none."""
        digest = self._parts.registry.head_manifest(problem.repository, problem.reference)
        if digest is None:
            return problem.reference in self._parts.registry.tags(problem.repository)
        return bool(self._reader.needs(problem.repository, digest).gone)

    def _contradictions(self, keys: candidates.Keys, tagged: Collection[Named], started: float, mark: int) -> list[str]:
        """Where the keys contradict each other. What was written or touched since the run began explains a difference, and data that
        only this key knows because manifests name it by another digest than SHA-256.
        """
        explained = self._protected(_Window(started - 5, mark)) | self._reader.stored.digests()
        return candidates.disagreements(keys, explained) + self._vanished(keys.untagged | set(tagged))

    def _vanished(self, present: Collection[Named]) -> list[str]:
        """Untagged manifests that an earlier run saw and nobody deleted, but neither key sees now: the collector skipped something."""
        with self._parts.database.change() as connection:
            rows = connection.execute("SELECT repository, digest FROM garbage WHERE kind = 'manifest'").fetchall()
        earlier = sorted({(str(repository), str(digest)) for repository, digest in rows}.difference(present))
        found = self._parts.registry.each(lambda item: self._parts.registry.head_manifest(*item), earlier)
        return [f"the collector did not look at {digest} in {repository}" for (repository, digest), there in found if there]

    def _histories(
        self, keys: candidates.Keys, now: float, report: Report, journal_problem: str
    ) -> tuple[dict[Named, float], dict[Named, float]]:
        """Since when blobs and manifests are garbage."""
        used = self._used_meanwhile(now, journal_problem)
        blobs = self._history("blob", [("", digest) for digest in keys.garbage], now, used, report)
        manifests = self._history("manifest", keys.untagged, now, used, report)
        if not report.dry_run:
            with self._parts.database.change() as connection:
                remember(connection, _LOOKED, repr(now))
        return blobs, manifests

    def _used_meanwhile(self, now: float, journal_problem: str) -> frozenset[str] | None:
        """Of a fleet, whose collections other hosts ran for a while: the digests that were written or asked for since this one last looked,
        so that none of them was garbage all the time. None when that is not known of any.
        """
        with self._parts.database.change() as connection:
            last = float(note(connection, _LOOKED) or now)
        if self._parts.settings.fleet is None or now - last <= WHILE_SECONDS:
            return frozenset()
        if not journal_problem:
            try:
                self._parts.journal.require(last)
            except JournalError as error:
                journal_problem = str(error)
        if journal_problem:
            log("gc.history", why=journal_problem, then="what is garbage since when begins anew on this host", seconds=round(now - last))
            return None
        return frozenset(self._protected(_Window(last, self._parts.journal.position())))

    def _history(
        self, kind: str, garbage: Collection[Named], now: float, used: Collection[str] | None, report: Report
    ) -> dict[Named, float]:
        """Brings the record of what is garbage since when up to date. A dry run leaves it alone. `used` was in use since the last time."""
        with self._parts.database.change() as connection:
            rows = connection.execute("SELECT repository, digest, since FROM garbage WHERE kind = ?", (kind,)).fetchall()
            before = {(str(row[0]), str(row[1])): float(row[2]) for row in rows if used is not None and str(row[1]) not in used}
            since = candidates.history(before, now, garbage)
            if not report.dry_run:
                connection.execute("DELETE FROM garbage WHERE kind = ?", (kind,))
                connection.executemany(
                    "INSERT INTO garbage VALUES (?, ?, ?, ?)", [(kind, named[0], named[1], first) for named, first in since.items()]
                )
        return since

    def _protected(self, window: _Window, again: Collection[Written] = ()) -> set[str]:
        """Everything that the journal protects: digests touched, and all that a manifest written meanwhile needs. `again`: more of them."""
        journal = self._parts.journal
        written = journal.written(window.since, window.position).union(again)
        protected = journal.touched(window.since, window.position)
        unknown: set[Written] = set()
        for entry in written:
            known = self._needs_of.get(entry)
            if known:
                protected |= known[1].digests
            else:
                unknown.add(entry)
        for entry, result in self._parts.registry.each(self._reader.written, sorted(unknown, key=repr)):
            protected |= result[1].digests
            # Remembered only when it can't change: a reference without a digest may name something else the next time, and a manifest
            # that is gone now may be pushed again.
            if entry.digest and not result[1].gone:
                self._needs_of[entry] = result
            elif not entry.digest:
                self._unsure.add(entry)
        return protected

    def _doomed(
        self,
        ripe: Collection[Named],
        keys: candidates.Keys,
        needs: Mapping[Named, Needs],
        *,
        reached: Collection[str],
        mark: int,
        report: Report,
    ) -> frozenset[Named]:
        """The untagged manifests that may be deleted; none while the journal does not cover their whole grace."""
        since = time.time() - self._parts.settings.gc.untagged_grace_seconds
        try:
            self._parts.journal.require(since)
        except JournalError:
            return frozenset()

        def subject(named: Named) -> str | None:
            refers = self._reader.references(*named)
            return refers.subject if refers else None

        spared = untagged.spared(self._parts.settings, ripe, needs)
        for why in spared.values():
            report.keep(why, 1)
        return candidates.deletable_untagged(
            [named for named in ripe if named not in spared],
            keys.untagged,
            self._protected(_Window(since, mark)),
            closure=lambda named: needs[named].manifests - {named[1]},
            subject=subject,
            reached=reached,
        )

    # Under the gate.

    def _closed(self, lease: Lease, report: Report, window: _Window, work: Callable[[ClosedGate, set[str]], T]) -> T:
        """Closes the gate, waits for writes to end, reads the journal to its end and does the work. Tries again when writes don't end."""
        timing = self._parts.timing
        for attempt in range(1, timing.attempts + 1):
            try:
                return self._closed_once(lease, report, window, work)
            except NotDrainedError as error:
                log("gc.not_drained", attempt=attempt, reason=str(error))
                if attempt == timing.attempts:
                    raise
            # A long upload ends when it likes: a moment without any is worth waiting for, with the gate open.
            self._parts.drain.wait_quiet(timing.attempt_pause)
            lease.check()
        raise AssertionError("unreachable")

    def _closed_once(self, lease: Lease, report: Report, window: _Window, work: Callable[[ClosedGate, set[str]], T]) -> T:
        parts, timing = self._parts, self._parts.timing
        # Most of the journal is read before the gate closes, so that only the last moments are left for then.
        parts.journal.collect()
        position = parts.journal.position()
        safe = self._protected(window)
        closed: ClosedGate | None = None
        time.sleep(max(0.0, self._open_until - time.monotonic()))
        try:
            with parts.gate.closed(lease, "gc") as closed:
                parts.step("closed")
                time.sleep(timing.close_grace)
                deadline = closed.started + max(parts.settings.gc.max_gate_seconds * 0.4, timing.close_grace + 0.2)
                busy = parts.drain.writes(deadline)
                if busy:
                    raise NotDrainedError(f"writes did not end in time: {'; '.join(busy)}")
                time.sleep(timing.log_grace)
                parts.step("drained")
                parts.journal.collect()
                parts.journal.require(min(window.since, time.time() - parts.settings.gc.blob_grace_seconds))
                return work(closed, safe | self._protected(_Window(float("inf"), position), frozenset(self._unsure)))
        finally:
            if closed is not None:
                seconds = closed.seconds or closed.elapsed()
                self._open_until = time.monotonic() + max(timing.pause, seconds)
                report.closed(seconds)
                log("gc.gate", seconds=round(seconds, 3))

    def _sweep_all(self, lease: Lease, report: Report, window: _Window, ready: list[str]) -> None:
        parts = self._parts
        left = ready
        while left:
            batch, left = left[: self._batch], left[self._batch :]
            if parts.settings.storage.driver != "filesystem":
                # There a move is a copy and a deletion: the copy is made beforehand, the gate closes for the deletion only.
                try:
                    parts.sweeper.copy(report.run, batch)
                except SweepError as error:
                    # One blob that the storage does not give must not keep all others from going.
                    log("gc.not_copied", level="alert", blobs=len(batch), problem=str(error))
                    report.keep("could not be copied to quarantine", len(batch))
                    continue
            swept = self._closed(lease, report, window, lambda closed, safe, batch=batch: self._sweep(report, closed, safe, batch))
            report.swept_blobs += swept
            if parts.progress:
                parts.progress.step("blobs swept", report.swept_blobs, report.ready)

    def _sweep(self, report: Report, closed: ClosedGate, safe: set[str], batch: list[str]) -> int:
        """Moves one batch away and flushes the cache; returns how many blobs went."""
        parts, timing = self._parts, self._parts.timing
        going = [digest for digest in batch if digest not in safe]
        if not going:
            return 0
        position = parts.journal.position()
        closed.check()
        parts.step("sweep")
        began = time.monotonic()
        parts.sweeper.sweep(report.run, going, max(1, round(parts.settings.gc.max_gate_seconds - closed.elapsed())))
        took = time.monotonic() - began
        parts.step("swept")
        time.sleep(timing.lookup_grace)
        # Somebody may have been told, while we swept, that a blob is there: it comes back before writes do.
        parts.journal.collect()
        if parts.journal.last_write() > position:
            # The edge does not see the gate's file, or somebody opened it. `settle` puts the batch back.
            raise GateError("a write came through the closed gate: the edge does not keep it closed")
        touched = self._protected(_Window(float("inf"), position)).intersection(going)
        if touched:
            parts.sweeper.restore(touched, 10)
        closed.check()
        parts.flush()
        parts.step("flushed")
        parts.sweeper.swept(report.run)
        self._adapt(len(going), took)
        return len(going) - len(touched)

    def _adapt(self, count: int, seconds: float) -> None:
        """Sizes the next batch so that moving it takes about a third of the longest time that the gate may be closed."""
        target = self._parts.settings.gc.max_gate_seconds / 3
        start = 0.15  # rclone's own start
        size = round(count * max(target - start, 0.05) / max(seconds - start, 0.02))
        self._batch = max(50, min(size, self._batch * 4, self._parts.timing.largest_batch))

    def _look_for_tags(self, doomed: Collection[Named], reachable: walk.Reachable) -> None:
        """Lists the tags of the repositories once more. That no tag names a manifest rests on the walk alone, and lists have left out tags
        (https://github.com/distribution/distribution/issues/4891). What is pushed from now on is in the journal.
        """
        registry = self._parts.registry
        listed = registry.each(registry.tags, sorted({repository for repository, _ in doomed}))
        new = [(repository, tag) for repository, tags in listed for tag in tags if (repository, tag) not in reachable.tags]
        for (repository, tag), digest in registry.each(lambda item: registry.head_manifest(*item), new):
            needed = self._reader.needs(repository, digest).manifests if digest else frozenset[str]()
            if any((repository, one) in doomed for one in needed):
                raise TagsMissedError(f"{repository}:{tag} needs a manifest that seemed to have no tag: the registry left it out of a list")

    def _delete_all(self, lease: Lease, report: Report, window: _Window, doomed: list[Named], needs: Mapping[Named, Needs]) -> None:
        """Removes untagged manifests from their repositories, batch by batch."""
        parts = self._parts
        left = doomed
        since = min(window.since, time.time() - parts.settings.gc.untagged_grace_seconds)
        wide = _Window(since, window.position)
        recycle_bin = untagged.Bin(parts.settings, parts.registry, parts.cache, time.time(), parts.for_good.manifests())
        while left:
            # Few at a time: what is put into the bin is soon acted on.
            size = min(self._batch, delete.BATCH)
            batch, left = left[:size], left[size:]
            spared = untagged.spared(parts.settings, batch, needs)
            # Read before the gate closes: for the way back.
            stored = dict(parts.registry.each(self._stored, [named for named in batch if named not in spared]))
            there = {named: manifest for named, manifest in stored.items() if manifest}
            entries, staying = recycle_bin.put(list(there), needs)
            report.keep("untagged, but can't be put into the recycle bin", len(staying.intersection(there)))
            manifests = {named: manifest for named, manifest in there.items() if named not in staying}
            gone: set[Named] = set()
            try:
                gone |= self._closed(lease, report, wide, lambda closed, safe, known=manifests: self._delete(closed, safe, known))
            finally:
                recycle_bin.remove(entry for named, entry in entries.items() if named not in gone)
            report.untagged_deleted += len(gone)
            with parts.database.change() as connection:
                # One that `undo` brings back has not been garbage all the time.
                connection.executemany("DELETE FROM garbage WHERE kind = 'manifest' AND repository = ? AND digest = ?", sorted(gone))

    def _stored(self, named: Named) -> Manifest | None:
        """The manifest; None when somebody has deleted it meanwhile."""
        try:
            return walk.load(self._parts.registry, self._parts.cache, *named)
        except RegistryError as error:
            if error.status != 404:
                raise
            return None

    def _delete(self, closed: ClosedGate, safe: set[str], manifests: Mapping[Named, Manifest]) -> set[Named]:
        """Removes a batch; returns the manifests that are gone."""
        parts = self._parts
        going = {named: manifest for named, manifest in manifests.items() if named[1] not in safe}
        if not going:
            return set()
        position = parts.journal.position()
        closed.check()
        parts.step("delete")
        began = time.monotonic()
        parts.sweeper.unlink(list(going), max(1, round(parts.settings.gc.max_gate_seconds - closed.elapsed())))
        took = time.monotonic() - began
        parts.step("deleted")
        time.sleep(parts.timing.lookup_grace)
        closed.check()
        parts.flush()
        parts.sweeper.flushed()
        parts.journal.collect()
        written = parts.journal.last_write() > position
        # Somebody may have been told, while we worked, that a manifest is there: it comes back before writes do.
        touched = self._protected(_Window(float("inf"), position))
        back = [named for named in going if written or named[1] in touched]
        # The other way round: the registry takes an index only when its parts are there.
        for repository, digest in reversed(back):
            parts.registry.put_manifest(repository, digest, going[repository, digest].media_type, going[repository, digest].body)
        if written:
            raise GateError("a write came through the closed gate: the edge does not keep it closed")
        self._adapt(len(going), took)
        return going.keys() - set(back)

    # Afterwards.

    def _verify(self, reachable: walk.Reachable, mark: int, report: Report) -> None:
        """Reads what was written since the run began, a sample, and everything in use that is on record as quarantined."""
        parts = self._parts
        if report.gate_closings:
            # Once more, for lookups that took longer than the grace under the gate.
            parts.flush()
        with contextlib.suppress(JournalError):  # then what is known of it must do; the report says why the run stopped
            parts.journal.collect()
        written = [self._needs_of.get(entry) or self._reader.written(entry) for entry in parts.journal.written(float("inf"), mark)]
        quarantined = parts.sweeper.quarantined()
        # One question tells the many apart that were deleted or overwritten again. A manifest in quarantine can't answer for itself.
        asked = parts.registry.each(
            lambda item: parts.registry.head_manifest(item[0], item[1].root), [item for item in written if item[1].root]
        )
        written = [item for item, there in asked if there or item[1].root in quarantined]
        tags = sorted(reachable.tags.items())
        sample = random.sample(tags, min(parts.timing.sample, len(tags)))
        self._rescue.check([*written, *((repository, self._reader.needs(repository, digest)) for (repository, _), digest in sample)])
        self._bring_back(reachable, report)

    def _bring_back(self, reachable: walk.Reachable, report: Report) -> None:
        """Looks at everything in use that is on record as quarantined; what can't be read comes back. Also what the walk met a hole at."""
        quarantined = self._parts.sweeper.quarantined()
        met = ((one.repository, Needs(one.digest, frozenset({one.digest}), frozenset())) for one in reachable.problems if one.digest)
        if not reachable.all_digests().isdisjoint(quarantined):
            tags = sorted(reachable.tags.items())
            images = ((repository, self._reader.needs(repository, digest)) for (repository, _), digest in tags)
        else:
            images = ()
        self._rescue.check([*met, *images], quarantined.__contains__)
        report.restored, report.missing = sorted(self._rescue.restored), sorted(self._rescue.missing)


def watch(parts: Parts) -> list[str]:
    """Between runs: reads the journal, and brings back what a manifest written lately needs and quarantine has. Returns what came back.

    Also keeps the journal's files small. Skips its turn while a job holds the lock.
    """
    parts.journal.rotate_if_large()
    parts.journal.collect()
    if parts.lock.owner() is not None:
        return []
    with parts.gate.job("watch"):
        with parts.database.change() as connection:
            seen = int(note(connection, "watched") or 0)
        position = parts.journal.position()
        quarantined = parts.sweeper.quarantined()
        rescue = Rescue(parts.registry, parts.sweeper, parts.flush)
        if quarantined:
            written = parts.journal.written(float("inf"), seen)
            rescue.check(Reader(parts.registry, parts.cache).all_written(written), quarantined.__contains__)
        with parts.database.change() as connection:
            remember(connection, "watched", str(position))
        return sorted(rescue.restored)
