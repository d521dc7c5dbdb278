"""SIGTERM in each phase of a collection, and the end of the container: the gate opens and the lock is free before the process is gone."""

import json
import signal

import pytest

from ops.lock import FileLock
from ops.termination import EXIT_CODE
from tests.ops.gc.client import Client, Image, sha256
from tests.ops.gc.collecting import collect, collect_until_terminated, ops, ripen
from tests.ops.gc.conftest import StartFleet
from tests.ops.gc.fleet import Fleet, Options, until

pytestmark = pytest.mark.live

PHASES = ["keys", "act", "closed", "drained", "sweep", "swept", "flushed", "delete", "verify", "expire"]
"""In this order: what is swept and not yet flushed is put back, so that the next phase has its garbage."""


def _garbage_and_untagged(fleet: Fleet) -> tuple[Client, Image, str]:
    """A client, an image whose blobs are ripe for the sweep, and the digest of one that stays."""
    client = Client(fleet.edge_url)
    garbage = Image((b"garbage layer", b"shared layer"), b'{"n":"garbage"}')
    client.delete("team/a", client.push("team/a", "v1", garbage))
    client.push("team/a", "latest", Image((b"old", b"shared layer"), b'{"n":"old"}'))
    digest = client.push("team/a", "latest", Image((b"own layer", b"shared layer"), b'{"n":"stays"}'))
    ripen(fleet, untagged=True)
    return client, garbage, digest


def _free(fleet: Fleet) -> bool:
    """Whether writes come in and the lock is free, at this moment and without anybody's help."""
    status = Client(fleet.edge_url, patience=0).request("POST", "/v2/team/probe/blobs/uploads/")[0]
    return status == 202 and FileLock(fleet.places.state).owner() is None


def test_a_collection_that_is_told_to_end_opens_the_gate_and_frees_the_lock(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(cache="redis", replicas=1))
    client, garbage, digest = _garbage_and_untagged(fleet)
    for phase in PHASES:
        done = collect_until_terminated(fleet, phase)
        assert done.returncode == EXIT_CODE, f"the collection never came to {phase}, or did not end there:\n{done.stdout}\n{done.stderr}"
        assert json.loads(done.stdout)["exitCode"] == EXIT_CODE
        assert _free(fleet), f"SIGTERM in phase {phase}"
        assert client.pull("team/a", digest, "latest") == [], f"SIGTERM in phase {phase}"
    report = collect(fleet)
    assert (report.stopped, report.missing) == ("", [])
    assert not fleet.blob(sha256(garbage.config)).exists(), "the next collection succeeds"
    again = client.push("team/again", "v1", garbage, "team/a")
    assert client.pull("team/again", again) == []


def test_the_end_of_the_main_loop_ends_a_collection_that_somebody_started_by_hand(start_fleet: StartFleet) -> None:
    """docker stop kills everything that runs in the container once its first process, the loop, has ended."""
    fleet = start_fleet(Options(cache="none", replicas=1))
    _, garbage, _ = _garbage_and_untagged(fleet)
    loop = ops(fleet, "schedule")
    try:
        until(lambda: "schedule started" in (loop.stderr.readline() if loop.stderr else ""), "the loop has started", 30)
        # The loop's own watch holds the lock for a moment now and then.
        collection = ops(fleet, "gc", "--json", "--wait", "20")
        until(fleet.places.gate.exists, "the collection closes the gate", 60)
        with fleet.paused("sweeper"):
            loop.send_signal(signal.SIGTERM)
            out, err = collection.communicate(timeout=60)
            assert loop.wait(60) == 0
            assert collection.returncode == EXIT_CODE, f"{out}\n{err}"
            assert _free(fleet)
    finally:
        loop.kill()
        loop.communicate()
    assert fleet.blob(sha256(garbage.config)).exists(), "it was ended before it swept"
