"""Lines that tell what a long step does and how long it took."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_DIM, _GREEN, _RED, _YELLOW, _OFF = "\033[2m", "\033[32m", "\033[31m", "\033[33m", "\033[0m"


def _paint(text: str, colour: str) -> str:
    """The text in a colour, on a terminal that wants colours; else the text alone."""
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        return f"{colour}{text}{_OFF}"
    return text


def say(text: str) -> None:
    """One line for the person watching. Standard error, so that the output of a command stays its own."""
    print(text, file=sys.stderr, flush=True)


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
    try:
        yield running
    except BaseException:
        say(_paint(f"{what}: failed after {time.monotonic() - started:.1f} s", _RED))
        raise
    say(_paint(f"{what}: {running.outcome} in {time.monotonic() - started:.1f} s", _GREEN if running.outcome == "done" else _YELLOW))
