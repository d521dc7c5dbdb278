"""One job at a time: a lock with an owner, a lease and a heartbeat, kept in the state volume (on a fleet in Redis: ops/fleet/lock.py).

A lease and not only flock: a job that hangs or whose process was killed loses the lock after `lease_seconds`, so that the supervisor can
reopen the gate. All processes that use one lock file run on one host; time is the host's monotonic clock, which no clock step disturbs.
"""

import contextlib
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ops.errors import OpsError

LEASE_SECONDS = 15.0
"""Small enough that a crashed job's gate is open again well within a minute, large enough for a heartbeat on a busy machine."""
POLL_SECONDS = 0.2


class LockHeldError(OpsError):
    """Another job holds the lock; the message says which one."""


class LockLostError(OpsError):
    """The lease ran out (a hang, a suspended machine): the job must stop at once and change nothing more."""


@dataclass(frozen=True)
class Owner:
    """Who holds the lock. `since` is wall clock for people; `expires` is the monotonic clock of the boot `boot`."""

    name: str
    token: str
    host: str
    pid: int
    since: float
    expires: float
    boot: str

    def __str__(self) -> str:
        seconds = max(0, round(time.time() - self.since))
        return f"{self.name!r} (process {self.pid} on {self.host}, for {seconds} s)"


def boot_id() -> str:
    """Names the run of the machine since its last start."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Lease:
    """The right to go on: ask `check` before every step that changes something."""

    def __init__(self, lock: "Lock", owner: Owner) -> None:
        self._lock = lock
        self.owner = owner
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._expires = owner.expires
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    @property
    def token(self) -> str:
        """Unique for this holding of the lock."""
        return self.owner.token

    def check(self) -> None:
        """Raises LockLostError unless the lease still runs."""
        if self._lost.is_set() or time.monotonic() >= self._expires:
            raise LockLostError(f"the lock for {self.owner.name!r} was lost: its lease ran out")

    def _beat(self) -> None:
        while not self._stop.wait(self._lock.lease_seconds / 5):
            try:
                expires = self._lock.renew(self.owner)
            except (OSError, OpsError):
                # A full disk for example: the next beat tries again, and `check` fails once the lease is over.
                continue
            if expires is None:
                self._lost.set()
                return
            self._expires = expires

    def end(self) -> None:
        """Stops the heartbeat."""
        self._stop.set()
        self._thread.join()


class Lock(ABC):
    """What every lock can do. `here` names this host among those that use it."""

    here: str
    lease_seconds: float

    @abstractmethod
    def owner(self) -> Owner | None:
        """Who holds the lock now; None when it is free or its lease is over."""

    @abstractmethod
    def guarded(self) -> contextlib.AbstractContextManager[bool]:
        """Whether nobody holds the lock; as long as the block runs nobody can take it."""

    @abstractmethod
    def renew(self, owner: Owner) -> float | None:
        """Extends the lease and returns its new end (monotonic); None when the lock is somebody else's by now."""

    @abstractmethod
    def _try(self, name: str) -> Owner | None:
        """Takes the lock; None when that can't be now."""

    @abstractmethod
    def _free(self, owner: Owner) -> None:
        """Lets go of the lock unless somebody else has taken it."""

    def _obstacle(self) -> str | None:
        """Why the lock can't be taken; None when it can by now."""
        holder = self.owner()
        return None if holder is None else f"another job holds the lock: {holder}"

    def _new_owner(self, name: str, expires: float) -> Owner:
        return Owner(
            name=name, token=secrets.token_hex(8), host=self.here, pid=os.getpid(), since=time.time(), expires=expires, boot=boot_id()
        )

    @contextlib.contextmanager
    def hold(self, name: str, wait_seconds: float = 0) -> Iterator[Lease]:
        """Holds the lock as `name`; waits for it up to `wait_seconds`. Raises LockHeldError that names the holder."""
        deadline = time.monotonic() + wait_seconds
        while (taken := self._try(name)) is None:
            if time.monotonic() >= deadline and (obstacle := self._obstacle()):
                raise LockHeldError(obstacle)
            time.sleep(POLL_SECONDS)
        lease = Lease(self, taken)
        try:
            yield lease
        finally:
            lease.end()
            self._free(taken)


class FileLock(Lock):
    """The lock as a record in `folder`. Every change of the record happens under flock on a file beside it."""

    def __init__(self, folder: Path, lease_seconds: float = LEASE_SECONDS) -> None:
        self.here = socket.gethostname()
        self.folder = folder
        self.lease_seconds = lease_seconds
        self._record = folder / "lock.json"

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / "lock.guard", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, owner: Owner) -> None:
        new = self.folder / "lock.new"
        new.write_text(json.dumps(asdict(owner)))
        new.replace(self._record)

    def owner(self) -> Owner | None:
        """Who holds the lock now; None when it is free or its lease is over."""
        try:
            owner = Owner(**json.loads(self._record.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            # A record that can't be read was cut off by a crash of the machine: nobody holds it any more.
            return None
        if owner.boot != boot_id() or time.monotonic() >= owner.expires:
            return None
        return owner

    @contextlib.contextmanager
    def guarded(self) -> Iterator[bool]:
        """Whether nobody holds the lock; as long as the block runs nobody can take it. Writes nothing, and waits for nobody."""
        with self._guard():
            yield self.owner() is None

    def renew(self, owner: Owner) -> float | None:
        """Extends the lease and returns its new end; None when somebody else has taken the lock."""
        with self._guard():
            now = self.owner()
            if now is None or now.token != owner.token:
                return None
            expires = time.monotonic() + self.lease_seconds
            self._write(Owner(**{**asdict(owner), "expires": expires}))
            return expires

    def _try(self, name: str) -> Owner | None:
        with self._guard():
            if self.owner() is not None:
                return None
            owner = self._new_owner(name, time.monotonic() + self.lease_seconds)
            self._write(owner)
            return owner

    def _free(self, owner: Owner) -> None:
        with self._guard():
            now = self.owner()
            if now is not None and now.token == owner.token:
                self._record.unlink()
