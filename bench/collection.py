"""What a garbage collection costs, by the size of the registry: above all, for how long the gate is closed."""

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from bench import ops_run
from bench.figures import Figure, require, seconds_of
from bench.layout import Filled, State, with_garbage
from bench.registries import Bare, bare_registry, collector_seconds, filled_registry
from bench.writing import Writer
from ops.output import size
from tests.ops.gc.client import Client, Fault
from tests.ops.gc.fleet import Fleet, Options

MAX_GATE_SECONDS = 5
PULLS = 100
ROUNDS = 3


@dataclass(frozen=True)
class Case:
    """One registry. `per_repository`: images in each repository; `grace`: of blobs and of untagged manifests, in seconds."""

    storage: str
    images: int
    per_repository: int = 100
    pulls: int = PULLS
    grace: int = 4

    def __str__(self) -> str:
        each = "" if self.per_repository == Case.per_repository else f" in repositories of {self.per_repository:,}"
        return f"{self.images:,} images{each} on {self.storage}"


def _number(run: ops_run.OpsRun, key: str) -> float:
    return float(cast(float, run.data[key]))


def _pulls(fleet: Fleet, bare: Bare, filled: Filled, count: int) -> list[Figure]:
    """Pulls the same images through the edge and from the bare registry, in turns."""
    images = filled.of(State.KEPT)[:count]
    times: dict[str, list[float]] = {fleet.edge_url: [], bare.url: []}
    for _ in range(ROUNDS):
        for url, seconds in times.items():
            client = Client(url)
            wrong: list[Fault] = []
            seconds.append(
                seconds_of(lambda client=client, wrong=wrong: [wrong.extend(client.pull(one.repository, one.digest)) for one in images])
            )
            require(not wrong, f"what the layout promises cannot be pulled: {[fault.text for fault in wrong[:5]]}")
    mine, other = (statistics.median(seconds) for seconds in times.values())
    return [
        Figure(f"pulls of {len(images)} images through the edge", f"{mine:.2f} s"),
        Figure("  to bare registry on the same storage", f"{mine / other:.2f}"),
    ]


def _wait_for_grace(seconds: float) -> None:
    # A grace is a time, nothing else: there is no event to wait for.
    time.sleep(seconds)


def measure(case: Case) -> Iterator[Figure]:
    """Fills a registry, collects twice while a client pushes, and checks that what must go went and nothing else."""
    options = Options(blob_grace=case.grace, untagged_grace=case.grace, max_gate=MAX_GATE_SECONDS)
    with filled_registry(case.storage, options, with_garbage(case.images, case.per_repository)) as (fleet, filled, fill_seconds):
        yield Figure("images, repositories", f"{case.images:,}, {len({one.repository for one in filled.stored}):,}")
        yield Figure("blobs", f"{len(filled.sizes):,}")
        yield Figure("files written to fill it, in", f"{filled.files:,}, {fill_seconds:.0f} s")
        with bare_registry(fleet) as bare:
            yield from _pulls(fleet, bare, filled, case.pulls)
            collector = collector_seconds(bare)
        with Writer(fleet.edge_url) as writer:
            # The first finds the candidates; 5: the journal is younger than the grace, so it would sweep nothing anyway.
            first = ops_run.run(fleet, "gc", codes=(0, 5))
            _wait_for_grace(case.grace + 1)
            before = writer.requests
            second = ops_run.run(fleet, "gc")
            meanwhile = writer.requests - before
        yield from _collection(first, second, filled, second.all_requests - meanwhile, collector)
        yield from _afterwards(fleet, filled, writer)


def _collection(first: ops_run.OpsRun, second: ops_run.OpsRun, filled: Filled, requests: int, collector: float) -> list[Figure]:
    longest, total = _number(second, "gate_longest"), _number(second, "gate_seconds")
    return [
        Figure("blobs swept", f"{_number(second, 'swept_blobs'):,.0f}", f"{len(filled.garbage()):,}"),
        Figure("bytes swept", size(int(_number(second, "swept_bytes")))),
        Figure("untagged manifests deleted", f"{_number(second, 'untagged_deleted'):,.0f}", f"{len(filled.of(State.UNTAGGED)):,}"),
        Figure("gate closed", f"{_number(second, 'gate_closings'):.0f} times"),
        Figure("  longest", f"{longest:.2f} s", f"at most {MAX_GATE_SECONDS} s"),
        Figure("  in all", f"{total:.2f} s"),
        Figure("bare collector, only looking", f"{collector:.1f} s"),
        Figure("  longest closed gate to it", f"{longest / collector:.2f}"),
        Figure("first collection (finds candidates)", f"{first.seconds:.1f} s"),
        Figure("second collection (sweeps)", f"{second.seconds:.1f} s"),
        Figure("  requests to the registry, about", f"{requests:,}"),
        Figure("  most memory of ops", size(max(first.peak_bytes, second.peak_bytes))),
    ]


def _afterwards(fleet: Fleet, filled: Filled, writer: Writer) -> list[Figure]:
    """Pulls what must be there."""
    client = Client(fleet.edge_url)
    kept = filled.of(State.KEPT)
    # All of a small registry, every so many of a large one.
    looked_at = kept[:: max(1, len(kept) // 500)]
    lost = [wrong for one in looked_at for wrong in client.pull(one.repository, one.digest)] + writer.lost()
    return [
        Figure("pushes meanwhile, failed", f"{len(writer.pushed):,}, {len(writer.failed)}", "none fails"),
        Figure("  refused by the gate, sent again", f"{writer.refused:,}"),
        Figure("images pulled afterwards, lost", f"{len(looked_at) + len(writer.pushed):,}, {len(lost)}", "none lost"),
    ]
