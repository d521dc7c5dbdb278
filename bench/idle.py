"""`python -m bench.idle --stack NAME [--stack OTHER]`: what deployed stacks cost while nobody uses them, and where the time goes.

Measured is the machine's busy time (bench/busy.py), because most of what an idle stack costs is spent outside its containers: each health
check that the engine starts runs through dockerd, containerd, its shim and runc. The machine must be quiet otherwise. The containers of the
named stacks are stopped and started for it, one stack at a time, and run again at the end. `make bench ARGS="loop idle"` deploys the stacks
of two checkouts itself; this looks into ones that are there.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.busy import BusyShare, busy_seconds
from bench.figures import BenchError, Figure
from bundle.model import STACK_LABEL

SECONDS = 300
SETTLE_SECONDS = 30
"""After the last container is healthy: by then nothing of the start is left."""
HEALTHY_SECONDS = 180
ENGINE_SECONDS = 300
SHOWN_PERCENT = 0.05
_TIMES = slice(11, 15)
"""Of /proc/PID/stat behind the name, proc_pid_stat(5): utime, stime, and the same of children that ended and were waited for."""
_CONTAINER = re.compile(r"docker[-/]([0-9a-f]{64})")


@dataclass(frozen=True)
class IdleShare:
    """What the machine did, and who did it: percent of one core by container, or by name of a process outside of one.

    What ends between the samples is seen where somebody waits for it, so the parts are rounder than their sum.
    """

    machine: BusyShare
    parts: Mapping[str, float]


def process_ticks(stat: str) -> tuple[str, int]:
    """Name and ticks of a process with its children that ended, from the text of /proc/PID/stat."""
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return name, sum(int(field) for field in rest.split()[_TIMES])


def owner(name: str, cgroups: str, containers: Mapping[str, str]) -> str:
    """Whose time a process's is: its container's, or its own name."""
    found = _CONTAINER.search(cgroups)
    return containers.get(found[1], found[1][:12]) if found else name


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=ENGINE_SECONDS)
    if done.returncode:
        raise BenchError(f"docker {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def _processes(containers: Mapping[str, str]) -> dict[str, tuple[str, float]]:
    """Owner and processor time until now of each process, by its id."""
    tick = os.sysconf("SC_CLK_TCK")
    found: dict[str, tuple[str, float]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, ticks = process_ticks((folder / "stat").read_text(encoding="utf-8", errors="replace"))
            cgroups = (folder / "cgroup").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):  # it ended just now
            continue
        found[folder.name] = owner(name, cgroups, containers), ticks / tick
    return found


def measure(seconds: float) -> IdleShare:
    """Waits for so long and says what the machine did meanwhile."""
    listed = _docker("ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}").split("\n")
    containers = dict(line.split(" ", 1) for line in listed if line)
    before = _processes(containers)
    started, busy = time.monotonic(), busy_seconds()
    time.sleep(seconds)
    machine = BusyShare(time.monotonic() - started, busy_seconds() - busy)
    parts: dict[str, float] = {}
    for identity, (name, spent) in _processes(containers).items():
        parts[name] = parts.get(name, 0) + 100 * (spent - before.get(identity, (name, 0.0))[1]) / machine.seconds
    return IdleShare(machine, parts)


def _containers_of(stack: str) -> list[str]:
    """The stack's containers in the order in which they were created."""
    found = _docker("ps", "--all", "--quiet", "--filter", f"label={STACK_LABEL}=registry-{stack}").split()
    if not found:
        raise BenchError(f"the stack {stack} has no containers on this Docker engine: deploy it with `make up STACK={stack}`")
    return [one["Id"] for one in sorted(json.loads(_docker("inspect", *found)), key=lambda one: one["Created"])]


def _start(containers: Sequence[str]) -> None:
    """Starts them and returns when all are healthy."""
    _docker("start", *containers)
    deadline = time.monotonic() + HEALTHY_SECONDS
    form = "{{.Name}} {{.State.Health.Status}}"
    while sick := [
        line for line in _docker("inspect", "--format", form, *containers).split("\n") if line and not line.endswith(" healthy")
    ]:
        if time.monotonic() > deadline:
            raise BenchError(f"not healthy after {HEALTHY_SECONDS} s: {', '.join(sick)}")
        time.sleep(1)


def _alone(stacks: Mapping[str, Sequence[str]], wanted: str, seconds: float) -> IdleShare:
    """What the machine does while of the stacks only `wanted` runs, or none."""
    for stack, containers in stacks.items():
        if stack != wanted:
            _docker("stop", *reversed(containers))
    if wanted:
        _start(stacks[wanted])
    time.sleep(SETTLE_SECONDS)
    return measure(seconds)


def compare(stacks: Sequence[str], seconds: float = SECONDS) -> list[Figure]:
    """The machine without the stacks and with each alone, what each adds, and the ratio of each other's to the first's.

    Raises BenchError when a stack is not deployed here or does not become healthy.
    """
    found = {stack: _containers_of(stack) for stack in stacks}
    try:
        bare = _alone(found, "", seconds)
        shares = {stack: _alone(found, stack, seconds) for stack in stacks}
    finally:
        for containers in found.values():
            _docker("start", *containers)
    return [*_lines("the machine alone", bare), *_figures(bare, shares)]


def _lines(title: str, share: IdleShare) -> Iterable[Figure]:
    yield Figure(f"{title}, of one core", f"{share.machine.core_percent:.2f} %")
    for name, part in sorted(share.parts.items(), key=lambda item: -item[1]):
        if part >= SHOWN_PERCENT:
            yield Figure(f"  {name}", f"{part:.2f} %")


def _figures(bare: IdleShare, shares: Mapping[str, IdleShare]) -> Iterable[Figure]:
    added = {stack: share.machine.core_percent - bare.machine.core_percent for stack, share in shares.items()}
    for stack, share in shares.items():
        yield from _lines(f"with {stack}", share)
        yield Figure(f"{stack} alone", f"{added[stack]:.2f} %", "under 3 %")
    first, *others = added
    for stack in others:
        yield Figure(f"ratio {stack} : {first}", f"{added[stack] / added[first]:.3f}", "at most 0.2")


def main() -> int:
    """Prints the figures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.idle", description="What idle stacks cost. Stops and starts their containers.")
    parser.add_argument("--stack", action="append", required=True, help="a deployed stack; more than one: ratios to the first")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each is watched")
    options = parser.parse_args()
    try:
        for figure in compare(options.stack, options.seconds):
            print(figure.line(), flush=True)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
