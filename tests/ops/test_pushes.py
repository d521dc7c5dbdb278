"""Retention counts from the push, as far as the edge's journal told: no image goes sooner than keepWithin after it was pushed."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.gc.database import Database
from ops.pushes import Pushes
from ops.retention.image import Image
from ops.retention.rules import parse
from tests.ops.stage import Stage

DAY = 86_400
OLD = "2020-01-01T00:00:00Z"
RULE: dict[str, object] = {"repositories": "a", "keepWithin": "30d"}


def _journal(stage: Stage, *lines: dict[str, object]) -> None:
    """What the edge wrote, besides its first line."""
    file = stage.places.journal / "journal.log"
    file.parent.mkdir(exist_ok=True)
    if not file.exists():
        file.write_text(json.dumps({"at": time.time() - DAY, "marker": "segment", "segment": "1"}) + "\n")
    with file.open("a") as journal:
        journal.writelines(json.dumps(line) + "\n" for line in lines)


def _put(reference: str, digest: str, *, status: int = 201, at: float | None = None) -> dict[str, object]:
    return {
        "at": at or time.time(),
        "method": "PUT",
        "status": status,
        "uri": f"/v2/a/manifests/{reference}",
        "digest": digest,
        "upstreamDigest": digest,
        "upstream": str(status),
    }


def _goes(stage: Stage, *, days: float = 0) -> set[str]:
    """The tags that would go so many days from now."""
    return {tag for decision in stage.retain(RULE, now=time.time() + days * DAY).deletions for tag in decision.tags}


@pytest.mark.parametrize("status", [201, 499, 504])
def test_what_was_pushed_lately_stays_however_old_it_is(stage: Stage, status: int) -> None:
    """Mirrored and promoted images; also where the client did not wait for the answer."""
    stage.content.add("a", "newest", datetime.now(UTC).isoformat())
    digest = stage.content.add("a", "promoted", OLD)
    stage.content.add("a", "old", OLD)
    _journal(stage, _put("promoted", digest if status == 201 else "", status=status))
    assert _goes(stage) == {"old"}
    assert _goes(stage, days=29) == {"old"}
    assert _goes(stage, days=31) >= {"old", "promoted"}


def test_it_is_known_for_longer_than_the_journal_and_a_later_push_counts(stage: Stage) -> None:
    digest = stage.content.add("a", "promoted", OLD)
    stage.content.add("a", "newest", datetime.now(UTC).isoformat())
    _journal(stage, _put("promoted", digest, at=time.time() - 5 * DAY))
    assert _goes(stage) == set()
    with stage.gc_parts().database.change() as connection:
        assert connection.execute("DELETE FROM written").rowcount == 1
    assert _goes(stage) == set()
    assert "promoted" in _goes(stage, days=26)
    _journal(stage, _put("again", digest))
    assert "promoted" not in _goes(stage, days=26)


def test_an_image_that_was_brought_back_counts_as_pushed(stage: Stage) -> None:
    """Else the next retention would take it again."""
    stage.content.add("a", "newest", datetime.now(UTC).isoformat())
    stage.content.add("a", "old", OLD)
    assert _goes(stage) == {"old"}
    stage.delete(*stage.targets(RULE))
    assert stage.undo("a:old") == 0
    assert _goes(stage) == set()


def test_without_a_journal_the_creation_time_decides(stage: Stage) -> None:
    stage.content.add("a", "newest", datetime.now(UTC).isoformat())
    stage.content.add("a", "old", OLD)
    assert _goes(stage) == {"old"}


def test_the_record_is_bounded_by_the_longest_rule_and_holds_no_children(tmp_path: Path) -> None:
    now = 1e9
    database = Database(tmp_path / "gc.sqlite")
    pushes = Pushes(database, parse([{"repositories": "a", "keepWithin": "60d"}]), lambda: now)
    digests = [f"sha256:{number:064x}" for number in range(3)]
    rows = [
        ("a", "old", digests[0], now - 61 * DAY, 1),
        ("a", "kept", digests[1], now - 59 * DAY, 2),
        ("a", digests[2], digests[2], now, 3),
    ]
    with database.change() as connection:
        connection.executemany("INSERT INTO written VALUES (?, ?, ?, ?, ?)", rows)
        connection.execute("INSERT INTO notes VALUES ('position', '3')")
    pushes.collect()
    images = [Image("a", digest, (f"t{number}",)) for number, digest in enumerate(digests)]
    assert [image.pushed for image in pushes.add_to(images)] == [None, now - 59 * DAY, None]
