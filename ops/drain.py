"""Waiting until no write is in flight, with the gate closed."""

import time
from collections.abc import Sequence
from typing import Protocol

from ops import metrics

MANIFEST_WRITES = 'registry_http_in_flight_requests{handler="manifest"}'


class Drain(Protocol):
    """Knows the writes in flight behind the gate."""

    def writes(self, deadline: float) -> list[str]:
        """Waits until none is in flight, at most up to `deadline` (monotonic). Returns who still wrote or did not answer."""
        ...

    def manifests(self, deadline: float) -> list[str]:
        """The same for manifests alone: uploads of blobs may take minutes, and only a manifest's PUT gives a digest a tag."""
        ...

    def wait_quiet(self, seconds: float) -> None:
        """With the gate open: waits for a moment without writes, at most so long."""
        ...


def manifests_in_flight(url: str) -> int:
    """Manifest requests that a replica is working on. Raises OSError when it does not answer."""
    text = str(metrics.fetch(url), "utf-8", "replace")
    return sum(round(float(line.rpartition(" ")[2])) for line in text.splitlines() if line.startswith(MANIFEST_WRITES))


class ReplicaDrain:
    """The replicas of this host, by the addresses of their metrics."""

    def __init__(self, debug: Sequence[str]) -> None:
        self._debug = debug

    def writes(self, deadline: float) -> list[str]:
        """See Drain."""
        return metrics.drained(self._debug, deadline)

    def manifests(self, deadline: float) -> list[str]:
        """See Drain."""
        return metrics.drained(self._debug, deadline, manifests_in_flight)

    def wait_quiet(self, seconds: float) -> None:
        """See Drain."""
        metrics.drained(self._debug, time.monotonic() + seconds, pause=0.2)
