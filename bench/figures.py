"""How figures are taken and shown."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


class BenchError(Exception):
    """What was measured did not work, so its figures would mean nothing."""


@dataclass(frozen=True)
class Figure:
    """One line of the report. `target` is what the project wants, empty where it wants nothing in particular."""

    name: str
    value: str
    target: str = ""

    def line(self) -> str:
        """The figure as a line of text."""
        wanted = f"  (target: {self.target})" if self.target else ""
        return f"  {self.name.ljust(44)} {self.value.rjust(12)}{wanted}"


def require(condition: bool, message: str) -> None:
    """Raises BenchError unless the condition holds."""
    if not condition:
        raise BenchError(message)


def seconds_of(action: Callable[[], object]) -> float:
    """How long the action takes, in seconds."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def median_seconds(action: Callable[[], object], rounds: int = 3) -> float:
    """The median of several runs, in seconds: one slow run says nothing about the program."""
    return statistics.median(seconds_of(action) for _ in range(rounds))
