"""The loss test: clients push while collections run one after the other.

`python -m tests.ops.gc.soak --cycles 50 --cache redis --replicas 3`

Exit code 1 when a push that was answered 201 is lost, corrupt or was not pulled again, or when a push failed.
"""

import argparse
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from ops.gc.run import GarbageCollection, watch
from tests.ops.gc import pushers
from tests.ops.gc.collecting import age
from tests.ops.gc.fleet import Fleet, Options, running
from tests.ops.gc.promises import Ledger


@dataclass
class Outcome:
    """The numbers of one soak."""

    ledger: Ledger
    cycles: int = 0
    alive: int = 0
    """Images that were there at the end."""
    alarms: list[str] = field(default_factory=list[str])
    """What the collections themselves reported missing."""
    swept: int = 0
    untagged: int = 0
    closings: int = 0
    longest: float = 0.0
    restored: int = 0
    stopped: list[str] = field(default_factory=list[str])
    seconds: float = 0.0

    def text(self) -> str:
        """For people."""
        ledger = self.ledger
        return (
            f"{self.cycles} collections in {self.seconds:.0f} s: {ledger.pushed} pushes answered 201, {ledger.checked} pulled again and"
            f" digest-checked ({ledger.pulls} pulls; {self.alive} alive at the end, {ledger.deleted} deleted, {ledger.overwritten}"
            f" overwritten), {len(ledger.lost)} lost, {len(ledger.corrupt)} corrupt, {len(ledger.failed)} pushes failed,"
            f" {len(self.alarms)} alarms; {ledger.refused} writes refused by the gate (429), {ledger.reads_refused} reads refused;"
            f" {self.swept} blobs swept, {self.untagged} untagged manifests deleted, {self.restored} restored,"
            f" gate closed {self.closings} times, {self.longest:.2f} s at most; {len(self.stopped)} collections stopped early"
        )

    def problems(self) -> list[str]:
        """Everything that must not be; empty when nothing was lost and every promise was checked."""
        ledger = self.ledger
        found = [
            *(f"lost: {text}" for text in ledger.lost),
            *(f"corrupt: {text}" for text in ledger.corrupt),
            *(f"failed push: {text}" for text in ledger.failed),
            *(f"the collection misses {digest}" for digest in self.alarms),
        ]
        if ledger.checked != ledger.pushed:
            found.append(f"{ledger.pushed} pushes were answered 201, but {ledger.checked} were pulled again")
        if ledger.reads_refused:
            found.append(f"{ledger.reads_refused} reads were answered 429")
        if not ledger.pushed:
            found.append("nothing was pushed")
        return found


SOON = 9.0
"""Seconds after which most images are gone, where time is made to pass between collections: most live through one or two."""


def soak(fleet: Fleet, cycles: int, clients: int = 8, pause: float = 0.5, *, aging: bool = False, breath: float = 0.05) -> Outcome:
    """Runs `cycles` collections under `clients` pushers. Every push that was answered 201 is pulled again, most of them twice.

    `aging`: between two collections a grace passes as if by itself. So graces can be long: a push that takes longer than the grace may lose
    its blobs, and on a busy machine that is no fault of the collection. `breath`: seconds that a client waits at most after a push.
    """
    # Up to three graces later: then only what the walk found protects an image's blobs, and the journal no more.
    crowd = pushers.Crowd(fleet.edge_url, clients, longest=SOON if aging else 3.0 * fleet.options.blob_grace, pause=breath)
    outcome = Outcome(crowd.ledger)
    started = time.monotonic()
    crowd.start()
    try:
        with fleet.registry() as registry:
            for _ in range(cycles):
                report = GarbageCollection(fleet.parts(registry)).run(wait_seconds=20)
                outcome.cycles += 1
                outcome.swept += report.swept_blobs
                outcome.untagged += report.untagged_deleted
                outcome.closings += report.gate_closings
                outcome.longest = max(outcome.longest, report.gate_longest)
                outcome.restored += len(report.restored)
                outcome.alarms += report.missing
                if report.stopped:
                    outcome.stopped.append(report.stopped)
                time.sleep(pause)
                watch(fleet.parts(registry))
                if aging:
                    with crowd.between_pushes():
                        age(fleet, fleet.options.blob_grace + 2)
    finally:
        crowd.stop()
    outcome.alive = crowd.check_all()
    outcome.seconds = time.monotonic() - started
    return outcome


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="The loss test of the garbage collection.")
    parser.add_argument("--cycles", type=int, default=50)
    parser.add_argument("--cache", choices=("redis", "none"), default="redis")
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--major", type=int, choices=(2, 3), default=3)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--grace", type=int, default=6, help="blobGrace in seconds")
    arguments = parser.parse_args()
    # So that the processes end with us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options = Options(
        major=arguments.major,
        cache=arguments.cache,
        replicas=arguments.replicas,
        blob_grace=arguments.grace,
        untagged_grace=arguments.grace * 2,
    )
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, running(Path(folder), options) as fleet:
        outcome = soak(fleet, arguments.cycles, arguments.clients)
    problems = outcome.problems()
    print(f"registry {arguments.major}, cache {arguments.cache}, {arguments.replicas} replicas: {outcome.text()}")
    for line in [*problems[:40], *sorted(set(outcome.stopped))[:5]]:
        print(f"  {line}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
