"""Waiting until no write is in flight on any host."""

import time

from ops.fleet.agreement import Agreement
from ops.fleet.gate import FleetGate, lingers

_PAUSE_SECONDS = 1.0


class FleetDrain:
    """Each host looks after its own replicas and says when they are idle (ops/fleet/follower.py)."""

    def __init__(self, agreement: Agreement, gate: FleetGate) -> None:
        self._agreement = agreement
        self._gate = gate

    def writes(self, deadline: float) -> list[str]:
        """See Drain."""
        return self._gate.drained("writes", deadline)

    def manifests(self, deadline: float) -> list[str]:
        """See Drain."""
        return self._gate.drained("manifests", deadline)

    def wait_quiet(self, seconds: float) -> None:
        """See Drain. No host was lost lately, and each said in its last report that nothing was being written."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(min(_PAUSE_SECONDS, seconds))
            snapshot = self._agreement.read()
            lost = any(lingers(host, snapshot.now, self._gate.linger_seconds) for host in snapshot.hosts.values())
            if not lost and all(host.state.get("busy") == 0 for host in snapshot.live()):
                return
