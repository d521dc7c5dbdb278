"""The journal of a whole fleet: what every host published, and whether anything of it may be missing."""

import json
import sqlite3
import time
from pathlib import Path
from typing import cast

from ops.fleet import scripts
from ops.fleet.agreement import Agreement, HostRecord, Snapshot, seconds, texts
from ops.gc.database import Database, note, remember
from ops.journal import Journal, JournalError
from ops.journal_lines import Written
from ops.redis import RedisError, Reply

PAGE = 5000
"""More than a host publishes in one step (publisher.AT_ONCE), all of which has the same score."""
_BEGIN = "0"


class FleetJournal(Journal):
    """Asked like the journal of one host. Reading it asks every live host to publish the rest of its own first.

    `linger_seconds`: how long writes may still run that a host had let in before it was lost.
    """

    def __init__(
        self, folder: Path, database: Database, keep_seconds: float, *, agreement: Agreement, sync_seconds: float, linger_seconds: float
    ) -> None:
        super().__init__(folder, database, keep_seconds)
        self._agreement = agreement
        self._sync_seconds = sync_seconds
        self._linger_seconds = linger_seconds

    def collect(self) -> None:
        """See Journal. Raises JournalError when a live host does not publish in time."""
        try:
            self.ask()
            self._consume()
        except RedisError as error:
            raise JournalError(f"what the hosts' journals say is not known: {error}") from error
        with self._database.change() as connection:
            self._look_at_clock(connection)
            self._forget(connection)

    def ask(self) -> None:
        """Asks every live host to publish the rest of its journal, and waits for it. Raises JournalError and RedisError."""
        wanted = cast(int, self._agreement.run(scripts.SYNC))
        deadline = time.monotonic() + self._sync_seconds
        while True:
            snapshot = self._agreement.read()
            waiting = sorted(host.name for host in snapshot.live() if cast(int, host.state.get("sync", -1)) < wanted)
            if not waiting:
                return
            if time.monotonic() >= deadline:
                raise JournalError(f"what {', '.join(waiting)} served last is not known: no answer for {self._sync_seconds:.0f} s")
            time.sleep(0.02)

    def _consume(self) -> None:
        more = True
        while more:
            with self._database.change() as connection:
                cursors = [note(connection, "fleet_touched") or _BEGIN, note(connection, "fleet_written") or _BEGIN]
                now, born, score, touched, written = cast("list[Reply]", self._agreement.run(scripts.CONSUME, *cursors, PAGE))
                began = texts([born])[0]
                last = int(texts([score])[0])
                if note(connection, "fleet_born") not in (None, began) or any(int(cursor) > last for cursor in cursors):
                    # Another server, or one that began anew: everything it has is read again. What it lost, `require` knows of.
                    remember(connection, "fleet_touched", _BEGIN)
                    remember(connection, "fleet_written", _BEGIN)
                    remember(connection, "fleet_born", began)
                    continue
                remember(connection, "fleet_born", began)
                offset = time.time() - seconds(texts([now])[0])
                first = self._take(connection, "fleet_touched", _pairs(touched), offset)
                second = self._take(connection, "fleet_written", _pairs(written), offset)
                more = first or second

    def _take(self, connection: sqlite3.Connection, cursor: str, pairs: list[tuple[str, str]], offset: float) -> bool:
        """Stores one page; returns whether there may be more."""
        more = len(pairs) == PAGE
        if more:
            # The last score may have more members than came with this page.
            pairs = [pair for pair in pairs if pair[1] != pairs[-1][1]]
        if not pairs:
            return more
        position = int(note(connection, "position") or 0)
        touched: dict[str, tuple[float, int]] = {}
        written: dict[Written, tuple[float, int]] = {}
        for member, score in pairs:
            position += 1
            at = seconds(score) + offset
            if cursor == "fleet_written":
                repository, reference, digest = cast("list[str]", json.loads(member))
                written[Written(repository, reference, digest)] = (at, position)
            elif member.startswith("write:"):
                self._modified(connection, position)
            else:
                touched[member] = (at, position)
        self._store(connection, touched, written)
        remember(connection, "position", str(position))
        remember(connection, cursor, pairs[-1][1])
        return more

    # Asking.

    def require(self, since: float) -> None:
        """See Journal: every host's journal is complete since that time (wall clock), and so is Redis."""
        with self._database.change() as connection:
            known, reason = float(note(connection, "complete_since") or 0), note(connection, "hole")
            forgotten = float(note(connection, "forgotten_before") or 0)
        if known > since:
            raise JournalError(f"the journal has a hole: {reason} ({self._clock() - known:.0f} s ago)")
        try:
            snapshot = self._agreement.read()
        except RedisError as error:
            raise JournalError(f"what the hosts' journals say is not known: {error}") from error
        limit = since - snapshot.offset
        if snapshot.born > limit:
            raise JournalError(f"the journal has a hole: Redis began anew {snapshot.now - snapshot.born:.0f} s ago")
        forgotten = max(forgotten, snapshot.forgotten + snapshot.offset)
        if forgotten > since:
            raise JournalError(f"what is older than {self._clock() - forgotten:.0f} s was forgotten, because the graces were shorter then")
        if snapshot.missed > limit:
            ago = snapshot.now - snapshot.missed
            raise JournalError(f"the journal has a hole: a host that is no member any more may have missed something {ago:.0f} s ago")
        for host in snapshot.hosts.values():
            self._require_host(host, snapshot, limit)

    def _require_host(self, host: HostRecord, snapshot: Snapshot, limit: float) -> None:
        if not host.live(snapshot.now):
            # Its edge takes no writes any more; what it let in before may have run a little longer.
            if host.seen + host.lease + self._linger_seconds > limit:
                ago = snapshot.now - host.seen
                raise JournalError(f"the journal has a hole: host {host.name} was lost {ago:.0f} s ago, with what it served last")
            return
        problem, complete = host.state.get("problem"), host.state.get("complete")
        if problem or not isinstance(complete, int | float):
            raise JournalError(f"host {host.name}: {problem or 'its journal has not been read yet'}")
        if complete > limit:
            ago = snapshot.now - complete
            raise JournalError(f"the journal of host {host.name} has a hole: {host.state.get('hole')} ({ago:.0f} s ago)")


def _pairs(reply: Reply) -> list[tuple[str, str]]:
    items = texts(reply)
    return list(zip(items[::2], items[1::2], strict=True))
