"""Two and three real hosts: collections under load, hosts that come, go, hang and die, and a Redis that does the same."""

import contextlib
import http.client
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.errors import UNREACHABLE
from tests.ops.fleet.hosts import Cluster, cluster
from tests.ops.fleet.redis_server import LEASE
from tests.ops.gc import binaries, pushers
from tests.ops.gc.client import Client, Image, sha256
from tests.ops.gc.collecting import collect, collect_and_die
from tests.ops.gc.fleet import Options, until

pytestmark = pytest.mark.live

QUICK = Options(replicas=1, blob_grace=2, untagged_grace=60, max_gate=5)
"""Real seconds: a fleet keeps moments in Redis, too. No test of these needs anything to be younger than its grace."""
StartCluster = Callable[[int, Options], Cluster]
SETTLE = LEASE * 4 / 3 + 5 + 6
"""What a new Redis makes everybody wait (ops/fleet/setup.py), in seconds."""
BOUND = 2.5 * LEASE + 10
"""Until all gates are open again after whatever died: its lease, what it had ordered, and the next looks of the others."""


@pytest.fixture
def start_cluster(tmp_path: Path) -> Iterator[StartCluster]:
    """Starts fleets that end with the test."""
    binaries.require()
    with contextlib.ExitStack() as stack:
        yield lambda count, options: stack.enter_context(cluster(tmp_path, count, options))


def _prepare(made: Cluster) -> tuple[Image, str]:
    """Garbage that is ripe for the sweep, and an image that stays. Pushed through one host, deleted through another."""
    one, two = Client(made.hosts[0].edge_url), Client(made.hosts[1].edge_url)
    garbage = Image((b"garbage layer", b"shared layer"), b'{"n":"garbage"}')
    stays = Image((b"own layer", b"shared layer"), b'{"n":"stays"}')
    digest = one.push("team/a", "v1", garbage)
    kept = two.push("team/b", "v1", stays, "team/a")
    two.delete("team/a", digest)
    _ripen(made)
    return garbage, kept


def _ripen(made: Cluster) -> None:
    report = collect(made.hosts[0])
    assert report.stopped == ""
    time.sleep(made.options.blob_grace + 1.2)


def _all_well(made: Cluster, garbage: Image, kept: str) -> None:
    """Every host takes writes and has everything, and garbage can be pushed again."""
    for host in made.hosts:
        if "edge" not in host.processes:
            continue
        client = Client(host.edge_url)
        assert client.pull("team/b", kept) == []
        again = client.push(f"team/again-{host.name}", "v1", garbage, "team/a")
        assert client.pull(f"team/again-{host.name}", again) == []


@pytest.mark.parametrize(("count", "major"), [(3, 3), (2, 2)])
def test_no_push_is_lost_while_collections_run_on_any_host(start_cluster: StartCluster, count: int, major: int) -> None:
    made = start_cluster(count, Options(replicas=1, major=major, blob_grace=8, untagged_grace=16))
    crowd = pushers.Crowd([host.edge_url for host in made.hosts], 2 * count, longest=9, pause=0.2)
    swept, cycles, longest, stopped = 0, 0, 0.0, list[str]()
    ends = time.monotonic() + (35 if major == 3 else 12)
    crowd.start()
    try:
        # On a busy machine all is slower: then fewer collections.
        while cycles < 4 or (time.monotonic() < ends and cycles < 12) or (not swept and time.monotonic() < ends + 60):
            # Most on the same host, as the schedule has it; another one now and then.
            host = made.hosts[1 if cycles % 5 == 2 else 0]
            cycles += 1
            report = collect(host)
            assert report.missing == []
            swept += report.swept_blobs
            longest = max(longest, report.gate_longest)
            stopped += [report.stopped] if report.stopped else []
            time.sleep(0.5)
    finally:
        crowd.stop()
    alive = crowd.check_all()
    ledger = crowd.ledger
    print(f"registry {major}, {count} hosts: {cycles} collections, {swept} blobs swept, gate {longest:.2f} s at most, stopped: {stopped}")
    print(f"{ledger.pushed} pushes, {ledger.checked} checked, {len(ledger.faults)} faults, {len(ledger.failed)} failed, {alive} alive")
    assert ledger.lost + ledger.corrupt + ledger.failed == []
    assert ledger.reads_refused == 0
    assert ledger.checked == ledger.pushed > 0
    assert swept > 0
    assert longest < made.options.max_gate


@pytest.mark.parametrize("phase", ["closed", "sweep", "swept", "flushed"])
def test_the_collecting_host_dies(start_cluster: StartCluster, phase: str) -> None:
    """The job is killed at the phase, and the rest of its host right after it."""
    made = start_cluster(2, QUICK)
    garbage, kept = _prepare(made)
    first, second = made.hosts
    assert collect_and_die(first, phase, lease_seconds=LEASE) == -9, f"the collection never came to {phase}"
    made.kill(first)
    seconds = made.wait_open(BOUND, second)
    print(f"killed at {phase}: the other host takes writes after {seconds:.1f} s")
    _all_well(made, garbage, kept)
    report = collect(second)
    assert report.swept_blobs == 0
    assert "host-0 was lost" in report.stopped or report.ready == 0
    # What it had begun to move is put back or finished when it comes back.
    made.start(first)
    _all_well(made, garbage, kept)


def test_another_host_dies_in_the_middle_of_a_collection(start_cluster: StartCluster) -> None:
    made = start_cluster(2, QUICK)
    garbage, kept = _prepare(made)
    first, second = made.hosts
    killed: list[float] = []

    def step(name: str) -> None:
        if name == "drained" and not killed:
            made.kill(second)
            killed.append(time.monotonic())

    report = collect(first, step)
    assert report.swept_blobs == 0
    assert report.stopped
    assert time.monotonic() - killed[0] < BOUND
    made.wait_open(60, first)
    _all_well(made, garbage, kept)
    # Later than it could have served anything that matters, the rest goes on without it.
    made.server.lost(second.name, 2 * LEASE + 10)
    Client(first.edge_url).delete("team/again-host-0", sha256(garbage.manifest))
    _ripen(made)
    report = collect(first)
    assert report.stopped == ""
    assert report.swept_blobs > 0
    made.start(second)
    _all_well(made, garbage, kept)


def test_a_host_that_joins_during_a_closing_takes_writes_only_afterwards(start_cluster: StartCluster) -> None:
    made = start_cluster(2, QUICK)
    late = made.add()
    assert made.hosts[0].run("gate", "close", "--reason", "a test").returncode == 0
    late.start_all()
    until(lambda: "joined the fleet" in late.ops_log(), "the new host has joined", 60)
    until(lambda: not late.fenced(), "its fence is down", 60)
    assert late.answers_pulls()
    assert not late.takes_writes()
    status = late.run("status").stdout
    assert all(line.split()[1] == "live" for line in status.splitlines() if line.startswith("host-"))
    assert "closed for" in status
    assert "a test" in status
    assert made.hosts[1].run("gate", "open").returncode == 0
    made.wait_open(60)


def test_a_host_whose_ops_hangs_takes_no_writes_and_holds_nobody_up(start_cluster: StartCluster) -> None:
    made = start_cluster(2, QUICK)
    garbage, kept = _prepare(made)
    first, second = made.hosts
    with second.paused("ops"):
        started = time.monotonic()
        until(second.fenced, "its edge takes no writes", LEASE)
        fenced = time.monotonic() - started
        snapshot = made.snapshot()
        assert snapshot.hosts[second.name].live(snapshot.now), "fenced while the others still wait for it"
        assert second.answers_pulls()
        assert not second.takes_writes()
        report = collect(first)
        assert (report.swept_blobs, report.missing) == (0, [])
        assert time.monotonic() - started < 4 * LEASE
        print(f"ops hangs: fenced after {fenced:.1f} s; a collection ended after {time.monotonic() - started:.1f} s: {report.stopped}")
        made.wait_open(60, first)
    made.wait_open(60)
    _all_well(made, garbage, kept)
    assert collect(first).stopped == "", "it has lost nothing, so nothing is missing"


def test_redis_is_killed_and_comes_back_empty_in_the_middle_of_a_collection(start_cluster: StartCluster) -> None:
    made = start_cluster(2, QUICK)
    garbage, kept = _prepare(made)
    first, second = made.hosts

    def step(name: str) -> None:
        if name == "drained":
            made.server.stop()

    with contextlib.suppress(Exception):
        collect(first, step)
    until(lambda: first.fenced() and second.fenced(), "both are fenced", 60)
    for host in made.hosts:
        assert host.answers_pulls(), "pulls go on"
        assert Client(host.edge_url).pull("team/b", kept) == []
        assert not host.takes_writes()
        status = host.run("status", "--json")
        assert status.returncode == UNREACHABLE
        assert "does not answer" in status.stdout
    started = time.monotonic()
    made.server.start()
    made.wait_open(SETTLE + 15)
    assert time.monotonic() - started > SETTLE - 2, "not before whatever was begun is over"
    print(f"Redis back and empty: writes possible again after {time.monotonic() - started:.1f} s")
    _all_well(made, garbage, kept)
    report = collect(first)
    assert report.swept_blobs > 0 or "Redis began anew" in report.stopped or report.ready == 0


def test_redis_is_emptied_in_the_middle_of_a_sweep(start_cluster: StartCluster) -> None:
    made = start_cluster(2, QUICK)
    garbage, kept = _prepare(made)
    first, second = made.hosts

    def step(name: str) -> None:
        if name == "sweep":
            with made.server.client() as client:
                client.command("FLUSHALL")

    started = time.monotonic()
    with contextlib.suppress(Exception):
        collect(first, step)
    assert second.places.gate.exists(), "no host opens by itself"
    made.wait_open(SETTLE + 15)
    assert time.monotonic() - started > SETTLE - 2
    _all_well(made, garbage, kept)
    collect(first)
    _all_well(made, garbage, kept)


def test_a_host_that_is_stopped_leaves_and_nothing_is_missing(start_cluster: StartCluster) -> None:
    made = start_cluster(2, QUICK)
    garbage, kept = _prepare(made)
    first, second = made.hosts
    Client(second.edge_url).push("team/late", "v1", garbage, "team/a")
    second.stop("edge")
    second.stop("ops")
    assert "left the fleet" in second.ops_log()
    assert set(made.snapshot().hosts) == {first.name}
    report = collect(first)
    assert report.stopped == ""
    assert Client(first.edge_url).pull("team/late", sha256(garbage.manifest)) == []
    second.start("edge")
    second.start("ops")
    made.wait_open(60)
    assert collect(first).stopped == ""
    _all_well(made, garbage, kept)


def test_an_ops_that_starts_again_goes_on(start_cluster: StartCluster) -> None:
    made = start_cluster(2, QUICK)
    _prepare(made)
    first, second = made.hosts
    second.stop("ops")
    assert "the edge goes on" in second.ops_log()
    Client(second.edge_url).has_blob("team/a", sha256(b"x"))
    second.start("ops")
    made.wait_open(60)
    until(lambda: made.snapshot().hosts[second.name].state.get("problem") == "", "its journal is read", 60)
    assert collect(first).stopped == ""


def test_what_a_load_balancer_is_told(start_cluster: StartCluster) -> None:
    made = start_cluster(1, QUICK)
    (host,) = made.hosts

    def ready(method: str = "GET") -> int:
        """As a load balancer asks, which does not try again."""
        connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=10)
        try:
            connection.request(method, "/edge/ready")
            return connection.getresponse().status
        finally:
            connection.close()

    assert (ready(), ready("HEAD")) == (200, 200)
    host.kill("ops")
    until(host.fenced, "its edge takes no writes", 60)
    assert ready() == 200, "it answers pulls"
    host.kill("registry-127.0.0.1")
    assert ready() == 503
    host.start("registry-127.0.0.1")
    until(lambda: ready() == 200, "it is ready again", 60)
    assert "/edge/ready" not in (host.places.journal / "journal.log").read_text()


def test_an_edge_whose_fence_is_killed_ends(start_cluster: StartCluster) -> None:
    made = start_cluster(1, QUICK)
    (host,) = made.hosts
    edge = host.processes["edge"]
    keeper = _fence_of(edge.pid)
    os.kill(keeper, signal.SIGKILL)
    until(lambda: edge.poll() is not None, "the edge ends", 60)


def _fence_of(parent: int) -> int:
    """The child of the edge's script that is a shell."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = status.read_text()
            name, rest = text.partition("(")[2].rpartition(")")[::2]
            if name in ("sh", "dash") and int(rest.split()[1]) == parent:
                return int(status.parent.name)
    raise AssertionError("the edge's script has no shell of its own for the fence")
