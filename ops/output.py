"""What the commands write: results on stdout (tables or JSON), progress and log lines on stderr."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime


def write(text: str) -> None:
    """A line of result."""
    sys.stdout.write(text + "\n")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns aligned to the left, numbers to the right, two spaces apart."""
    body = [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(headers[column]), *(len(row[column]) for row in body), 0) for column in range(len(headers))]
    numeric = [bool(body) and all(row[column].replace(".", "", 1).isdigit() for row in body) for column in range(len(headers))]

    def line(cells: Sequence[str]) -> str:
        aligned = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(cells, widths, numeric, strict=True)]
        return "  ".join(aligned).rstrip()

    return "\n".join([line(list(headers)), *(line(row) for row in body)])


def to_json(value: object) -> str:
    """Stable JSON: same data, same text."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def size(count: int) -> str:
    """Bytes for people."""
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def log(event: str, **fields: object) -> None:
    """One JSON line on stderr for a step of work."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
    sys.stderr.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
    sys.stderr.flush()


class Progress:
    """How far long work is: a line that rewrites itself on a terminal, else a log line every ten seconds. Nothing for short work."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._every = 0.2 if self._terminal else 10.0
        self._shown = time.monotonic()
        self._drawn = False

    def step(self, what: str, done: int, total: int | None = None) -> None:
        """`done` things of `total` (None: unknown) are finished."""
        now = time.monotonic()
        if self._quiet or now - self._shown < self._every:
            return
        self._shown = now
        if self._terminal:
            of = f" of {total}" if total is not None else ""
            sys.stderr.write(f"\r\033[K{what}: {done}{of}")
            sys.stderr.flush()
            self._drawn = True
        else:
            log("progress", what=what, done=done, total=total)

    def end(self) -> None:
        """Clears the terminal's line."""
        if self._drawn:
            sys.stderr.write("\r\033[K")
            self._drawn = False
