"""Reads the edge's journal: which digests were asked for or written, and when. Knows when something of it may be missing.

The edge writes one line per request when the request ends. Its files form a chain: the first line of each names the file before it, so a
lost file shows; a hash of the bytes read last shows a file that was cut or replaced; the edge's own marks show a crash of nginx and lines
that could not be written. All of that is one number: since when the journal is complete (`complete_since`).
"""

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ops.errors import STOPPED, OpsError
from ops.gc.database import Database, note, remember
from ops.journal_lines import LineError, Marker, Written, parse
from ops.lock import boot_id

CURRENT = "journal.log"
ALIVE_SECONDS = 30.0
"""The edge marks every few seconds that it is there. Older than this: it hangs or is gone, and what it serves is unknown."""
LATE_SECONDS = 3600.0
"""How long a file that nginx has left is still read: its old workers may end a transfer much later (worker_shutdown_timeout)."""
STEP_SECONDS = 3600.0
"""A clock that was set by more than this makes every age in the journal doubtful; time servers correct far less."""
LOOK_AGAIN_SECONDS = 0.02
"""The edge's current file is missing for a moment during each rotation: it is looked for fifty times, so often."""
ROTATE_BYTES = 64 << 20
TAIL_BYTES = 256
LINES_AT_ONCE = 50_000


class JournalError(OpsError):
    """The journal can't say what was touched: nothing may be swept this time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, STOPPED)


@dataclass
class _Segment:
    """One open file of the journal."""

    path: Path
    file: BinaryIO
    head: Marker | None

    @property
    def identity(self) -> str:
        return self.head.segment if self.head else ""


def _head(file: BinaryIO) -> Marker | None:
    try:
        marker = parse(file.readline(4096).rstrip(b"\n"))
    except LineError:
        return None
    return marker if isinstance(marker, Marker) and marker.kind == "segment" and marker.segment else None


def _tail(file: BinaryIO, offset: int) -> str:
    start = max(0, offset - TAIL_BYTES)
    file.seek(start)
    return hashlib.sha256(file.read(offset - start)).hexdigest()


class Journal:
    """The journal of one edge. `keep_seconds`: how long a touched digest is remembered."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        keep_seconds: float,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
    ) -> None:
        self.folder = folder
        self._database = database
        self._keep = keep_seconds
        self._clock = clock
        self._steady = steady
        """Seconds since the machine started: what tells a clock that was set from time that passed."""

    # Reading.

    def collect(self) -> None:
        """Reads everything new. Raises JournalError when the edge's current file is not there."""
        with self._database.change() as connection:
            self._look_at_clock(connection)
        more = True
        while more:
            # In pieces, each a change of its own: there may be much to read, and others use the database too.
            with self._database.change() as connection, self._open() as segments:
                current = segments[-1].identity
                more = self._read(connection, segments)
            # The edge may have begun a new file meanwhile: then there is more to read.
            more = more or self._current_identity() != current
        with self._database.change() as connection:
            self._forget(connection)

    def _look_at_clock(self, connection: sqlite3.Connection) -> None:
        """Notices that the clock was set: then nothing from before has a known age."""
        start = self._clock() - self._steady()
        boot, _, before = (note(connection, "started") or "").partition(" ")
        if boot == boot_id() and abs(start - float(before)) > STEP_SECONDS:
            # Also when that is earlier than what was noted with the other clock.
            remember(connection, "complete_since", repr(self._clock()))
            remember(connection, "hole", "the machine's clock was set")
            remember(connection, "clock_set_at", repr(self._steady()))
            connection.execute("DELETE FROM notes WHERE name IN ('forgotten_before', 'alive')")
        elif boot == boot_id():
            return
        elif boot:
            connection.execute("DELETE FROM notes WHERE name = 'clock_set_at'")
        remember(connection, "started", f"{boot_id()} {start!r}")

    def _current_identity(self) -> str:
        try:
            with (self.folder / CURRENT).open("rb") as file:
                head = _head(file)
        except FileNotFoundError:
            return "?"
        return head.segment if head else ""

    @contextlib.contextmanager
    def _open(self) -> Iterator[list[_Segment]]:
        """The files that are there, the current one last."""
        with contextlib.ExitStack() as stack:
            current = None
            for _ in range(50):
                try:
                    current = stack.enter_context((self.folder / CURRENT).open("rb"))
                    break
                except FileNotFoundError:
                    time.sleep(LOOK_AGAIN_SECONDS)
            if current is None:
                raise JournalError(f"the edge writes no journal: {self.folder / CURRENT} is missing")
            found: list[_Segment] = []
            for path in sorted(self.folder.glob("journal-*.log")):
                try:
                    file = stack.enter_context(path.open("rb"))
                except FileNotFoundError:
                    continue
                found.append(_Segment(path, file, _head(file)))
            head = _head(current)
            # A rotation between the two steps shows the current file under both names: once is enough.
            found = [segment for segment in found if not head or segment.identity != head.segment]
            yield [*found, _Segment(self.folder / CURRENT, current, head)]

    def _hole(self, connection: sqlite3.Connection, at: float, reason: str) -> None:
        known = float(note(connection, "complete_since") or 0)
        if at >= known:
            remember(connection, "complete_since", repr(at))
            remember(connection, "hole", reason)

    def _read(self, connection: sqlite3.Connection, segments: list[_Segment]) -> bool:
        """Reads on in every file; returns whether there is more than is read at once."""
        more = False
        now = self._clock()
        current = segments[-1]
        if current.head is None:
            # Until the edge starts a new file. That one will not follow from what was read, which is the hole.
            raise JournalError("the journal's current file does not begin with the edge's mark")
        chain = self._chain(segments)
        last = note(connection, "segment")
        if last is None:
            self._begins(connection, chain[0].head.at if chain[0].head else now)
        elif last not in {segment.identity for segment in chain}:
            self._hole(connection, now, "a file of the journal is missing between what was read and what is there")
        known = {row[0]: row for row in connection.execute("SELECT segment, offset, tail, ended FROM segments")}
        present = {segment.identity for segment in segments}
        for identity in known:
            if identity not in present:
                connection.execute("DELETE FROM segments WHERE segment = ?", (identity,))
                self._hole(connection, now, "a file of the journal vanished before it was read to its end")
        for segment in segments:
            # Files outside the chain were written before the hole that cut them off; they are read all the same if they are known.
            if segment in chain or segment.identity in known:
                more |= self._read_segment(connection, segment, known.get(segment.identity), ended=segment is not current, now=now)
            elif now - os.fstat(segment.file.fileno()).st_mtime > LATE_SECONDS:
                segment.path.unlink(missing_ok=True)
        remember(connection, "segment", current.identity)
        return more

    @staticmethod
    def _chain(segments: list[_Segment]) -> list[_Segment]:
        """The current file and those before it, as far back as they hang together."""
        by_identity = {segment.identity: segment for segment in segments if segment.head}
        chain = [segments[-1]]
        while True:
            head = chain[0].head
            before = by_identity.get(head.previous) if head else None
            if before is None or before in chain:
                return chain
            chain.insert(0, before)

    def _read_segment(
        self, connection: sqlite3.Connection, segment: _Segment, row: tuple[str, int, str, float | None] | None, *, ended: bool, now: float
    ) -> bool:
        offset = row[1] if row else 0
        if row and (os.fstat(segment.file.fileno()).st_size < offset or _tail(segment.file, offset) != row[2]):
            self._hole(connection, now, f"{segment.path.name} was cut or replaced")
            offset = 0
        segment.file.seek(offset)
        position = int(note(connection, "position") or 0)
        touched: dict[str, tuple[float, int]] = {}
        written: dict[Written, tuple[float, int]] = {}
        more = False
        for number, line in enumerate(segment.file):
            if number >= LINES_AT_ONCE:
                more = True
                break
            if not line.endswith(b"\n"):
                # Being written right now; read as a whole the next time.
                break
            offset += len(line)
            position += 1
            try:
                entry = parse(line[:-1])
            except LineError as error:
                self._hole(connection, now, f"{segment.path.name} has a line that is not whole: {error}")
                continue
            if isinstance(entry, Marker):
                self._mark(connection, entry)
                continue
            touched.update(dict.fromkeys(entry.digests, (entry.at, position)))
            if entry.modifies:
                self._modified(connection, position)
            if entry.written:
                written[entry.written] = (entry.at, position)
        self._store(connection, touched, written)
        remember(connection, "position", str(position))
        left = row[3] if row and row[3] else (now if ended else None)
        if left is not None and now - left > LATE_SECONDS and not more:
            if os.fstat(segment.file.fileno()).st_size != offset:
                self._hole(connection, now, f"{segment.path.name} ends in the middle of a line")
            connection.execute("DELETE FROM segments WHERE segment = ?", (segment.identity,))
            segment.path.unlink(missing_ok=True)
            return False
        connection.execute(
            "INSERT INTO segments VALUES (?, ?, ?, ?) ON CONFLICT (segment) DO UPDATE SET"
            " offset = excluded.offset, tail = excluded.tail, ended = excluded.ended",
            (segment.identity, offset, _tail(segment.file, offset), left),
        )
        return more

    def _store(
        self, connection: sqlite3.Connection, touched: Mapping[str, tuple[float, int]], written: Mapping[Written, tuple[float, int]]
    ) -> None:
        """Keeps what some lines said: each digest and each manifest with its time and position."""
        connection.executemany(
            "INSERT INTO touched VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET"
            " at = max(at, excluded.at), position = max(position, excluded.position)",
            [(digest, at, place) for digest, (at, place) in touched.items()],
        )
        connection.executemany(
            "INSERT INTO written VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " at = max(at, excluded.at), position = max(position, excluded.position)",
            [(entry.repository, entry.reference, entry.digest, at, place) for entry, (at, place) in written.items()],
        )

    def _modified(self, connection: sqlite3.Connection, position: int) -> None:
        """A request that may have changed something."""
        remember(connection, "last_write", str(position))

    def _begins(self, connection: sqlite3.Connection, at: float) -> None:
        """There is nothing before this."""
        self._hole(connection, at, "the journal begins here")

    def _mark(self, connection: sqlite3.Connection, marker: Marker) -> None:
        # The edge's marks are in whole seconds, rounded down.
        if marker.kind == "segment" and not marker.clean and not marker.previous:
            self._begins(connection, marker.at + 1)
        elif marker.kind == "segment" and not marker.clean:
            self._hole(connection, marker.at + 1, "the edge was killed: what it served last may not have been written down")
        elif marker.kind == "trouble":
            self._hole(connection, marker.at + 1, "the edge could not write lines, or a worker of nginx was killed")
        remember(connection, "alive", repr(max(marker.at, float(note(connection, "alive") or 0))))

    def _forget(self, connection: sqlite3.Connection) -> None:
        """Forgets what is too old to matter. What a running collection may still ask for is at most as old as its start."""
        limit = self._clock() - self._keep - LATE_SECONDS
        started = float(note(connection, "run_started") or limit)
        remember(connection, "forgotten_before", repr(max(min(limit, started), float(note(connection, "forgotten_before") or 0))))
        for table in ("touched", "written"):
            connection.execute(f"DELETE FROM {table} WHERE at < ?", (min(limit, started),))  # noqa: S608 - two fixed names

    def rotate_if_large(self, limit: int = ROTATE_BYTES) -> bool:
        """Asks the edge for a new file when the current one is large; the edge answers within a second or two."""
        try:
            large = (self.folder / CURRENT).stat().st_size > limit
        except FileNotFoundError:
            return False
        if large:
            (self.folder / "rotate").touch()
        return large

    # Asking.

    def position(self) -> int:
        """The number of lines read so far: a point in the journal that does not depend on any clock."""
        with self._database.change() as connection:
            return int(note(connection, "position") or 0)

    def last_write(self) -> int:
        """The position of the last request that a replica got and that may have changed something."""
        with self._database.change() as connection:
            return int(note(connection, "last_write") or 0)

    def touched(self, since: float, position: int) -> set[str]:
        """The digests touched after the wall-clock time `since` or after `position`."""
        with self._database.change() as connection:
            rows = self._since(connection, "digest", "touched", since, position)
            return {str(row[0]) for row in rows}

    def written(self, since: float, position: int) -> set[Written]:
        """The manifests written after the wall-clock time `since` or after `position`."""
        with self._database.change() as connection:
            rows = self._since(connection, "repository, reference, digest", "written", since, position)
            return {Written(str(row[0]), str(row[1]), str(row[2])) for row in rows}

    @staticmethod
    def _since(connection: sqlite3.Connection, columns: str, table: str, since: float, position: int) -> sqlite3.Cursor:
        if since == float("inf"):
            # With the gate closed every moment counts: this one has an index.
            return connection.execute(f"SELECT {columns} FROM {table} WHERE position > ?", (position,))  # noqa: S608 - fixed names
        return connection.execute(f"SELECT {columns} FROM {table} WHERE at >= ? OR position > ?", (since, position))  # noqa: S608

    def complete_since(self) -> tuple[float, str]:
        """Since when nothing is missing (wall clock), and what was before."""
        with self._database.change() as connection:
            return float(note(connection, "complete_since") or "inf"), note(connection, "hole") or "nothing was read yet"

    def clock_was_set(self, seconds: float) -> bool:
        """Whether the machine's clock was set within the last `seconds`: what looks old may not be."""
        with self._database.change() as connection:
            at = note(connection, "clock_set_at")
        return at is not None and self._steady() - float(at) < seconds

    def require(self, since: float) -> None:
        """Raises JournalError unless the journal is complete since that time and the edge is alive."""
        complete, reason = self.complete_since()
        if complete > since:
            raise JournalError(f"the journal has a hole: {reason} ({self._clock() - complete:.0f} s ago)")
        with self._database.change() as connection:
            alive = float(note(connection, "alive") or 0)
            forgotten = float(note(connection, "forgotten_before") or 0)
        if forgotten > since:
            raise JournalError(f"what is older than {self._clock() - forgotten:.0f} s was forgotten, because the graces were shorter then")
        if self._clock() - alive > ALIVE_SECONDS:
            raise JournalError(f"the edge has not marked the journal for {self._clock() - alive:.0f} s: is it running?")
