"""SIGTERM (docker stop, kill) ends a command the way an error does: on its way out it opens the gate and lets go of the lock."""

import os
import signal
import time
from types import FrameType

from ops.lock import Lock

EXIT_CODE = 128 + signal.SIGTERM
"""143, what a shell says of a process that SIGTERM ended."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came. Like Ctrl-C no Exception, so that nothing takes it for a failure to go on after."""


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    # A second one must not cut the way out short.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def install() -> None:
    """From now on SIGTERM raises Terminated in the main thread."""
    signal.signal(signal.SIGTERM, _terminate)


def end_holder(lock: Lock, seconds: float) -> bool:
    """Asks the job of this container that holds the lock to end, and waits for it. Returns whether the lock is free.

    For the end of the container: with its first process everything in it is killed, also what a person started by `docker exec`.
    """
    owner = lock.owner()
    if owner is None:
        return True
    if owner.host != lock.here or owner.pid == os.getpid():
        return False
    deadline = time.monotonic() + seconds
    try:
        os.kill(owner.pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    while (now := lock.owner()) is not None and now.token == owner.token:
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True
