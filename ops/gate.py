"""The write gate: a file that the edge looks for at each request. While it exists the edge refuses writes; reads go on.

The file says who closed it. A job closes it under the lock and opens it itself; a person closes it without end. When a job dies with the
gate closed, the next one to take the lock (`job`) opens it, or `supervise` as soon as the lease is over - after `settle`, which makes it
safe to let writes in again.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ops.errors import OpsError
from ops.lock import POLL_SECONDS, Lease, Lock, LockHeldError
from ops.output import log

BY_HAND = "by hand"


class GateError(OpsError):
    """The gate is not in the state that a step needs."""


@dataclass(frozen=True)
class GateState:
    """`token` is the lease of the job that closed the gate; empty when a person did. `since` is wall clock."""

    reason: str
    token: str
    since: float


def _nothing() -> None:
    """Jobs that delete through the registry leave nothing to settle."""


class Gate:
    """The gate file. `settle` is called before the gate opens: it ends or undoes what a job left half done, and raises when it can't."""

    def __init__(self, file: Path, lock: Lock, settle: Callable[[], None] = _nothing) -> None:
        self.file = file
        self.lock = lock
        self._settle = settle

    def state(self) -> GateState | None:
        """Why the gate is closed; None when it is open."""
        try:
            text = self.file.read_text()
            modified = self.file.stat().st_mtime
        except FileNotFoundError:
            return None
        try:
            content = json.loads(text)
            return GateState(str(content["reason"]), str(content["token"]), float(content["since"]))
        except (ValueError, KeyError, TypeError):
            # Somebody's `touch`: a person's will, whatever it says.
            return GateState(BY_HAND, "", modified)

    def _close(self, reason: str, token: str) -> None:
        """Creates the file with its content in one step; FileExistsError when the gate is closed already."""
        new = self.file.with_name(f"closing.{os.getpid()}")
        new.write_text(json.dumps({"reason": reason, "token": token, "since": time.time()}) + "\n")
        try:
            os.link(new, self.file)
        finally:
            new.unlink()

    @contextlib.contextmanager
    def closed(self, lease: Lease, reason: str) -> Iterator["ClosedGate"]:
        """Closes the gate for the block. Whatever happens inside, the gate is open afterwards, or the supervisor opens it.

        Raises GateError when a person has closed it.
        """
        lease.check()
        if self._left_closed():
            self._recover()
        try:
            self._close(reason, lease.token)
        except FileExistsError:
            raise GateError("the gate was closed by hand: open it first (ops gate open)") from None
        closed = ClosedGate(self, lease)
        try:
            yield closed
        finally:
            lease.check()
            self._settle()
            closed.seconds = time.monotonic() - closed.started
            self._open(lease.token)

    def _open(self, token: str) -> None:
        state = self.state()
        if state is not None and state.token == token:
            self.file.unlink()

    def _recover(self) -> bool:
        """Opens the gate that a dead job left closed, and says whether it did. The caller holds the lock: whoever closed it is gone."""
        self._settle()
        state = self.state()
        if state is None or not state.token:
            return False
        self._open(state.token)
        return True

    def _left_closed(self) -> bool:
        state = self.state()
        return state is not None and bool(state.token)

    @contextlib.contextmanager
    def job(self, name: str, wait_seconds: float = 0) -> Iterator[Lease]:
        """Holds the lock for a job. Before anything else it opens the gate that a dead job left closed: nobody else can meanwhile."""
        with self.lock.hold(name, wait_seconds) as lease:
            self._recover()
            yield lease

    def supervise(self) -> bool:
        """Opens the gate that a dead job left closed, and says whether it did. Call it every few seconds.

        Raises what `settle` raises when it is not yet safe to open: the next call tries again.
        """
        if not self._left_closed() or self.lock.owner() is not None:
            return False
        try:
            with self.lock.hold("supervisor"):
                return self._recover()
        except LockHeldError:
            # A job that has just started: it finds the gate and recovers by itself.
            return False
        except OSError:
            # A full disk: the lock can't be written. Nobody else can take it while its guard is ours, and opening the gate needs no space.
            with self.lock.guarded() as free:
                return free and self._recover()

    def waits(self) -> bool:
        """Whether something that a dead job began may still be moving, so that its gate can't be opened yet. One host settles it itself."""
        return False

    def reopen(self, seconds: float) -> bool:
        """Supervises until no job has the gate closed, at most so long. Returns whether that was reached."""
        deadline = time.monotonic() + seconds
        said = ""
        while True:
            problem = ""
            try:
                if not self._left_closed():
                    return True
                self.supervise()
            except (OpsError, OSError) as error:
                problem = str(error)
                if problem != said:
                    log("the gate can't be opened yet", error=problem)
                said = problem
            if time.monotonic() >= deadline:
                return not problem and self.state() is None
            time.sleep(POLL_SECONDS)

    def close_by_hand(self, reason: str = BY_HAND) -> None:
        """Closes the gate without end. Raises GateError when it is closed already."""
        try:
            self._close(reason, "")
        except FileExistsError:
            raise GateError(f"the gate is closed already: {self.state()}") from None

    def open_by_hand(self) -> bool:
        """Opens the gate and says whether it was closed. Raises GateError while a living job needs it closed."""
        state = self.state()
        if state is None:
            return False
        if state.token:
            try:
                with self.job("gate open"):
                    pass
            except LockHeldError as error:
                raise GateError(f"a job has the gate closed for a moment and opens it by itself: {error}") from error
            return True
        self._open_whoever_closed()
        return True

    def _open_whoever_closed(self) -> None:
        self.file.unlink(missing_ok=True)

    def missing(self, seconds: float) -> list[str]:
        """The hosts that have not closed the gate within so long; a single host does so at once."""
        del seconds
        return []

    def now(self) -> float:
        """The wall clock by which what lies in quarantine gets old."""
        return time.time()

    def announce(self, seconds: float) -> None:
        """Something moves for so long from now on. Here the order itself says it (Settlement)."""

    def check(self, lease: Lease) -> None:
        """Raises unless the gate is still closed by the holder of this lease, everywhere."""
        lease.check()
        state = self.state()
        if state is None or state.token != lease.token:
            raise GateError("the gate was opened by somebody else meanwhile")


class ClosedGate:
    """The gate while a job holds it closed."""

    def __init__(self, gate: Gate, lease: Lease) -> None:
        self._gate = gate
        self._lease = lease
        self.started = time.monotonic()
        self.seconds = 0.0
        """How long it was closed; known once it is open again."""

    def elapsed(self) -> float:
        """Seconds since it closed."""
        return time.monotonic() - self.started

    def check(self) -> None:
        """Raises unless the lease runs and the gate is still closed by us: ask before every step that must not meet a write."""
        self._gate.check(self._lease)
