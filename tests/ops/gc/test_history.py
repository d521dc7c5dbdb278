"""Since when something is garbage, where other hosts of a fleet collected for a while."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import recycle
from tests.ops.gc.world import GRACE, World, world

REDIS = {"host": "redis", "port": 6379, "tls": True, "database": 1}
FLEET: dict[str, object] = {"fleet": {"host": "one", "redis": REDIS, "leaseSeconds": 15}}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("ops.gc.run.WHILE_SECONDS", 10)
    with world(tmp_path) as made:
        yield made


def _had_not_collected(here: World, seconds: float) -> None:
    with here.database.change() as connection:
        connection.execute("UPDATE notes SET value = ? WHERE name = 'history_at'", (repr(time.time() - seconds),))


@pytest.mark.parametrize("fleet", [True, False])
def test_what_was_in_use_meanwhile_was_not_garbage_all_the_time(here: World, *, fleet: bool) -> None:
    here.settings = FLEET if fleet else {}
    here.image("a", "stays")
    used, other, blob, rest = here.image("a"), here.image("a"), here.blob(b"one"), here.blob(b"two")
    here.ripen()
    _had_not_collected(here, 1.5 * GRACE)
    # Longer ago than the graces.
    here.journaled("PUT", "/v2/a/manifests/again", 201, used, at=time.time() - 1.2 * GRACE)
    here.journaled("HEAD", f"/v2/a/blobs/{blob}", 200, blob, at=time.time() - 1.2 * GRACE)
    report = here.collect()
    assert report.stopped == ""
    assert (used in here.content.links["a"]) is fleet
    assert (blob in here.content.blobs) is fleet
    assert other not in here.content.links["a"]
    assert rest not in here.content.blobs
    here.ripen()
    here.collect()
    assert used not in here.content.links["a"], "it only began anew"
    assert blob not in here.content.blobs


def test_nothing_is_known_when_the_journal_does_not_go_back_so_far(here: World) -> None:
    here.settings = FLEET
    here.image("a", "stays")
    manifest, blob = here.image("a"), here.blob(b"one")
    here.ripen()
    _had_not_collected(here, 100 * GRACE)
    report = here.collect()
    assert report.stopped == ""
    assert manifest in here.content.links["a"]
    assert blob in here.content.blobs


def test_an_undone_deletion_is_not_undone_by_the_next_collection(here: World) -> None:
    here.image("a", "stays")
    digest = here.image("a")
    here.ripen()
    assert here.collect().untagged_deleted == 1
    (entry,) = recycle.entries(here.registry)
    recycle.restore(here.registry, entry, lambda _: pytest.fail("without tags no gate is closed"))
    assert here.collect().untagged_deleted == 0
    assert digest in here.content.links["a"]
    here.ripen()
    here.collect()
    assert digest not in here.content.links["a"]
