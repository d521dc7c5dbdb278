"""The report: a table for people, JSON for programs."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.loop.checkouts import Source
from bench.loop.pairs import PairedFigure, Spread

_WIDTHS = (52, 24, 24, 20)


@dataclass(frozen=True)
class Report:
    """What a part measured. `notes` are what a reader must know to judge the figures."""

    part: str
    machine: str
    here: Source
    against: Source
    figures: Sequence[PairedFigure]
    notes: Sequence[str]


def machine() -> str:
    """The machine in one line: processor, cores, memory."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "processor of unknown name")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB"


def _spread(spread: Spread | None, unit: str = "", digits: int = 2) -> str:
    if spread is None:
        return "-"
    text = f"{spread.median:.{digits}f}{f' {unit}' if unit else ''}"
    return text if spread.least == spread.most else f"{text} ({spread.least:.{digits}f}-{spread.most:.{digits}f})"


def _row(cells: Sequence[str]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)).rstrip()


def table(report: Report) -> str:
    """Median of each figure, with the least and the most in brackets; the ratio is that of the pairs, not of the medians."""
    count = len(report.figures[0].pairs)
    rows = [
        f"loop {report.part}, {count} {'pair' if count == 1 else 'pairs'}, on {report.machine}",
        _row(["", f"here {report.here.label}", f"against {report.against.label}", "ratio"]),
    ]
    for figure in report.figures:
        # Lines are counted; everything else is measured, and needs the more digits the smaller it is.
        digits = 0 if not figure.unit else 1 if figure.against.median >= 10 else 2
        values = (_spread(side, figure.unit, digits) for side in (figure.here, figure.against))
        rows.append(_row([figure.name, *values, _spread(figure.ratio)]))
    return "\n".join([*rows, *(f"note: {note}" for note in report.notes)])


def as_json(report: Report) -> str:
    """All values of all pairs, in the order in which they were taken."""

    def source(one: Source) -> dict[str, object]:
        return {"commit": one.commit, "uncommitted_changes_left_out": one.changed}

    figures = [
        {
            "name": figure.name,
            "unit": figure.unit,
            "here": [here for here, _ in figure.pairs],
            "against": [against for _, against in figure.pairs],
            "ratio": asdict(figure.ratio) if figure.ratio else None,
        }
        for figure in report.figures
    ]
    content = {
        "part": report.part,
        "machine": report.machine,
        "here": source(report.here),
        "against": source(report.against),
        "figures": figures,
        "notes": list(report.notes),
    }
    return json.dumps(content, indent=2)
