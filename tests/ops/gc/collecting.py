"""Runs collections for the tests, in this process or in one that gets killed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from ops.gc.database import note, remember
from ops.gc.report import Report
from ops.gc.run import GarbageCollection, Timing
from tests.ops.gc.fleet import FAST, Fleet


def collect(fleet: Fleet, step: Callable[[str], None] | None = None, *, dry_run: bool = False, timing: Timing = FAST) -> Report:
    """One collection."""
    with fleet.registry() as registry:
        return GarbageCollection(fleet.parts(registry, timing, step)).run(wait_seconds=30, dry_run=dry_run)


_MOMENTS = {"touched": "at", "written": "at", "pushed": "at", "for_good": "at", "garbage": "since"}
"""Tables of ops/gc/database.py and the column that says when."""
_MOMENTS_NOTED = ("complete_since", "forgotten_before", "history_at")
_WHOLE_SECONDS = 2
"""The edge's marks are in whole seconds, and count for the second after them."""


def age(fleet: Fleet, seconds: float) -> None:
    """As if so much time had passed since all that the edge's journal and the collections know up to now, while nobody did anything.

    Graces can be long, then, and no test depends on how fast the machine is. One host alone: a fleet also keeps moments in Redis.
    """
    with fleet.registry() as registry:
        parts = fleet.parts(registry)
        parts.journal.collect()
        with parts.database.change() as connection:
            for table, column in _MOMENTS.items():
                connection.execute(f"UPDATE {table} SET {column} = {column} - ?", (seconds,))  # noqa: S608 - fixed names
            for name in _MOMENTS_NOTED:
                if moment := note(connection, name):
                    remember(connection, name, repr(float(moment) - seconds))


def ripen(fleet: Fleet, *, untagged: bool = False) -> None:
    """Lets what is garbage now become old enough for the next collection, and the journal complete for that long."""
    collect(fleet)
    age(fleet, (fleet.options.untagged_grace if untagged else fleet.options.blob_grace) + _WHOLE_SECONDS)


_KILLED = """
import os, signal, sys
from pathlib import Path
from ops import settings
from ops.api import Registry
from ops.gc import setup
from ops.gc.run import GarbageCollection, Timing
root, phase, lease = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
places = settings.Places(root)
parsed = settings.load(places.settings)
parts = setup.parts(parsed, places, Registry(parsed.replicas, None))
parts.lock.lease_seconds = lease
def step(name):
    if name == phase:
        os.kill(os.getpid(), signal.SIGKILL)
parts.step = step
GarbageCollection(parts).run()
"""


def collect_and_die(fleet: Fleet, phase: str, lease_seconds: float) -> int:
    """A collection in a process of its own that is killed (kill -9) when it reaches the phase. Returns its exit code."""
    return subprocess.run(
        [sys.executable, "-c", _KILLED, str(fleet.root), phase, str(lease_seconds)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        timeout=120,
        check=False,
        capture_output=True,
    ).returncode


def ops(fleet: Fleet, *arguments: str) -> "subprocess.Popen[str]":
    """`python3 -m ops`, as the container runs it, in a process of its own."""
    environment = {**os.environ, "OPS_ROOT": str(fleet.root), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(
        [sys.executable, "-m", "ops", *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


_TERMINATED = """
import os, signal, sys
from ops import commands, termination
from ops.gc import setup
phase, made = sys.argv[1], setup.parts
def step(name):
    if name == phase:
        os.kill(os.getpid(), signal.SIGTERM)
def parts(*arguments):
    found = made(*arguments)
    found.step = step
    return found
setup.parts = parts
termination.install()
sys.exit(commands.main(["gc", "--json"]))
"""


def collect_until_terminated(fleet: Fleet, phase: str) -> "subprocess.CompletedProcess[str]":
    """`ops gc` in a process of its own that gets SIGTERM when it reaches the phase."""
    environment = {**os.environ, "OPS_ROOT": str(fleet.root), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.run(
        [sys.executable, "-c", _TERMINATED, phase], env=environment, timeout=120, check=False, capture_output=True, text=True
    )


def supervise_until_open(fleet: Fleet, seconds: float) -> float:
    """What the ops container's main loop does, which goes on when one try fails; returns after how many seconds the gate was open."""
    started = time.monotonic()
    with fleet.registry() as registry:
        assert fleet.parts(registry).gate.reopen(seconds), f"the gate did not open by itself within {seconds} s"
    return time.monotonic() - started
