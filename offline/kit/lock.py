"""Keeps two runs of the kit from building the same thing at the same time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from offline.kit.progress import say


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Holds a lock file while the block runs. Waits for another holder, and says that it does.

    The kernel drops the lock of a process that dies.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another run that is busy with {what} ...")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
