"""Pairs of runs, what they come to, and their ratio. Nothing here runs anything."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Side(StrEnum):
    """One of the two checkouts: this one, or the one that it is compared with."""

    HERE = "here"
    AGAINST = "against"


def order(pair: int) -> tuple[Side, Side]:
    """Who goes first in a pair, counted from 0: they take turns, so that a machine that gets slower or faster favours nobody."""
    return (Side.HERE, Side.AGAINST) if pair % 2 == 0 else (Side.AGAINST, Side.HERE)


@dataclass(frozen=True)
class Run:
    """What one command took, in seconds, and how many lines it printed.

    `processor` is the command's own and that of all processes it waited for; `busy` that of the whole machine meanwhile, Docker included.
    """

    wall: float
    processor: float
    busy: float
    lines: int


@dataclass(frozen=True)
class Spread:
    """Median, least and most of some values."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Raises statistics.StatisticsError when there are none."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])


@dataclass(frozen=True)
class PairedFigure:
    """One thing that was measured on both sides. Each pair has the value of this checkout first."""

    name: str
    unit: str
    pairs: tuple[tuple[float, float], ...]

    @property
    def here(self) -> Spread:
        """The values of this checkout."""
        return Spread.of(here for here, _ in self.pairs)

    @property
    def against(self) -> Spread:
        """The values of the checkout that it is compared with."""
        return Spread.of(against for _, against in self.pairs)

    @property
    def ratio(self) -> Spread | None:
        """This checkout in proportion to the other, pair by pair. None when one of the others is not above zero: nothing to divide by."""
        if any(against <= 0 for _, against in self.pairs):
            return None
        return Spread.of(here / against for here, against in self.pairs)


def of_runs(what: str, pairs: Sequence[tuple[Run, Run]]) -> list[PairedFigure]:
    """The figures of a command that ran in pairs."""
    return [
        PairedFigure(f"{what}: wall", "s", tuple((here.wall, against.wall) for here, against in pairs)),
        PairedFigure(f"{what}: processor, own processes", "s", tuple((here.processor, against.processor) for here, against in pairs)),
        PairedFigure(f"{what}: processor, machine", "s", tuple((here.busy, against.busy) for here, against in pairs)),
        PairedFigure(f"{what}: lines printed", "", tuple((here.lines, against.lines) for here, against in pairs)),
    ]
