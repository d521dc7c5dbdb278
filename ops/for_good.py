"""What was deleted without the recycle bin: the garbage collection doesn't put it there either."""

import time
from collections.abc import Iterable

from ops.gc.database import Database
from ops.settings import DAY_SECONDS

_DAYS = 90
"""After that a collection that still finds such a manifest treats it like any other."""


class ForGood:
    """The record of it, in the state volume. A lost record costs nothing but days in the recycle bin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, manifests: Iterable[tuple[str, str]]) -> None:
        """Notes manifests (repository, digest) that were deleted for good."""
        now = time.time()
        rows = [(*named, now) for named in manifests]
        with self._database.change() as connection:
            connection.executemany("INSERT OR REPLACE INTO for_good VALUES (?, ?, ?)", rows)

    def learn(self, rows: Iterable[tuple[str, str, float]]) -> None:
        """Takes over what others noted (repository, digest, wall clock). What this host knows itself stays."""
        with self._database.change() as connection:
            connection.executemany(
                "INSERT INTO for_good VALUES (?, ?, ?) ON CONFLICT (repository, digest) DO UPDATE SET at = max(at, excluded.at)", rows
            )

    def manifests(self) -> frozenset[tuple[str, str]]:
        """Repository and digest of what was deleted for good and not pushed again since."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM for_good WHERE at < ?", (time.time() - _DAYS * DAY_SECONDS,))
            connection.execute(
                "DELETE FROM for_good WHERE EXISTS (SELECT 1 FROM written WHERE written.repository = for_good.repository"
                " AND written.digest IN (for_good.digest, '') AND written.at >= for_good.at)"
            )
            return frozenset(connection.execute("SELECT repository, digest FROM for_good").fetchall())
