"""How untagged manifests go: by the sweeper, so that the gate need not wait for the registry to read every tag of the repository."""

import pytest

from bench.ops_run import requests
from ops import recycle
from tests.ops.gc.client import Client, Image, sha256
from tests.ops.gc.collecting import collect, collect_and_die, ripen, supervise_until_open
from tests.ops.gc.conftest import StartFleet
from tests.ops.gc.fleet import Fleet, Options

pytestmark = pytest.mark.live


def _image(name: str) -> Image:
    return Image((f"layer of {name}".encode(), b"shared layer"), f'{{"n":"{name}"}}'.encode())


def _past_edge(fleet: Fleet) -> Client:
    """A client of a replica. What it does is in no journal, but in the registry's cache."""
    return Client(f"http://{fleet.hosts[0]}:{fleet.registry_port}")


def _status(client: Client, digest: str) -> int:
    return client.request("HEAD", f"/v2/team/app/manifests/{digest}")[0]


def _with_untagged(fleet: Fleet) -> str:
    """A tagged image and a manifest that lost its tag and is ripe to go, and that the registry's cache knows."""
    client = Client(fleet.edge_url)
    digest = client.push("team/app", "latest", _image("old"))
    client.push("team/app", "latest", _image("new"))
    ripen(fleet, untagged=True)
    assert _status(_past_edge(fleet), digest) == 200
    return digest


@pytest.mark.parametrize("major", [3, 2])
def test_they_go_without_the_registrys_own_deletion(start_fleet: StartFleet, major: int) -> None:
    fleet = start_fleet(Options(major=major, replicas=1))
    digest = _with_untagged(fleet)
    before = requests(fleet)["manifest", "DELETE"]
    # The verification at the end flushes the cache as well.
    seen: list[int] = []
    report = collect(fleet, lambda name: seen.append(_status(_past_edge(fleet), digest)) if name == "verify" else None)
    assert (report.untagged_deleted, report.stopped) == (1, "")
    assert requests(fleet)["manifest", "DELETE"] == before
    assert seen == [404], "the cache was flushed when the gate opened"
    assert Client(fleet.edge_url).pull("team/app", sha256(_image("new").manifest)) == []
    ripen(fleet)
    assert collect(fleet).swept_blobs == 3, "manifest, config and layer; the shared layer stays"


def test_one_that_is_asked_for_meanwhile_comes_back_before_writes_do(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(replicas=1))
    digest = _with_untagged(fleet)

    def step(name: str) -> None:
        if name == "deleted":
            assert _status(Client(fleet.edge_url), digest) in (200, 404)

    assert collect(fleet, step).untagged_deleted == 0
    assert Client(fleet.edge_url).pull("team/app", digest) == []


def test_after_a_crash_the_cache_calls_none_present_that_is_gone(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(replicas=1))
    digest = _with_untagged(fleet)
    assert collect_and_die(fleet, "deleted", lease_seconds=2) == -9
    assert fleet.places.gate.exists()
    assert _status(_past_edge(fleet), digest) == 200, "from the cache"
    supervise_until_open(fleet, 60)
    assert _status(_past_edge(fleet), digest) == 404


@pytest.mark.parametrize("major", [3, 2])
def test_with_the_recycle_bin_on_it_comes_back_whole(start_fleet: StartFleet, major: int) -> None:
    fleet = start_fleet(Options(major=major, replicas=1, undo_days=7))
    digest = _with_untagged(fleet)
    report = collect(fleet)
    assert (report.untagged_deleted, report.stopped) == (1, "")
    assert _status(_past_edge(fleet), digest) == 404
    ripen(fleet)
    assert collect(fleet).swept_blobs == 0, "the bin needs its blobs"
    with fleet.registry() as registry:
        [entry] = recycle.entries(registry)
        recycle.restore(registry, entry, lambda _: pytest.fail("without tags no gate is closed"))
    assert _past_edge(fleet).pull("team/app", digest) == []
