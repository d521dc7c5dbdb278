"""Runs one command and takes its time."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.busy import busy_seconds
from bench.figures import BenchError
from bench.loop.pairs import Run

_END_SECONDS = 60.0
_SHOWN_LINES = 30


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path, seconds: float) -> Run:
    """Runs the command in the folder, both its outputs in `log`, for at most this many seconds.

    Raises BenchError with the last lines when it fails or takes too long. Stopped by Ctrl-C, it stops the command first.
    """
    late = threading.Event()
    with log.open("wb") as output:
        started, before = time.monotonic(), busy_seconds()
        # A session of its own: Ctrl-C reaches this process alone, which then ends the command and cleans up.
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )

        def too_late() -> None:
            late.set()
            _signal(process, signal.SIGKILL)

        timer = threading.Timer(seconds, too_late)
        timer.start()
        try:
            # The usage of this child and of those that it waited for, which subprocess does not tell.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _end(process)
            raise
        finally:
            timer.cancel()
        wall, busy = time.monotonic() - started, busy_seconds() - before
        process.returncode = os.waitstatus_to_exitcode(status)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if late.is_set() or process.returncode:
        how = f"did not end within {seconds:g} s" if late.is_set() else f"ended with exit code {process.returncode}"
        raise BenchError(f"`{' '.join(command)}` {how}; its last lines:\n" + "\n".join(lines[-_SHOWN_LINES:]))
    return Run(wall, usage.ru_utime + usage.ru_stime, busy, len(lines))


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command as Ctrl-C would, and by force when that does not help."""
    _signal(process, signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        process.wait()
