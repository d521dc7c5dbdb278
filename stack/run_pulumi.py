"""Runs pulumi with its output shown: as it is on a terminal, else without what only repeats."""

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stack.quiet import Quiet

_LOOK_SECONDS = 1.0
"""How often to look for what takes long."""


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str], quiet: Quiet | None) -> int:
    """Runs the command in the folder; returns its exit code. `quiet` is what its standard output goes through, None for all of it."""
    output = None if quiet is None else subprocess.PIPE
    with (
        _interrupts_go_to_pulumi(),
        subprocess.Popen(command, cwd=folder, env=environment, stdout=output, text=True, errors="replace") as process,
    ):
        if quiet is not None and process.stdout is not None:
            _copy(process.stdout, quiet)
        return process.wait()


def _copy(source: IO[str], quiet: Quiet) -> None:
    """Prints what `quiet` leaves of the source's lines, until its end."""
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def read() -> None:
        for line in source:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            shown = quiet.overdue(time.monotonic())
        else:
            if line is None:
                break
            now = time.monotonic()
            shown = [*quiet.feed(line, now), *quiet.overdue(now)]
        for text in shown:
            print(text, flush=True)
    for text in quiet.rest():
        print(text, flush=True)


def wanted(*, plan: bool, verbose: bool) -> Quiet | None:
    """What to send pulumi's output through: nothing on a terminal, where it redraws its lines, and nothing where all was asked for."""
    return None if verbose or sys.stdout.isatty() else Quiet(plan)


@contextmanager
def _interrupts_go_to_pulumi() -> Iterator[None]:
    """Ctrl-C reaches pulumi by itself (same terminal); it then ends in order, and this process waits for that."""
    # A handler that does nothing, and not SIG_IGN, which pulumi would inherit.
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
