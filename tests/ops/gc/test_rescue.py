"""What was wrongly swept comes back at the next run, whatever else that run can't do."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.gc.run import ALERT_AFTER
from tests.ops.gc.world import World, world

RUN = time.strftime("%Y%m%dT%H%M%SZ-000", time.gmtime(time.time() - 3600))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def _config(here: World, digest: str) -> str:
    return str(json.loads(here.content.manifests[digest])["config"]["digest"])


def _lose(here: World, digest: str) -> None:
    """A mistake: something in use is in quarantine."""
    here.sweeper.sweep(RUN, [digest], 5)
    here.sweeper.swept(RUN)
    here.garbage.clear()


OBSTACLES = ["none", "the journal has a hole", "a tag's manifest is broken", "the state volume is lost"]


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("what", ["a blob", "the manifest", "a part of an index"])
def test_what_was_wrongly_swept_comes_back(here: World, what: str, obstacle: str) -> None:
    digest = here.image("a", "v1")
    if what == "a part of an index":
        here.index("a", [digest], "v2")
        here.forget_tag("a", "v1")
    lost = _config(here, digest) if what == "a blob" else digest
    _lose(here, lost)
    if obstacle == "the journal has a hole":
        here.line("{")
    elif obstacle == "a tag's manifest is broken":
        del here.content.manifests[here.content.add("b", "v1", "2026-01-01T00:00:00Z")]
    elif obstacle == "the state volume is lost":
        with here.database.change() as connection:
            for table in ("quarantine", "garbage", "notes", "segments", "touched"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608
    report = here.collect()
    assert report.restored == [lost]
    assert lost in here.content.blobs or lost in here.content.manifests
    assert here.quarantine[RUN] == {}


def test_a_dry_run_brings_nothing_back(here: World) -> None:
    lost = _config(here, here.image("a", "v1"))
    _lose(here, lost)
    assert here.collect_dry().restored == []
    assert lost not in here.content.blobs


def test_a_lost_state_volume_forgets_no_old_quarantine(here: World) -> None:
    here.image("a", "v1")
    here.quarantine["20200101T000000Z-000"] = {here.blob(b"old"): b"old"}
    here.garbage.clear()
    assert here.collect().expired_quarantines == 1
    assert here.quarantine == {}


def test_somebody_is_told_when_run_after_run_stops(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    del here.content.manifests[here.image("a", "broken")]
    reports = [here.collect() for _ in range(ALERT_AFTER)]
    assert [report.stopped_in_a_row for report in reports] == [1, 2, 3]
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["runs"] for line in lines if line["event"] == "gc.stopped"] == [ALERT_AFTER]
    here.forget_tag("a", "broken")
    assert here.collect().stopped_in_a_row == 0
