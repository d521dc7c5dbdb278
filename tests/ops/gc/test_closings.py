"""How often and how long a collection keeps writes out."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ops.gc.world import TIMING, World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


class Clock:
    """As `time`, except that only sleeping takes any."""

    def __init__(self) -> None:
        self._now = 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@pytest.mark.parametrize("what", ["blobs", "manifests"])
def test_between_two_closings_writes_get_as_long_as_they_had_to_wait(here: World, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    for module in ("ops.gate", "ops.gc.report", "ops.gc.run"):
        monkeypatch.setattr(f"{module}.time", clock)
    here.image("a", "stays")
    for number in range(60):
        if what == "blobs":
            here.blob(str(number).encode())
        else:
            here.image("a")
    here.ripen()

    def step(name: str) -> None:
        if name in ("swept", "deleted"):
            clock.sleep(0.3)

    report = here.collect(step, replace(TIMING, first_batch=20))
    assert report.gate_closings > 1
    assert report.swept_blobs == 60 or report.untagged_deleted == 60
    assert report.gate_share < 0.75, "closed, open, closed: never more than that"
    assert report.gate_share > 0.5


def test_with_the_gate_closed_only_what_is_new_or_unsure_is_looked_up(here: World) -> None:
    for number in range(30):
        digest = here.content.add("a", f"v{number}", "2026-01-01T00:00:00Z")
        here.journaled("PUT", f"/v2/a/manifests/v{number}", 201, digest, at=time.time() - 1)
    here.journaled("PUT", "/v2/a/manifests/v3", 499, at=time.time() - 1)
    here.blob(b"one")
    here.ripen()
    asked: dict[str, int] = {}

    def step(name: str) -> None:
        asked[name] = sum(here.content.requests.values())
        if name == "closed":
            new = here.content.add("a", "new", "2026-01-01T00:00:00Z")
            here.journaled("PUT", "/v2/a/manifests/new", 201, new)

    assert here.collect(step).swept_blobs == 1
    assert asked["sweep"] - asked["drained"] == 2, "the manifest pushed last, and the tag whose push had no answer"


def test_blobs_that_cannot_be_copied_keep_no_others_from_going(here: World) -> None:
    here.settings = {"storage": {"driver": "s3", "root": "/"}}
    blobs = [here.blob(str(number).encode()) for number in range(20)]
    serve = here.spool.serve
    here.spool.serve = lambda work: (
        (1, "") if (work / "command").read_text() == "copy" and min(blobs)[7:] in (work / "files").read_text() else serve(work)
    )
    here.ripen()
    report = here.collect(timing=replace(TIMING, first_batch=5))
    assert report.kept_back["could not be copied to quarantine"] == 5
    assert report.swept_blobs == 15


def test_what_crashed_jobs_left_in_the_spool_folders_goes(here: World) -> None:
    for spool in (here.spool, here.collector):
        for name, age in (("done-old", 100_000), ("tmp-old", 100_000), ("done-new", 10)):
            (spool.folder / name).mkdir()
            os.utime(spool.folder / name, (time.time() - age, time.time() - age))
    here.collect()
    for spool in (here.spool, here.collector):
        assert [file.name for file in spool.folder.iterdir()] == ["done-new"]
