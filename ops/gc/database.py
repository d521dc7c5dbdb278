"""What the garbage collection remembers between runs, in one SQLite file: each change is whole or not at all, also at a crash."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

_SCHEMA = """
-- The journal's essence: when a digest was last asked for or written. `position` grows with every line of the journal.
CREATE TABLE IF NOT EXISTS touched (digest TEXT PRIMARY KEY, at REAL NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS touched_position ON touched (position);
-- Manifests written; `digest` is empty where the answer got lost and only the reference is known.
CREATE TABLE IF NOT EXISTS written (
    repository TEXT, reference TEXT, digest TEXT, at REAL NOT NULL, position INTEGER NOT NULL,
    PRIMARY KEY (repository, reference, digest)
) WITHOUT ROWID;
-- The journal's files that may still grow: how far each was read, and a hash of the bytes before that point.
CREATE TABLE IF NOT EXISTS segments (segment TEXT PRIMARY KEY, offset INTEGER NOT NULL, tail TEXT NOT NULL, ended REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- Since when something is garbage, without a run in between that saw it in use. `repository` is empty for blobs.
CREATE TABLE IF NOT EXISTS garbage (
    kind TEXT, repository TEXT, digest TEXT, since REAL NOT NULL, PRIMARY KEY (kind, repository, digest)
) WITHOUT ROWID;
-- Blobs in quarantine, or on the way there: state 'moving' until the cache was flushed after the move, then 'swept'.
CREATE TABLE IF NOT EXISTS quarantine (
    digest TEXT, run TEXT, state TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (digest, run)
) WITHOUT ROWID;
-- Pushes. `name` is the digest that was pushed under a tag, or the tag where the answer got lost and the digest is not known.
CREATE TABLE IF NOT EXISTS pushed (repository TEXT, name TEXT, at REAL NOT NULL, PRIMARY KEY (repository, name)) WITHOUT ROWID;
-- What was deleted without the recycle bin: it isn't put there later, when it has had no tag for long enough.
CREATE TABLE IF NOT EXISTS for_good (repository TEXT, digest TEXT, at REAL NOT NULL, PRIMARY KEY (repository, digest)) WITHOUT ROWID;
-- Before the recycle bin had them, untagged manifests that were deleted lay here.
DROP TABLE IF EXISTS deleted;
"""


_UNREADABLE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def unreadable(error: Exception) -> bool:
    """Whether an error means that the file is no database any more."""
    return isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorname", "") in _UNREADABLE


class Database:
    """Connections to the file. Each use opens its own: threads and processes do not share one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._ready = False

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes: committed at the end, rolled back on an exception."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.file, timeout=30, isolation_level=None)
        try:
            if not self._ready or not self.file.exists():
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(_SCHEMA)
                self._ready = True
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        finally:
            connection.close()

    def set_aside(self) -> Path:
        """Renames a file that can't be read, so that the next change begins a new one. Returns its new name."""
        aside = self.file.with_name(f"{self.file.name}.broken-{int(time.time())}")
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                self.file.with_name(self.file.name + suffix).rename(aside.with_name(aside.name + suffix))
        self._ready = False
        return aside


def note(connection: sqlite3.Connection, name: str) -> str | None:
    """A remembered value, None when there is none."""
    row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def remember(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Remembers a value under a name."""
    connection.execute("INSERT INTO notes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value))
