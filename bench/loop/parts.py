"""The parts of `loop`: what runs in which order. Each returns its figures."""

import contextlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench import busy
from bench.figures import BenchError
from bench.loop import machine_state, surroundings
from bench.loop.checkouts import Source
from bench.loop.clones import Clone, cloned, cloned_pair
from bench.loop.pairs import PairedFigure, Run, Side, of_runs, order
from offline.kit.progress import step

Sources = tuple[Source, Source]
IdleRound = tuple[busy.BusyShare, Mapping[Side, busy.BusyShare]]
"""The machine without a stack, and with the idle stack of each side."""
COLD_GIB, WARM_GIB = 8.0, 4.0
_TEST_SECONDS = 3 * 3600.0


def in_pairs(pairs: int, what: str, one: Callable[[Side], Run]) -> list[tuple[Run, Run]]:
    """Runs `one` for both sides, pair after pair."""
    found: list[tuple[Run, Run]] = []
    for pair in range(pairs):
        runs: dict[Side, Run] = {}
        for side in order(pair):
            with step(f"{what}, pair {pair + 1} of {pairs}, {side}"):
                runs[side] = one(side)
        found.append((runs[Side.HERE], runs[Side.AGAINST]))
    return found


def cold(sources: Sources, pairs: int, folder: Path, *, purge: bool) -> list[PairedFigure]:
    """`make up` with nothing there: a fresh clone, empty caches, none of the kit's images; with `purge` no Docker packages either."""
    surroundings.require_disk(folder, COLD_GIB)
    machine_state.require_client()
    machine_state.check_cold(purge=purge)

    def one(side: Side) -> Run:
        machine_state.remove_kit_images()
        if purge:
            machine_state.remove_packages()
        with cloned(side, sources[0] if side is Side.HERE else sources[1], cold=True) as made:
            try:
                return made.make("up")
            finally:
                _leave_cold(made, purge=purge)

    return of_runs("make up, from cold", in_pairs(pairs, "cold", one))


def _leave_cold(made: Clone, *, purge: bool) -> None:
    """Removes the stack, and the images while their engine still runs."""
    if not machine_state.engine_answers():
        return
    made.remove_stack()
    machine_state.remove_kit_images()
    if purge:
        # Only this clone's cache knows the process of the engine that its kit started.
        made.make("clean")


def refuse_rebuilding(log: str, label: str) -> None:
    """Raises BenchError when a run that should have had nothing to do has built something."""
    built = re.search(r"^(building|installing|making the|starting) .*", log, re.MULTILINE)
    if built:
        raise BenchError(
            f"{label}: nothing had changed, and make up did this: {built[0]} - its time would not be that of an unchanged stack"
        )


def warm(sources: Sources, pairs: int, folder: Path) -> list[PairedFigure]:
    """`make up` and `make preview` with nothing to change, on a deployed stack of each checkout."""
    surroundings.require_disk(folder, WARM_GIB)
    machine_state.require_client()
    with cloned_pair(sources) as clones, contextlib.ExitStack() as deployed:
        for made in clones.values():
            _deploy(made, deployed)
        for made in clones.values():
            # The first run after a deployment compiles Python and fills what is kept for the next.
            with step(f"one round that is not measured, {made.label}"):
                made.make("up")
                made.make("preview")

        def one(side: Side, target: str) -> Run:
            done = clones[side].make(target)
            refuse_rebuilding(clones[side].log.read_text(encoding="utf-8", errors="replace"), clones[side].label)
            return done

        ups = in_pairs(pairs, "make up", lambda side: one(side, "up"))
        previews = in_pairs(pairs, "make preview", lambda side: one(side, "preview"))
    return [*of_runs("make up, unchanged", ups), *of_runs("make preview, unchanged", previews)]


def _deploy(made: Clone, until: contextlib.ExitStack) -> None:
    until.callback(made.remove_stack)
    with step(f"make up, {made.label}: a stack to measure"):
        made.make("up")


def idle_figures(rounds: Sequence[IdleRound]) -> list[PairedFigure]:
    """What an idle stack costs: the machine's busy time with it, less that without it in the same round."""
    machine = tuple((shares[Side.HERE].core_percent, shares[Side.AGAINST].core_percent) for _, shares in rounds)
    less = tuple(
        (here - empty.core_percent, against - empty.core_percent) for (empty, _), (here, against) in zip(rounds, machine, strict=True)
    )
    return [
        PairedFigure("idle stack: processor, machine", "% core", machine),
        PairedFigure("idle stack: the same, less without", "% core", less),
    ]


def idle(sources: Sources, pairs: int, folder: Path, *, seconds: float, settle: float) -> list[PairedFigure]:
    """The machine's busy time without a stack and with an idle one of each checkout; one stack at a time."""
    surroundings.require_disk(folder, WARM_GIB)
    machine_state.require_client()
    rounds: list[IdleRound] = []
    with cloned_pair(sources) as clones:
        for pair in range(pairs):
            shares: dict[Side, busy.BusyShare] = {}
            for side in order(pair):
                with contextlib.ExitStack() as deployed:
                    _deploy(clones[side], deployed)
                    shares[side] = _share(f"pair {pair + 1} of {pairs}, {clones[side].label}", seconds, settle)
            rounds.append((_share(f"pair {pair + 1} of {pairs}, without a stack", seconds, min(settle, 10)), shares))
    return idle_figures(rounds)


def _share(what: str, seconds: float, settle: float) -> busy.BusyShare:
    with step(f"idle, {what}: {settle:.0f} s to settle, {seconds:.0f} s measured") as running:
        time.sleep(settle)
        share = busy.measure(seconds)
        running.outcome = f"{share.core_percent:.2f} % of a core,"
        return share


def fast(sources: Sources, pairs: int, folder: Path) -> list[PairedFigure]:
    """`make test-fast`, after one run that makes the virtual environment and compiles Python."""
    surroundings.require_disk(folder, WARM_GIB)
    return _target(sources, pairs, "test-fast", ("make", "--no-print-directory", "test-fast"))


def whole_test(sources: Sources, pairs: int, folder: Path) -> list[PairedFigure]:
    """`make test` with everything built that it needs."""
    surroundings.require_disk(folder, COLD_GIB)
    return _target(sources, pairs, "test", ("python3", "-m", "offline", "prepare", "--dev"))


def _target(sources: Sources, pairs: int, target: str, first: tuple[str, ...]) -> list[PairedFigure]:
    with cloned_pair(sources) as clones:
        for made in clones.values():
            with step(f"{' '.join(first)}, {made.label}: not measured"):
                made.run(*first)
        command = ("make", "--no-print-directory", target)
        runs = in_pairs(pairs, f"make {target}", lambda side: clones[side].run(*command, seconds=_TEST_SECONDS))
    return of_runs(f"make {target}", runs)
