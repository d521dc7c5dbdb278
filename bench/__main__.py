"""`python -m bench [stack] [gc] [retention]`: makes registries of its own, measures, removes them, and prints the figures.

`python -m bench loop ...` compares two checkouts: bench/loop.
"""

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench import collection, retaining, whole_stack
from bench.figures import BenchError, Figure
from bench.loop.__main__ import main as loop
from bench.registries import STORAGES

PARTS = ("stack", "gc", "retention")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Figures of this machine.", epilog="`loop --help`: two checkouts side by side."
    )
    parser.add_argument("parts", nargs="*", metavar="|".join(PARTS), help="what to measure (default: everything)")
    parser.add_argument("--images", type=int, nargs="+", default=[2_000, 10_000], help="gc: sizes of the registries")
    parser.add_argument("--storage", nargs="+", choices=STORAGES, default=list(STORAGES), help="gc: where they store")
    parser.add_argument("--per-repository", type=int, default=collection.Case.per_repository, help="gc: images in each repository")
    parser.add_argument("--tags", type=int, default=retaining.Case.tags, help="retention: tags of the repository")
    parser.add_argument("--digests", type=int, default=retaining.Case.digests, help="retention: images that they name")
    parser.add_argument("--majors", type=int, nargs="+", choices=(2, 3), default=[3, 2], help="retention: versions of the registry")
    return parser


def _show(title: str, measure: Callable[[], Iterable[Figure]]) -> None:
    print(f"\n{title}", flush=True)
    for figure in measure():
        print(figure.line(), flush=True)


def main() -> int:
    """Prints the figures; returns the exit code."""
    if sys.argv[1:2] == ["loop"]:
        return loop(sys.argv[2:])
    parser = _parser()
    options = parser.parse_args()
    unknown = set(options.parts).difference(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    parts = options.parts or PARTS
    # So that the processes end with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    print(f"measuring {', '.join(parts)} on {os.cpu_count()} processors", flush=True)
    try:
        _measure(parts, options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(parts: Sequence[str], options: argparse.Namespace) -> None:
    if "stack" in parts:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            _show("a stack", lambda: whole_stack.measure(Path(folder)))
    if "gc" in parts:
        for storage in options.storage:
            for images in options.images:
                case = collection.Case(storage, images, options.per_repository)
                _show(f"collection: {case}", lambda case=case: collection.measure(case))
    if "retention" in parts:
        for major in options.majors:
            plan = retaining.Case(options.tags, options.digests, major)
            _show(f"retention plan: {plan}", lambda plan=plan: retaining.measure(plan))


if __name__ == "__main__":
    sys.exit(main())
