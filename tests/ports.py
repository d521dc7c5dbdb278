"""Ports for the servers of tests, each given to one test process at a time."""

import contextlib
import fcntl
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import IO

RANGE = range(15_000, 32_000)
"""Below those that Linux gives to outgoing connections (from 32768 on, ip(7)): one of them could take a port that was just chosen."""

_claims: list[IO[bytes]] = []
"""Open as long as this process runs: the kernel drops the lock of one that dies."""


def _claim(port: int) -> bool:
    """Whether no other test process of this user has the port. Several run side by side, and choose before they listen."""
    folder = Path(tempfile.gettempdir()) / f"registry-test-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    held = (folder / str(port)).open("ab")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        return False
    _claims.append(held)
    return True


def free_port() -> int:
    """A port that nothing listens on, on any address, and that no other test process is given while this one runs."""
    while True:
        port = secrets.choice(RANGE)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))  # noqa: S104 - only to find out
            if _claim(port):
                return port
