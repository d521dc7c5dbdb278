"""The write gate of a whole fleet: a record in Redis that every host follows (ops/fleet/follower.py)."""

import time
from collections.abc import Callable
from pathlib import Path

from ops.fleet import scripts
from ops.fleet.agreement import MICROSECONDS, Agreement, GateRecord, HostRecord, Snapshot
from ops.fleet.local_gate import LocalGate
from ops.fleet.lock import RedisLock
from ops.gate import Gate, GateError, GateState
from ops.lock import Lease

NOBODY = "-"
"""Stands for the token where Redis holds no record: as if a job had died with the gate closed."""
LOOKUP_GRACE_SECONDS = 0.3
"""Lookups that saw a blob before it went, until the cache is flushed."""
POLL_SECONDS = 0.03


def not_done(snapshot: Snapshot, record: GateRecord, step: str, linger_seconds: float, here: str) -> list[str]:
    """The hosts that are not known to have done a step of this closing, each with what is known.

    One that was lost lately counts too: its edge refuses writes by now, but those that it let in before may still be running. So does this
    host (`here`), always: if even it seems to be lost, Redis's clock was set, or nobody here keeps the gate.
    """
    found: list[str] = []
    if here not in snapshot.hosts or not snapshot.hosts[here].live(snapshot.now):
        found.append(f"host {here}, this one, is no member: does its main loop run?")
    for host in snapshot.hosts.values():
        if host.live(snapshot.now):
            if host.ack.get("epoch") != record.epoch or host.ack.get(step) is not True:
                busy = host.ack.get("busy") if host.ack.get("epoch") == record.epoch else None
                found.append(f"host {host.name}: {busy or 'no answer yet'}")
        elif lingers(host, snapshot.now, linger_seconds):
            found.append(f"host {host.name} was lost {snapshot.now - host.seen:.0f} s ago: what it was writing may not have ended")
    return found


def lingers(host: HostRecord, now: float, linger_seconds: float) -> bool:
    """Whether writes that a lost host let in may still be running."""
    return not host.live(now) and now - host.seen <= host.lease + linger_seconds


class FleetGate(Gate):
    """See Gate. `flush` empties the registry's cache: what a job on another host left half done only that host knows, and this is enough.

    `linger_seconds`: how long writes may still run that a host had let in before it was lost.
    """

    def __init__(
        self,
        file: Path,
        lock: RedisLock,
        settle: Callable[[], None],
        *,
        agreement: Agreement,
        flush: Callable[[], None],
        linger_seconds: float,
    ) -> None:
        super().__init__(file, lock, settle)
        self._lock = lock
        self._agreement = agreement
        self._flush = flush
        self.linger_seconds = linger_seconds
        self._step = "closed"

    def state(self) -> GateState | None:
        """See Gate. Raises RedisError."""
        snapshot = self._agreement.read()
        record = snapshot.gate
        if record is None:
            return GateState("Redis holds no record of the gate", NOBODY, snapshot.born + snapshot.offset)
        if record.closed:
            return GateState(record.reason, record.token, record.since + snapshot.offset)
        return None

    def _close(self, reason: str, token: str) -> None:
        self._step = "closed"
        if self._agreement.run(scripts.CLOSE, token, reason) != 1:
            raise FileExistsError("the gate is closed already, or the lock is lost")

    def _open(self, token: str) -> None:
        # Whoever opens the gate of a job holds the lock, that job or the one who recovers.
        self._agreement.run(scripts.OPEN, token, self._lock.held or "?")

    def _recover(self) -> bool:
        snapshot = self._agreement.read()
        record = snapshot.gate
        if record is not None and record.closed and record.token:
            # Its sweeper may still be moving something.
            time.sleep(max(0.0, record.until - snapshot.now))
        left = record is None or (record.closed and bool(record.token))
        if left:
            time.sleep(LOOKUP_GRACE_SECONDS)
            self._flush()
        return super()._recover()

    def waits(self) -> bool:
        """See Gate. Raises RedisError."""
        snapshot = self._agreement.read()
        record = snapshot.gate
        return record is not None and record.closed and bool(record.token) and snapshot.now < record.until

    def supervise(self) -> bool:
        """See Gate. The main loop has other things to do than to wait."""
        return not self.waits() and super().supervise()

    def _open_whoever_closed(self) -> None:
        self._agreement.run(scripts.OPEN, "", "")

    def open_by_hand(self) -> bool:
        """See Gate. Also removes a file that somebody put on this host alone."""
        own = self.file.exists() and LocalGate(self.file).closed_for() is None
        if own:
            self.file.unlink(missing_ok=True)
        return super().open_by_hand() or own

    def missing(self, seconds: float) -> list[str]:
        """See Gate."""
        return self.drained("closed", time.monotonic() + seconds)

    def now(self) -> float:
        """See Gate. Not later than Redis's clock, which does not depend on who collects. Raises RedisError."""
        return min(time.time(), self._agreement.read().now)

    def announce(self, seconds: float) -> None:
        """Notes that something moves for so long from now on. Raises GateError unless this job has the gate closed."""
        if self._agreement.run(scripts.MOVING, self._lock.held, round(seconds * MICROSECONDS)) != 1:
            raise GateError("the gate was opened by somebody else meanwhile")

    def drained(self, step: str, deadline: float) -> list[str]:
        """Waits until every live host has done `step` (closed, manifests, writes); returns the ones that have not by `deadline`."""
        while True:
            snapshot = self._agreement.read()
            record = snapshot.gate
            if record is None or not record.closed:
                return ["the gate was opened by somebody else meanwhile"]
            waiting = not_done(snapshot, record, step, self.linger_seconds, self._agreement.host)
            if not waiting or time.monotonic() >= deadline:
                self._step = step
                return waiting
            time.sleep(POLL_SECONDS)

    def check(self, lease: Lease) -> None:
        """See Gate. Also that no host joined or came back that has not done what the others did."""
        lease.check()
        snapshot = self._agreement.read()
        record = snapshot.gate
        if record is None or not record.closed or record.token != lease.token:
            raise GateError("the gate was opened by somebody else meanwhile")
        waiting = not_done(snapshot, record, self._step, self.linger_seconds, self._agreement.host)
        if waiting:
            raise GateError(f"not every host keeps its gate closed: {'; '.join(waiting)}")
