"""A registry that remembers blobs in its own memory: nothing there can be flushed."""

import pytest

from tests.ops.gc.client import Client, Image
from tests.ops.gc.collecting import collect, ripen
from tests.ops.gc.conftest import StartFleet
from tests.ops.gc.fleet import Options

pytestmark = pytest.mark.live


def test_nothing_is_swept_under_a_cache_that_cannot_be_flushed(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(cache="inmemory", replicas=1))
    client = Client(fleet.edge_url)
    doomed = Image((b"doomed layer",), b"{}")
    client.delete("team/a", client.push("team/a", "v1", doomed))
    ripen(fleet)
    report = collect(fleet)
    assert report.garbage == 3
    assert report.swept_blobs == 0
    assert "cache: inmemory" in report.stopped
