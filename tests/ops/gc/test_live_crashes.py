"""kill -9 of everything that takes part, in each phase of a collection: writes come back by themselves and nothing is lost."""

import contextlib
import threading
import time

import pytest

from ops.errors import OpsError
from tests.ops.gc import pushers
from tests.ops.gc.client import Client, Image, sha256
from tests.ops.gc.collecting import age, collect, collect_and_die, ripen, supervise_until_open
from tests.ops.gc.conftest import StartFleet
from tests.ops.gc.fleet import Fleet, Options

pytestmark = pytest.mark.live

LIMIT = 60.0
"""Seconds after which writes must be possible again."""


def _prepare(fleet: Fleet) -> tuple[Client, Image, str]:
    """One image that stays, one whose blobs are ripe for the sweep, and an untagged manifest that is ripe too."""
    client = Client(fleet.edge_url)
    garbage = Image((b"garbage layer", b"shared layer"), b'{"n":"garbage"}')
    stays = Image((b"own layer", b"shared layer"), b'{"n":"stays"}')
    client.delete("team/a", client.push("team/a", "v1", garbage))
    client.push("team/a", "latest", Image((b"old", b"shared layer"), b'{"n":"old"}'))
    client.push("team/a", "latest", stays)
    digest = client.push("team/b", "v1", stays, "team/a")
    ripen(fleet, untagged=True)
    return client, garbage, digest


def _all_well(fleet: Fleet, client: Client, garbage: Image, digest: str) -> None:
    """Writes work, nothing is lost, what was swept can be pushed again, the next collection does its work."""
    assert not fleet.places.gate.exists()
    assert client.pull("team/b", digest) == []
    again = client.push("team/again", "v1", garbage, "team/a")
    assert client.pull("team/again", again) == []
    report = collect(fleet)
    assert report.missing == []
    client.delete("team/again", again)
    age(fleet, fleet.options.blob_grace)
    ripen(fleet)
    report = collect(fleet)
    assert report.stopped == ""
    assert report.swept_blobs > 0, "the next collection succeeds"
    assert not fleet.blob(sha256(garbage.config)).exists()
    assert client.pull("team/b", digest) == []


PHASES = ["keys", "act", "closed", "drained", "sweep", "swept", "flushed", "delete", "verify", "expire"]


@pytest.mark.parametrize("phase", PHASES)
def test_ops_is_killed(start_fleet: StartFleet, phase: str) -> None:
    fleet = start_fleet(Options(replicas=1))
    client, garbage, digest = _prepare(fleet)
    assert collect_and_die(fleet, phase, lease_seconds=3) == -9, f"the collection never came to {phase}"
    supervise_until_open(fleet, LIMIT)
    _all_well(fleet, client, garbage, digest)


def test_the_gate_opens_in_time_with_the_lease_of_the_deployment(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(replicas=1))
    client, garbage, digest = _prepare(fleet)
    assert collect_and_die(fleet, "swept", lease_seconds=15) == -9
    seconds = supervise_until_open(fleet, LIMIT)
    print(f"kill -9 between sweep and flush: writes possible again after {seconds:.1f} s")
    _all_well(fleet, client, garbage, digest)


@pytest.mark.parametrize(
    ("service", "phase"),
    [
        ("collector", "keys"),
        ("sweeper", "act"),
        ("sweeper", "sweep"),
        ("sweeper", "swept"),
        ("redis", "closed"),
        ("redis", "swept"),
        ("redis", "flushed"),
        ("registry-127.0.0.1", "keys"),
        ("registry-127.0.0.1", "closed"),
        ("registry-127.0.0.1", "swept"),
        ("registry-127.0.0.1", "delete"),
        ("edge", "swept"),
    ],
)
def test_a_service_is_killed_and_starts_again(start_fleet: StartFleet, service: str, phase: str) -> None:
    fleet = start_fleet(Options(replicas=2))
    client, garbage, digest = _prepare(fleet)
    restarts: list[threading.Timer] = []

    def step(name: str) -> None:
        if name == phase and not restarts:
            fleet.kill(service)
            restarts.append(threading.Timer(2.0, fleet.start, (service,)))
            restarts[0].start()

    started = time.monotonic()
    with contextlib.suppress(OpsError):
        collect(fleet, step)
    assert restarts, f"the collection never came to {phase}"
    supervise_until_open(fleet, LIMIT)
    assert time.monotonic() - started < LIMIT
    restarts[0].join()
    fleet.wait_ready()
    _all_well(fleet, client, garbage, digest)


def test_killed_again_and_again_under_load(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(replicas=2))
    crowd = pushers.Crowd(fleet.edge_url, 4, longest=6, pause=0.3)
    died = list[str]()
    crowd.start()
    try:
        collect(fleet)
        for phase in ("swept", "sweep", "delete", "flushed", "drained"):
            time.sleep(1)
            with crowd.between_pushes():
                age(fleet, fleet.options.untagged_grace + 2)
            if collect_and_die(fleet, phase, lease_seconds=3) == -9:
                died.append(phase)
            supervise_until_open(fleet, LIMIT)
    finally:
        crowd.stop()
    collect(fleet)
    assert crowd.check_all() > 0
    assert died, "no collection came to where it was to be killed"
    ledger = crowd.ledger
    assert ledger.lost + ledger.corrupt + ledger.failed == []
    assert ledger.checked == ledger.pushed
