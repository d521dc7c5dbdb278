"""Lines that tell what a long step does and how long it took. Steps may run side by side: each line says which one it is about."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_running: dict[int, tuple[str, float]] = {}
_lock = threading.Lock()
_DIM, _GREEN, _RED, _YELLOW, _OFF = "\033[2m", "\033[32m", "\033[31m", "\033[33m", "\033[0m"


def _paint(text: str, colour: str) -> str:
    """The text in a colour, on a terminal that wants colours; else the text alone."""
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        return f"{colour}{text}{_OFF}"
    return text


def say(text: str) -> None:
    """One line for the person watching. Standard error, so that the output of a command stays its own."""
    # In one piece, so that lines of steps that run side by side don't mix.
    with _lock:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def warn(text: str) -> None:
    """One line that should be noticed."""
    say(_paint(text, _YELLOW))


def fail(text: str) -> None:
    """The line that a command ends with when it could not do its work."""
    say(_paint(f"error: {text}", _RED))


@dataclass
class Step:
    """A step that is under way; `outcome` is the word that its last line ends with."""

    outcome: str = "done"


@contextmanager
def step(what: str) -> Iterator[Step]:
    """Prints one line when the step starts, and one with its seconds when it ends."""
    say(_paint(f"{what} ...", _DIM))
    started = time.monotonic()
    running = Step()
    _running[id(running)] = (what, started)
    try:
        yield running
    except BaseException:
        say(_paint(f"{what}: failed after {time.monotonic() - started:.1f} s", _RED))
        raise
    finally:
        del _running[id(running)]
    say(_paint(f"{what}: {running.outcome} in {time.monotonic() - started:.1f} s", _GREEN if running.outcome == "done" else _YELLOW))


def say_what_runs() -> None:
    """One line with the steps under way and their seconds, the oldest first; nothing when there are none."""
    now = time.monotonic()
    under_way = sorted(_running.copy().values(), key=lambda entry: entry[1])
    if under_way:
        # Without what is said in brackets when the step starts.
        parts = (f"{what.partition(' (')[0]} ({now - started:.0f} s)" for what, started in under_way)
        say(_paint(f"still busy: {', '.join(parts)}", _DIM))
