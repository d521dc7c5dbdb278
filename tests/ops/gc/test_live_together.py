"""Two jobs at once: one waits for the other, or refuses and says who holds the lock. Each runs as a process of its own."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from ops.errors import BUSY, OK, STOPPED
from ops.lock import FileLock
from tests.ops.gc.client import Client, Image
from tests.ops.gc.collecting import ops
from tests.ops.gc.conftest import StartFleet
from tests.ops.gc.fleet import Fleet, Options, until

pytestmark = pytest.mark.live

OTHERS = {
    "gc": ("gc",),
    "retention": ("retention", "apply", "--max-delete-percent", "100"),
    "delete": ("delete", "team/app:v0"),
}


@pytest.fixture(params=["redis", "none"])
def fleet(request: pytest.FixtureRequest, start_fleet: StartFleet) -> Fleet:
    """Three images, of which retention deletes two."""
    fleet = start_fleet(Options(cache=request.param, replicas=1))
    settings = json.loads(fleet.places.settings.read_text())
    rules = [{"repositories": "team/*", "keepLast": 1}]
    fleet.places.settings.write_text(json.dumps({**settings, "retention": {"rules": rules}}))
    client = Client(fleet.edge_url)
    for number in range(3):
        config = json.dumps({"created": f"2026-01-0{number + 1}T00:00:00Z"}).encode()
        client.push("team/app", f"v{number}", Image((f"layer {number}".encode(),), config))
    return fleet


@pytest.fixture
def collection(fleet: Fleet) -> Iterator["subprocess.Popen[str]"]:
    """A collection that has the lock and waits for the collector, which is held up until the test lets it go."""
    with fleet.paused("collector"):
        process = ops(fleet, "gc", "--json")
        try:
            until(lambda: FileLock(fleet.places.state).owner() is not None, "the collection has the lock", 30)
            yield process
        finally:
            process.kill()
            process.communicate()


def test_a_second_job_refuses_and_says_who_holds_the_lock(fleet: Fleet, collection: "subprocess.Popen[str]") -> None:
    running = {name: ops(fleet, *arguments, "--json", "--wait", "0") for name, arguments in OTHERS.items()}
    for name, process in running.items():
        out, err = process.communicate(timeout=30)
        assert process.returncode == BUSY, f"{name}: {out}\n{err}"
        answer = json.loads(out)
        assert answer["exitCode"] == BUSY
        assert f"'gc' (process {collection.pid} " in answer["error"], "it names the job and its process"
    assert collection.poll() is None, "nobody disturbed the first"
    tags = json.loads(Client(fleet.edge_url).request("GET", "/v2/team/app/tags/list")[2])["tags"]
    assert sorted(tags) == ["v0", "v1", "v2"], "nothing was deleted"


def test_jobs_that_wait_run_one_after_the_other(fleet: Fleet) -> None:
    with fleet.paused("collector"):
        first = ops(fleet, "gc", "--json")
        until(lambda: FileLock(fleet.places.state).owner() is not None, "the collection has the lock", 30)
        second = ops(fleet, *OTHERS["gc"], "--json", "--wait", "120")
        third = ops(fleet, *OTHERS["retention"], "--json", "--wait", "120")
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(3)
        assert [process.poll() for process in (first, second, third)] == [None] * 3
        holder = FileLock(fleet.places.state).owner()
        assert holder is not None
        assert holder.pid == first.pid
    for name, process in (("first", first), ("second", second), ("third", third)):
        out, err = process.communicate(timeout=120)
        # A young journal stops a collection: it has done its work for this time.
        assert process.returncode in ((OK,) if name == "third" else (OK, STOPPED)), f"{name}: {out}\n{err}"
    tags = json.loads(Client(fleet.edge_url).request("GET", "/v2/team/app/tags/list")[2])["tags"]
    assert tags == ["v2"], "retention did its work after it had waited"
    assert not fleet.places.gate.exists()
