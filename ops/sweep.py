"""Quarantine: where swept blobs go and come back from. The sweeper does the moving (bundle/templates/sweeper.sh.j2), with rclone.

A blob is the file docker/registry/v2/blobs/sha256/<2 digits>/<64 digits>/data below the storage's root, and quarantine/<run>/<2 digits>/...
below the same root while it is in quarantine: a rename on disk, a copy and a deletion inside the bucket on object storage.
"""

import math
import re
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from ops.errors import OpsError
from ops.gc.database import Database, note, remember
from ops.spool import Result, Spool, SpoolError

_PATH = re.compile(r"(?:(?P<run>[^/]+)/)?[0-9a-f]{2}/(?P<hex>[0-9a-f]{64})/data")
_NO_SUCH_FOLDER = 3
"""rclone's exit code for a folder that is not there (https://rclone.org/docs/#exit-code)."""
TAKE_SECONDS = 2
"""How soon the sweeper must begin a sweep. It looks for orders twenty times a second."""
SLACK_SECONDS = 1.5
UNDER_GATE = ("sweep", "unlink")
"""Commands that are only carried out while the gate is closed."""
_FLUSH_DUE = "flush_due"


class SweepError(OpsError):
    """The sweeper could not do what it was told."""


@dataclass(frozen=True)
class Quarantined:
    """A blob in quarantine; size in bytes."""

    run: str
    digest: str
    size: int


def blob_path(digest: str) -> str:
    """The blob's path below blobs/sha256. Raises ValueError for anything but a SHA-256 digest."""
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError(f"not a SHA-256 digest: {digest!r}")
    return f"{value[:2]}/{value}/data"


def link_path(repository: str, digest: str) -> str:
    """Where a repository says that it has a manifest, below repositories. Raises ValueError for anything but a SHA-256 digest."""
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or not re.fullmatch("[0-9a-f]{64}", value):
        raise ValueError(f"not a SHA-256 digest: {digest!r}")
    if not re.fullmatch("[a-z0-9._/-]+", repository) or ".." in repository:
        raise ValueError(f"not a repository: {repository!r}")
    return f"{repository}/_manifests/revisions/sha256/{value}/link"


def run_name(now: float) -> str:
    """The name of a run's folder in quarantine; begins with its time."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)) + f"-{int(now * 1000) % 1000:03d}"


class Sweeper:
    """Orders to the sweeper, and what of them is on record."""

    def __init__(self, spool: Spool, database: Database, announce: Callable[[float], None] = lambda _: None) -> None:
        """`announce`: called before each order that moves something under the gate, with the seconds after which nothing of it moves."""
        self._spool = spool
        self._database = database
        self._announce = announce

    def _do(self, command: str, run: str, digests: Iterable[str], seconds: float) -> Result:
        files = "".join(f"{blob_path(digest)}\n" for digest in digests)
        identity = self._spool.order({"command": command, "run": run, "files": files, "seconds": str(math.ceil(seconds))})
        return self._spool.wait(identity, seconds + TAKE_SECONDS, TAKE_SECONDS)

    def _checked(self, command: str, run: str, digests: Iterable[str], seconds: float) -> None:
        result = self._do(command, run, digests, seconds)
        try:
            if result.code != 0:
                raise SweepError(f"the sweeper could not {command} ({result.code}): {result.error}")
        finally:
            self._spool.forget(result.identity)

    def tidy(self) -> None:
        """Removes what crashed jobs left in the spool folder."""
        self._spool.tidy()

    def ready(self) -> None:
        """Raises SpoolError when the sweeper does not answer: better known before the gate closes."""
        self._checked("ping", "", (), 5)

    def copy(self, run: str, digests: Collection[str], seconds: float = 3600) -> None:
        """Copies blobs to quarantine ahead of the sweep, with the gate open: a blob never changes. For storages where a move is a copy."""
        self._checked("copy", run, digests, seconds)

    def sweep(self, run: str, digests: Collection[str], seconds: int) -> None:
        """Moves blobs to quarantine within `seconds`; the gate must be closed. On record before it begins, for `Settlement`.

        Raises SweepError or SpoolError: then some may have been moved and some not.
        """
        now = time.time()
        with self._database.change() as connection:
            connection.executemany(
                "INSERT INTO quarantine VALUES (?, ?, 'moving', ?) ON CONFLICT DO UPDATE SET state = 'moving', at = excluded.at",
                [(digest, run, now) for digest in digests],
            )
        self._under_gate("sweep", run, [blob_path(digest) for digest in digests], seconds)

    def unlink(self, named: Collection[tuple[str, str]], seconds: int) -> None:
        """Removes manifests (repository, digest) from their repositories within `seconds`; the gate must be closed. Their blobs stay.

        That is all that the registry does for a manifest without a tag, after it has read every tag of the repository to be sure: 10,000
        reads for one manifest where there are 10,000 tags. `Settlement` knows of it until `flushed` is called.

        Raises SweepError or SpoolError: then some may be removed and some not.
        """
        with self._database.change() as connection:
            remember(connection, _FLUSH_DUE, repr(time.time()))
        self._under_gate("unlink", "", [link_path(repository, digest) for repository, digest in named], seconds)

    def flush_due(self) -> bool:
        """Whether manifests may have been removed that the registry's cache still calls present."""
        with self._database.change() as connection:
            return note(connection, _FLUSH_DUE) is not None

    def flushed(self) -> None:
        """Notes that the registry's cache was flushed after `unlink`."""
        with self._database.change() as connection:
            connection.execute("DELETE FROM notes WHERE name = ?", (_FLUSH_DUE,))

    def _under_gate(self, command: str, run: str, paths: Collection[str], seconds: int) -> None:
        """An order that must not be worked on any more when the gate opens: see `end_orders`."""
        files = "".join(f"{path}\n" for path in paths)
        begins_before = math.ceil(time.time()) + TAKE_SECONDS
        # After that moment was fixed: however long this takes, the order does not begin later.
        self._announce(TAKE_SECONDS + 1 + seconds + SLACK_SECONDS)
        identity = self._spool.order({"command": command, "run": run, "files": files, "seconds": str(seconds), "until": str(begins_before)})
        result = self._spool.wait(identity, seconds + TAKE_SECONDS + SLACK_SECONDS, TAKE_SECONDS)
        code, error = result.code, result.error
        self._spool.forget(identity)
        if code != 0:
            raise SweepError(f"the sweeper could not {command} everything ({code}): {error}")

    def moving(self) -> list[tuple[str, str]]:
        """(run, digest) of the blobs whose sweep is not finished: moved or not, the cache was not flushed since."""
        with self._database.change() as connection:
            rows = connection.execute("SELECT run, digest FROM quarantine WHERE state = 'moving'").fetchall()
        return [(str(run), str(digest)) for run, digest in rows]

    def swept(self, run: str) -> None:
        """Notes that the run's moved blobs are swept: the cache was flushed."""
        with self._database.change() as connection:
            connection.execute("UPDATE quarantine SET state = 'swept' WHERE run = ? AND state = 'moving'", (run,))

    def end_orders(self) -> None:
        """Waits until nothing can be moved or removed any more: withdraws orders, or lets the running one end. Needs no database.

        Raises SpoolError when one does not end in its time: the sweeper hangs, and may go on later.
        """
        for identity, seconds in self._spool.unfinished(UNDER_GATE).items():
            if self._spool.withdraw(identity):
                continue
            deadline = time.monotonic() + seconds + SLACK_SECONDS
            while self._spool.running(identity):
                if time.monotonic() >= deadline:
                    raise SpoolError("the sweeper does not end what it was ordered")
                time.sleep(0.05)
            self._spool.forget(identity)

    def quarantined(self) -> dict[str, list[str]]:
        """The digests on record as being in quarantine, each with its runs, the latest first."""
        found: dict[str, list[str]] = {}
        with self._database.change() as connection:
            for digest, run in connection.execute("SELECT digest, run FROM quarantine ORDER BY run DESC"):
                found.setdefault(str(digest), []).append(str(run))
        return found

    def restore(self, digests: Collection[str], seconds: float = 600) -> None:
        """Moves blobs back from quarantine, wherever they are in it. What is not there is skipped: look afterwards."""
        known = self.quarantined()
        by_run: dict[str, set[str]] = {}
        for digest in digests:
            for run in known.get(digest, ()):
                by_run.setdefault(run, set()).add(digest)
        for run in sorted(by_run, reverse=True):
            self._checked("restore", run, sorted(by_run[run]), seconds)
        with self._database.change() as connection:
            pairs = [(digest, run) for run, members in by_run.items() for digest in members]
            connection.executemany("DELETE FROM quarantine WHERE digest = ? AND run = ?", pairs)

    def contents(self, run: str = "", seconds: float = 600) -> list[Quarantined]:
        """What really is in quarantine: of one run, or of all."""
        result = self._do("list", run, (), seconds)
        try:
            if result.code == _NO_SUCH_FOLDER:
                return []
            if result.code != 0:
                raise SweepError(f"the sweeper could not list the quarantine ({result.code}): {result.error}")
            found: list[Quarantined] = []
            for line in result.log.read_text().splitlines():
                path, _, size = line.rpartition(" ")
                match = _PATH.fullmatch(path)
                if match:
                    found.append(Quarantined(match["run"] or run, f"sha256:{match['hex']}", int(size)))
            return found
        finally:
            self._spool.forget(result.identity)

    def relearn(self, seconds: float = 600) -> None:
        """Notes what lies in quarantine and is not on record, as after the loss of the state volume: only what is on record comes back."""
        there = self.contents(seconds=seconds)
        with self._database.change() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO quarantine VALUES (?, ?, 'swept', ?)", [(entry.digest, entry.run, time.time()) for entry in there]
            )

    def expire(self, before: float) -> list[str]:
        """Deletes for good the quarantines of runs on record that began before this wall-clock time. Returns their names."""
        limit = run_name(before)
        with self._database.change() as connection:
            known = {str(row[0]) for row in connection.execute("SELECT DISTINCT run FROM quarantine")}
        gone = sorted(run for run in known if run < limit)
        for run in gone:
            result = self._do("expire", run, (), 3600)
            code, error = result.code, result.error
            self._spool.forget(result.identity)
            if code not in (0, _NO_SUCH_FOLDER):
                raise SweepError(f"the sweeper could not empty the quarantine {run} ({code}): {error}")
            with self._database.change() as connection:
                connection.execute("DELETE FROM quarantine WHERE run = ?", (run,))
        return gone
