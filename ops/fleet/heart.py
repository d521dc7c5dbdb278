"""The heartbeat of a host, and the lease that it gives the edge for taking writes."""

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ops.fleet.agreement import Agreement
from ops.fleet.local_gate import LocalGate
from ops.lock import boot_id
from ops.output import log

LEAST_MARGIN_SECONDS = 3.0


def margin(lease_seconds: float) -> float:
    """How much earlier than the others the edge stops counting on a heartbeat: its loop looks twice a second, and may be held up."""
    return max(lease_seconds / 3, LEAST_MARGIN_SECONDS)


def uptime() -> float:
    """Seconds since the machine started, as /proc/uptime has it for the edge: nobody can set this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def write_lease(file: Path, since: float, until: float) -> None:
    """Lets the edge take writes between two uptimes (bundle/templates/edge.sh.j2 reads it)."""
    new = file.with_name(f"lease.{os.getpid()}")
    new.write_text(f"{boot_id()} {int(since * 100)} {int(until * 100)}\n")
    new.replace(file)


@dataclass
class Membership:
    """What became of the last heartbeat, for whoever asks."""

    member: bool = False
    waiting_for: str = "the first heartbeat"


class Heart:
    """Sends heartbeats and renews the edge's lease. Each lease is counted from before its heartbeat was sent, so it ends first.

    A host that was not heard of for longer than its lease may have missed a closing: it does what the record says before its edge takes
    writes again, and when there is no record, or Redis began anew a moment ago, it waits.
    """

    def __init__(self, agreement: Agreement, gate: LocalGate, lease: Path, settle_seconds: float) -> None:
        self._agreement = agreement
        self._gate = gate
        self._lease = lease
        self._settle_seconds = settle_seconds
        self._last = float("-inf")
        self.membership = Membership()

    def beat(self) -> None:
        """One heartbeat. Raises OpsError when Redis does not answer."""
        length = self._agreement.lease_seconds
        started = uptime()
        lapsed, snapshot = self._agreement.heartbeat()
        if lapsed or started - self._last > length:
            self._change(False, "the gate's record")
        self._last = started
        self._gate.apply(snapshot.gate)
        if not self.membership.member:
            left = snapshot.born + self._settle_seconds - snapshot.now
            if left > 0:
                self._change(False, f"Redis, which began anew: what was running before is over in {left:.0f} s")
                return
            if snapshot.gate is None:
                self._change(False, "the gate's record")
                return
            self._change(True, "")
        write_lease(self._lease, started, started + length - margin(length))

    def _change(self, member: bool, waiting_for: str) -> None:
        if member != self.membership.member:
            log("joined the fleet" if member else "no member of the fleet for now", host=self._agreement.host, waits_for=waiting_for)
            if not member:
                # It may not be over by this machine's clock, where Redis's was set.
                self._lease.unlink(missing_ok=True)
        self.membership = Membership(member, waiting_for)

    def run(self, stop: threading.Event) -> None:
        """Beats until `stop`."""
        pause = max(0.5, self._agreement.lease_seconds / 10)
        failing = False
        while not stop.is_set():
            try:
                self.beat()
                if failing:
                    log("heartbeats arrive again")
                failing = False
            except Exception as error:  # noqa: BLE001 - whatever it is, the next heartbeat may arrive
                if not failing:
                    log(
                        "no heartbeat",
                        error=f"{type(error).__name__}: {error}",
                        then="the edge takes no writes once its lease is over; pulls go on",
                    )
                failing = True
            stop.wait(pause)
