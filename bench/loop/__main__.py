"""`python -m bench.loop cold | warm | idle | fast | test --against PATH`: prints the figures of both checkouts and their ratio.

Exit codes: 0 measured, 1 something did not work (the message says what), 2 wrong usage, 130 stopped. What was made is always removed.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.figures import BenchError
from bench.loop import checkouts, parts, report
from bench.loop.pairs import PairedFigure
from offline.kit.errors import KitError
from offline.kit.places import REPO
from offline.kit.progress import fail, say
from tests.blackbox.command import CommandError

PARTS = {
    "cold": ("make up from nothing: empty caches, no images of the kit", 1),
    "warm": ("make up and make preview with nothing to change", 5),
    "idle": ("what an idle stack costs", 1),
    "fast": ("make test-fast", 3),
    "test": ("make test: an hour or more", 1),
}
"""Each part with what it measures, and how many pairs it takes unless told."""
_NOTES = {
    "cold": "the kernel's copies of files and the mirrors' caches are as they were",
    "idle": "one stack at a time; what else ran on the machine is in the first figure, and as far as it is steady not in the second",
}


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(prog='make bench ARGS="loop ..."', description="A developer's loop: this checkout beside another one.")
    subs = made.add_subparsers(dest="part", required=True, metavar="|".join(PARTS))
    for name, (what, pairs) in PARTS.items():
        sub = subs.add_parser(name, help=what, description=f"Measures {what}. Fresh clones of both checkouts' commits run in turns.")
        sub.add_argument("--against", type=Path, metavar="PATH", help="the checkout to compare with")
        sub.add_argument("--pairs", type=_count, default=pairs, metavar="N", help=f"how many pairs of runs (default: {pairs})")
        sub.add_argument("--json", action="store_true", help="print all values as JSON, not a table")
        if name == "cold":
            packages = f"before each run remove the Debian packages {', '.join(parts.machine_state.PACKAGES)} (root only)"
            sub.add_argument("--purge-packages", action="store_true", help=packages)
        if name == "idle":
            sub.add_argument("--seconds", type=_count, default=300, help="how long to look at the machine each time (default: 300)")
            sub.add_argument("--settle", type=_count, default=120, help="how long to wait after a deployment (default: 120)")
    return made


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}: expected is a number from 1 on")
    return number


def measure(options: argparse.Namespace, sources: parts.Sources) -> list[PairedFigure]:
    """Runs the part that was asked for."""
    folder = Path(tempfile.gettempdir())
    match options.part:
        case "cold":
            return parts.cold(sources, options.pairs, folder, purge=options.purge_packages)
        case "warm":
            return parts.warm(sources, options.pairs, folder)
        case "idle":
            return parts.idle(sources, options.pairs, folder, seconds=options.seconds, settle=options.settle)
        case "fast":
            return parts.fast(sources, options.pairs, folder)
        case _:
            return parts.whole_test(sources, options.pairs, folder)


def _report(options: argparse.Namespace) -> report.Report:
    sources = checkouts.find_pair(REPO, options.against)
    notes = [*checkouts.notes(*sources), *([_NOTES[options.part]] if options.part in _NOTES else [])]
    if options.part == "cold" and not options.purge_packages:
        notes.append("Docker and mmdebstrap were installed already: apt's part is not in the figure (--purge-packages)")
    return report.Report(options.part, report.machine(), *sources, measure(options, sources), notes)


def main(arguments: Sequence[str]) -> int:
    """Measures and prints; returns the exit code."""
    options = parser().parse_args(arguments)
    # So that what was made goes away also when this is killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        done = _report(options)
    except (BenchError, KitError, CommandError) as error:
        fail(str(error))
        return 1
    except KeyboardInterrupt:
        say(
            "stopped; what was made has been removed (was that stopped too, remove registry-bench-* from the engine, and bench-loop-* here)"
        )
        return 130
    print(report.as_json(done) if options.json else report.table(done), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
