"""Publishes the journal of this host's edge to the others."""

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ops.fleet import scripts
from ops.fleet.agreement import MICROSECONDS, Agreement
from ops.gc.database import Database, note, remember, unreadable
from ops.journal import ALIVE_SECONDS, CURRENT, Journal, JournalError
from ops.journal_lines import LineError, Marker, Written, parse
from ops.output import log

TOUCHED, WRITTEN, PUSHED = 2, 3, 4
"""Numbers of the sets in scripts.KEYS."""
AT_ONCE = 500
STATE = "state"
FENCE_SECONDS = 1.0
"""The edge looks for its lease twice a second."""


class Publisher(Journal):
    """Reads the edge's files as ever, but what they say goes into Redis, before the place that was read to is noted: rather twice than not.

    `database` is a file of its own, which says how far each file was read and since when nothing is missing.
    """

    def __init__(self, folder: Path, database: Database, agreement: Agreement) -> None:
        super().__init__(folder, database, keep_seconds=0)
        self._agreement = agreement
        self._modifies = False

    def join(self) -> None:
        """Before the first heartbeat: whether this host is new. One that Redis knows and that remembers nothing has lost its state."""
        with self._database.change() as connection:
            if note(connection, "joined_as") == self._agreement.host:
                return
        known = self._agreement.host in self._agreement.read().hosts
        with self._database.change() as connection:
            # Also when the machine was copied from another: what it remembers is not about this host.
            for table in ("segments", "notes"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - two fixed names
            remember(connection, "joined_as", self._agreement.host)
            remember(connection, "new", "" if known else "1")

    def begin_anew(self, error: Exception) -> bool:
        """Where the error means that what was remembered can't be read: puts it aside. Join again, as a host that lost its state."""
        if not unreadable(error):
            return False
        log("ops.database", level="alert", problem=str(error), aside=str(self._database.set_aside()))
        return True

    def _begins(self, connection: sqlite3.Connection, at: float) -> None:
        if note(connection, "new"):
            # Nothing can be missing from before there was anything.
            remember(connection, "complete_since", note(connection, "complete_since") or "0.0")
            return
        super()._begins(connection, at)

    def _hole(self, connection: sqlite3.Connection, at: float, reason: str) -> None:
        remember(connection, "new", "")
        super()._hole(connection, at, reason)

    def _modified(self, connection: sqlite3.Connection, position: int) -> None:
        super()._modified(connection, position)
        self._modifies = True

    def _store(
        self, connection: sqlite3.Connection, touched: Mapping[str, tuple[float, int]], written: Mapping[Written, tuple[float, int]]
    ) -> None:
        pairs = [(TOUCHED, digest) for digest in touched]
        for entry in written:
            pairs.append((WRITTEN, json.dumps([entry.repository, entry.reference, entry.digest])))
            if ":" not in entry.reference:
                # A child of an index is pushed by digest, and is no image.
                pairs.append((PUSHED, json.dumps([entry.repository, entry.digest or entry.reference])))
        if self._modifies:
            pairs.append((TOUCHED, f"write:{self._agreement.host}"))
        for start in range(0, len(pairs), AT_ONCE):
            words = [word for pair in pairs[start : start + AT_ONCE] for word in pair]
            self._agreement.run(scripts.PUBLISH, *words)
        self._modifies = False

    def publish(self, sync: int, busy: int | None) -> None:
        """Publishes everything that is there, then says so under the number `sync`. `busy`: writes in flight, None when not known."""
        problem = ""
        try:
            self.collect()
        except JournalError as error:
            problem = str(error)
        complete, hole = self.complete_since()
        with self._database.change() as connection:
            alive = float(note(connection, "alive") or 0)
        silent = self._clock() - alive
        if not problem and silent > ALIVE_SECONDS:
            problem = f"the edge has not marked the journal for {silent:.0f} s: is it running?" if alive else hole
        # Others count in Redis's clock.
        offset = self._agreement.read().offset
        state = {"sync": sync, "complete": complete - offset if complete else 0, "hole": hole, "problem": problem, "busy": busy}
        self._agreement.set(STATE, state)

    def ended_cleanly(self) -> bool:
        """Whether the edge has ended, and its last mark says that everything was written down."""
        try:
            lines = (self.folder / CURRENT).read_bytes().splitlines()
            last = parse(lines[-1]) if lines else None
        except (OSError, LineError):
            return False
        return isinstance(last, Marker) and last.kind == "stop"

    def leave(self, seconds: float, fence: Callable[[], None] = lambda: None) -> bool:
        """Publishes the rest once the edge has ended, and says goodbye: then nobody misses this host. False when the edge goes on.

        A hole that its journal has stays on record. `fence`: lets no edge that starts again take writes.
        """
        deadline = time.monotonic() + seconds
        while not self.ended_cleanly():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
        fence()
        # One that had started just before has seen by then that it may not.
        time.sleep(FENCE_SECONDS)
        if not self.ended_cleanly():
            return False
        self.collect()
        complete, _ = self.complete_since()
        if complete > self._clock():
            return False
        missed = max(0.0, complete - self._agreement.read().offset) if complete else 0.0
        self._agreement.run(scripts.LEAVE, self._agreement.host, round(missed * MICROSECONDS))
        return True
