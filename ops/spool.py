"""Orders for a service in another container: folders in a shared volume, moved from name to name.

    tmp-<id>  being written by us          new-<id>  ordered            run-<id>  taken by the service
    done-<id> finished: holds `code` (exit code), `log`, `err` (the end of its messages)

`bell` is a named pipe of the service, which waits there for orders: a line means that there may be one.

Each step is one rename, so an order is either ours to withdraw or theirs to finish, never both.
"""

import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.settings import DAY_SECONDS

POLL_SECONDS = 0.02


class SpoolError(OpsError):
    """The service did not answer in time, or could not do what was ordered."""


@dataclass(frozen=True)
class Result:
    """What the service answered. `folder` holds its files until `Spool.forget`."""

    identity: str
    folder: Path

    @property
    def code(self) -> int:
        """Exit code; 137 when the service itself was killed meanwhile. Raises SpoolError when it could not write one (a full disk)."""
        text = (self.folder / "code").read_text().strip()
        if not text.isdigit():
            raise SpoolError(f"a service could not write down how its work ended ({self.folder.name}): is its disk full?")
        return int(text)

    @property
    def error(self) -> str:
        """The end of what it said on stderr."""
        file = self.folder / "err"
        return file.read_text(errors="replace").strip()[-2000:] if file.exists() else ""

    @property
    def log(self) -> Path:
        """Its output."""
        return self.folder / "log"


class Spool:
    """One service's spool folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def new_identity() -> str:
        """A name for an order. Orders are worked off in the order of their names."""
        return f"{time.time_ns():020d}-{secrets.token_hex(4)}"

    def order(self, files: Mapping[str, str], identity: str = "") -> str:
        """Places an order: the files that the service reads. Returns its identity."""
        identity = identity or self.new_identity()
        new = self.folder / f"tmp-{identity}"
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)
        new.rename(self.folder / f"new-{identity}")
        self._ring()
        return identity

    def _ring(self) -> None:
        """Wakes the service. One that is away (no pipe, nobody at its other end) looks for orders at its start."""
        try:
            bell = os.open(self.folder / "bell", os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENXIO):
                raise
            return
        try:
            with contextlib.suppress(BlockingIOError):  # full of calls that it has not heard yet
                os.write(bell, b"\n")
        finally:
            os.close(bell)

    def wait(self, identity: str, seconds: float, take_seconds: float = 3600) -> Result:
        """The result; SpoolError when there is none after `seconds`, or when nobody took the order within `take_seconds`.

        An order that was not taken by then is withdrawn.
        """
        started = time.monotonic()
        done, new = self.folder / f"done-{identity}", self.folder / f"new-{identity}"
        while not done.exists():
            waited = time.monotonic() - started
            if waited >= seconds or (waited >= take_seconds and new.exists()):
                if self.withdraw(identity):
                    raise SpoolError(f"the {self.folder.name} does not take orders: is its container running, or busy with an older order?")
                if not done.exists() and waited >= seconds:
                    raise SpoolError(f"the {self.folder.name} has not finished after {seconds:.0f} s")
            time.sleep(POLL_SECONDS)
        return Result(identity, done)

    def withdraw(self, identity: str) -> bool:
        """Takes an order back; False when the service has it already."""
        gone = self.folder / f"tmp-{identity}"
        try:
            (self.folder / f"new-{identity}").rename(gone)
        except FileNotFoundError:
            return False
        shutil.rmtree(gone)
        return True

    def running(self, identity: str) -> bool:
        """Whether the service works on it or may still take it."""
        return any((self.folder / f"{state}-{identity}").exists() for state in ("new", "run"))

    def unfinished(self, commands: Collection[str]) -> dict[str, float]:
        """The orders with one of these commands that the service works on or may still take, each with the seconds it may take at most."""
        found: dict[str, float] = {}
        for state in ("new", "run"):
            for folder in self.folder.glob(f"{state}-*"):
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # finished just now
                    if (folder / "command").read_text() in commands:
                        found[folder.name.removeprefix(f"{state}-")] = float((folder / "seconds").read_text())
        return found

    def forget(self, identity: str) -> None:
        """Removes a result."""
        shutil.rmtree(self.folder / f"done-{identity}", ignore_errors=True)

    def tidy(self, keep_seconds: float = DAY_SECONDS) -> None:
        """Removes what crashed jobs left behind: half-written orders and results that nobody fetched."""
        limit = time.time() - keep_seconds
        for folder in self.folder.glob("*-*"):
            if folder.name.startswith(("tmp-", "done-")) and folder.stat().st_mtime < limit:
                shutil.rmtree(folder, ignore_errors=True)
