"""What must be true before writes come back in after a sweep, whether it ended well, failed or died."""

import sqlite3
from collections.abc import Callable

from ops.errors import OpsError
from ops.gc.database import Database, unreadable
from ops.output import log
from ops.sweep import Sweeper

RESTORE_SECONDS = 10


class SettleError(OpsError):
    """It is not safe yet to open the gate; the supervisor tries again."""


class Settlement:
    """Ends an unfinished sweep: nothing moves any more, and the registry's cache does not call a blob present that is gone.

    The batch is put back, because what was touched since the last look into the journal is not known after a crash. Either the way back or
    the flush is enough for safety: blobs that are back make the cache true, a flushed cache knows no blob that is gone. Manifests that were
    removed stay removed (they were to go), so there only the flush will do.

    On a full disk nothing can be ordered or noted down, and a broken database does not say what moves: the flush needs neither. Where only
    the flush worked, the batch stays on record as moving, and the next one who asks tries to put it back again.
    """

    def __init__(self, sweeper: Sweeper, flush: Callable[[], None], database: Database) -> None:
        self._sweeper = sweeper
        self._flush = flush
        self._database = database

    def __call__(self) -> None:
        """Does it; nothing when the last sweep was finished. Raises SettleError when neither way works."""
        failures: list[str] = []

        def works(way: Callable[[], None]) -> bool:
            try:
                way()
            except (OpsError, OSError, ValueError, sqlite3.Error) as error:
                failures.append(str(error))
                return False
            return True

        moving, due = self._unfinished(works)
        if not moving and not due and not failures:
            return
        log("gc.settle", blobs=len(moving), manifests=due, problems=failures)
        restored = not failures and works(lambda: self._sweeper.restore([digest for _, digest in moving], RESTORE_SECONDS))
        flushed = works(self._flush)
        if not flushed and (due or not restored):
            raise SettleError(f"an unfinished sweep could be neither undone nor finished: {'; '.join(failures)}")
        if flushed:
            works(self._sweeper.flushed)
        if not restored:
            log("gc.settle", level="alert", blobs=len(moving), problems=failures, then="tried again until they are back")
            return
        for run in sorted({run for run, _ in moving}):
            works(lambda run=run: self._sweeper.swept(run))

    def _unfinished(self, works: Callable[[Callable[[], None]], bool]) -> tuple[list[tuple[str, str]], bool]:
        """The blobs that were moving, as far as can be known, and whether manifests were removed without a flush."""
        works(self._sweeper.end_orders)
        moving: list[tuple[str, str]] = []
        due: list[bool] = []

        def read() -> None:
            try:
                moving.extend(self._sweeper.moving())
                due.append(self._sweeper.flush_due())
            except sqlite3.DatabaseError as error:
                if unreadable(error):
                    log("gc.database", level="alert", problem=str(error), aside=str(self._database.set_aside()))
                raise

        return moving, not works(read) or due[0]
