"""Crontab times against a search minute by minute."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops import cron
from ops.errors import OpsError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("30 3 * * *", "2026-11-25T03:29:59", "2026-11-25T03:30"),
        ("30 3 * * *", "2026-11-25T03:30:00", "2026-11-26T03:30"),
        ("*/15 * * * *", "2026-11-25T03:31", "2026-11-25T03:45"),
        ("0 0 29 2 *", "2026-11-25T00:00", "2028-02-29T00:00"),
        ("0 4 * * sun", "2026-11-25T00:00", "2026-11-29T04:00"),
        ("0 4 * * 7", "2026-11-25T00:00", "2026-11-29T04:00"),
        ("0 4 1 * mon", "2026-11-25T00:00", "2026-11-30T04:00"),
        ("5 4 1-3,20 jan-feb *", "2026-11-25T00:00", "2027-01-01T04:05"),
        ("10/20 5 * * 1-5", "2026-11-27T05:50", "2026-11-30T05:10"),
        ("@weekly", "2026-11-25T00:00", "2026-11-29T00:00"),
    ],
)
def test_examples(schedule: str, after: str, expected: str) -> None:
    assert cron.parse(schedule).next(at(after)) == at(expected)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("60 * * * *", "minute: 60"),
        ("* 24 * * *", "hour: 24"),
        ("* * 0 * *", "day of month: 0"),
        ("* * * 13 *", "month: 13"),
        ("* * * * 8", "day of week: 8"),
        ("*/0 * * * *", "step"),
        ("5-1 * * * *", "backwards"),
        ("a * * * *", "no number"),
        (", * * * *", "no number"),
        ("0 0 31 2 *", "never comes"),
    ],
)
def test_wrong_schedules(schedule: str, message: str) -> None:
    with pytest.raises(OpsError, match=message):
        cron.parse(schedule)


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, high)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    item = st.one_of(number.map(str), span, step)
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


_lines = st.tuples(_field(0, 59), _field(0, 23), _field(1, 28), st.just("*"), _field(0, 7)).map(" ".join)
_times = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda time: time.replace(tzinfo=UTC))


@given(_lines, _times)
@settings(max_examples=60)
def test_next_is_the_first_minute_that_matches(line: str, after: datetime) -> None:
    schedule = cron.parse(line)
    found = schedule.next(after)
    assert found > after
    assert schedule.matches(found)
    # Every minute before it, or the last two days' worth when it is far.
    minute = max(after.replace(second=0, microsecond=0) + timedelta(minutes=1), found - timedelta(days=2))
    while minute < found:
        assert not schedule.matches(minute)
        minute += timedelta(minutes=1)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Refused with a message: no other error ever comes out."""
    try:
        cron.parse(text)
    except OpsError as error:
        assert str(error)
