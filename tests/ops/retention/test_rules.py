"""Rules, durations, times, lists of images in use and the limit."""

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.errors import STOPPED, OpsError
from ops.listing import time_text
from ops.retention import durations, rules
from ops.retention.collect import parse_time
from ops.retention.image import Image, subject_of_tag
from ops.retention.plan import make, to_data, to_table
from tests.ops.retention.strategies import DAY, NOW, digest


@pytest.mark.parametrize(
    ("pattern", "repository", "expected"),
    [
        ("apps/*", "apps/web", True),
        ("apps/*", "apps/web/x", False),
        ("apps/**", "apps/web/x", True),
        ("**", "anything/at/all", True),
        ("*", "a/b", False),
        ("app", "apps", False),
        ("a.b", "axb", False),
    ],
)
def test_patterns(pattern: str, repository: str, expected: bool) -> None:
    (rule,) = rules.parse([{"repositories": pattern, "keepLast": 1}])
    assert rule.matches(repository) is expected


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"repositories": "a"}, "keeps nothing"),
        ({"repositories": "a", "protect": False}, "keeps nothing"),
        ({"repositories": "a", "keepLast": 0}, "keepLast"),
        ({"repositories": "a", "keepLast": True}, "keepLast"),
        ({"repositories": "a", "keepWithin": "10"}, "keepWithin"),
        ({"repositories": "a", "keepTags": "("}, "keepTags"),
        ({"repositories": "a", "keeplast": 3}, "unknown keys keeplast"),
        ({"repositories": [], "keepLast": 3}, "repositories"),
        ({"keepLast": 3}, "repositories"),
    ],
)
def test_wrong_rules_are_refused(rule: dict[str, object], message: str) -> None:
    with pytest.raises(OpsError, match="rule 2") as caught:
        rules.parse([{"repositories": "ok", "keepLast": 1}, rule])
    assert message in str(caught.value)


def test_durations() -> None:
    assert [durations.seconds(text, "x") for text in ("90s", "5m", "2h", "1d", "1w")] == [90, 300, 7200, DAY, 7 * DAY]
    assert [durations.text(value) for value in (59, 60, 7200, 30 * DAY)] == ["59s", "1m", "2h", "30d"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-25T12:00:00Z", 1795608000.0),
        ("2026-11-25T13:00:00+01:00", 1795608000.0),
        ("2026-11-25T12:00:00.123456789Z", 1795608000.123456),
        ("2026-11-25T12:00:00.5-00:00", 1795608000.5),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("9999-12-31T23:59:59.999999Z", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_times(text: object, expected: float | None) -> None:
    assert parse_time(text) == expected


@given(st.datetimes(), st.integers(-23 * 60, 23 * 60))
@example(datetime(1, 1, 1), 14 * 60)
@example(datetime(9999, 12, 31, 23, 59, 59, 999_999), 0)
def test_every_time_that_is_read_can_be_shown(time: datetime, offset: int) -> None:
    """Anyone may push an image with any time in it; lists and plans of all images must not break on it."""
    text = f"{time.isoformat()}{'-' if offset < 0 else '+'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    image = Image("a", digest(1), ("1",), parse_time(text))
    plan = make([image], rules.parse([{"repositories": "a", "keepWithin": "1d"}]), NOW)
    assert to_table(plan) and to_data(plan)
    assert time_text(image.created)


def test_tags_of_attached_things() -> None:
    name = "ab" * 32
    assert subject_of_tag(f"sha256-{name}.sig") == subject_of_tag(f"sha256-{name}") == f"sha256:{name}"
    assert subject_of_tag(f"sha256-{name}.sig.old") is None
    assert subject_of_tag("sha256-short.sig") is None


def test_protects_asks_the_rules_for_the_repository() -> None:
    parsed = rules.parse([{"repositories": "prod/**", "protect": True}, {"repositories": "**", "keepLast": 3}])
    assert rules.protects(parsed, "prod/web/api")
    assert not rules.protects(parsed, "test/web")
    assert not rules.protects((), "prod/web")


def test_the_limit_stops_the_whole_plan() -> None:
    images = [Image("a", digest(number), (f"t{number}",), NOW - (number + 1) * DAY) for number in range(4)]
    plan = make(images, rules.parse([{"repositories": "a", "keepLast": 2}]), NOW)
    assert plan.percent == 50
    plan.check(50)
    with pytest.raises(OpsError, match="maxDeletePercent") as caught:
        plan.check(49)
    assert caught.value.exit_code == STOPPED


def test_the_newest_image_stays_where_nothing_was_built_for_long() -> None:
    images = [Image("a", digest(number), (f"t{number}",), NOW - (100 + number) * DAY) for number in range(3)]
    for rule in ({"keepWithin": "30d"}, {"keepTags": "release"}):
        plan = make(images, rules.parse([{"repositories": "a", **rule}]), NOW)
        assert [decision.tags for decision in plan.decisions if not decision.delete] == [("t0",)]


def test_images_that_no_rule_is_for_do_not_dilute_the_limit() -> None:
    images = [Image("other", digest(number), (f"t{number}",), NOW) for number in range(90)]
    images += [Image("a", digest(200 + number), (f"t{number}",), NOW - number * DAY) for number in range(2)]
    assert make(images, rules.parse([{"repositories": "a", "keepLast": 1}]), NOW).percent == 50


def test_the_recycle_bin_is_not_planned() -> None:
    images = [Image("ops-recycle-bin/a", digest(number), (f"t{number}",), NOW - number * DAY) for number in range(4)]
    assert make(images, rules.parse([{"repositories": "**", "keepLast": 1}]), NOW).decisions == ()
