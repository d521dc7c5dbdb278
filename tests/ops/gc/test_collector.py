"""The collector's dry run beside people who delete: one that met a deletion is begun again, and in the end nothing is swept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.errors import STOPPED
from ops.gc.collector import TRIES, CollectorError, VanishedError, dry_run
from tests.ops.gc.world import World, world

GONE = "sha256:" + "e" * 64
# As registry 3.1.2 said it on a busy fleet with S3.
MESSAGES = [
    f"failed to garbage collect: failed to mark: {driver}: failed to retrieve manifest for digest {GONE}: {why}"
    for driver in ("s3aws", "filesystem")
    for why in (f"unknown manifest name=team/app revision={GONE}", "Path not found: /docker/registry/v2/blobs/sha256/ee/data")
]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def _fails(here: World, message: str, times: int) -> None:
    """Makes the next dry runs fail."""
    well, left = here.collector.serve, times

    def serve(work: Path) -> tuple[int, str]:
        nonlocal left
        left -= 1
        if left < 0:
            return well(work)
        (work / "err").write_text(message + "\n")
        return 1, ""

    here.collector.serve = serve


@pytest.mark.parametrize("message", MESSAGES)
def test_a_dry_run_that_met_a_deletion_is_begun_again(here: World, message: str) -> None:
    garbage = here.blob(b"garbage")
    _fails(here, message, TRIES - 1)
    assert dry_run(here.collector).eligible == {garbage}, "one deletion at the wrong moment must not cost a night"


def test_one_that_meets_deletions_again_and_again_stops_the_run_and_sweeps_nothing(here: World) -> None:
    here.blob(b"garbage")
    _fails(here, MESSAGES[0], TRIES)
    with pytest.raises(VanishedError, match=GONE) as raised:
        dry_run(here.collector)
    assert raised.value.exit_code == STOPPED
    _fails(here, MESSAGES[0], TRIES)
    report = here.collect()
    assert GONE in report.stopped
    assert report.swept_blobs == 0


@pytest.mark.parametrize("message", ["failed to garbage collect: failed to mark: s3aws: timeout", f"{GONE}: unknown blob"])
def test_other_failures_are_told_at_once(here: World, message: str) -> None:
    _fails(here, message, 1)
    with pytest.raises(CollectorError, match="the collector's dry run failed"):
        dry_run(here.collector)
    assert here.collector.orders == ["dry-run"]
