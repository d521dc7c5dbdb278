"""Short moments with the write gate closed, in which what was looked at stays as it is until the gate opens."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ops.api import TIMEOUT_SECONDS
from ops.drain import Drain
from ops.errors import STOPPED, OpsError
from ops.gate import Gate
from ops.lock import Lease
from ops.output import log

PAUSE_SECONDS = 1.0
"""How long writes get their turn between two moments at least; they get as long as they had to wait."""
CLOSE_GRACE_SECONDS = 0.2
"""After the gate file appears: requests that passed it a moment before reach their replica."""
LOG_GRACE_SECONDS = 0.1
"""After the last write: the edge's line about it comes into the journal."""


@dataclass
class Moment:
    """One moment. Work on while `left` is positive, and call `check` before every request that changes something."""

    check: Callable[[], None]
    ends: float

    def left(self) -> float:
        """Seconds of the moment that remain."""
        return self.ends - time.monotonic()


Moments = Callable[[str], contextlib.AbstractContextManager[Moment]]
"""Closes the gate for a block; the argument says what for."""


def closed_moments(
    gate: Gate,
    lease: Lease,
    drain: Drain,
    max_seconds: float,
    put_back: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> Moments:
    """Moments of at most `max_seconds` (the settings' gc.maxGateSeconds) with this gate and this lease.

    `put_back` goes around the work, for writes that come through all the same (ops/slipped.py).
    """

    @contextlib.contextmanager
    def closed(reason: str) -> Iterator[Moment]:
        with gate.closed(lease, reason) as held:
            # The last step begins before this; a tenth is left for it to end in.
            ends = held.started + max_seconds * 0.9
            time.sleep(CLOSE_GRACE_SECONDS)
            busy = drain.manifests(ends - max_seconds / 2)
            if busy:
                raise OpsError(f"manifests were still being written after {max_seconds / 2:.1f} s: {'; '.join(busy)}", STOPPED)
            time.sleep(LOG_GRACE_SECONDS)

            def check() -> None:
                # A replica may still work on what it was asked for when this process is gone.
                gate.announce(TIMEOUT_SECONDS)
                held.check()

            with put_back():
                yield Moment(check, ends)
        log("gate was closed", reason=reason, seconds=round(held.seconds, 3))
        time.sleep(max(PAUSE_SECONDS, held.seconds))

    return closed
