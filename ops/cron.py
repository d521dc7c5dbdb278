"""Crontab times: minute, hour, day of month, month, day of week (POSIX crontab(5), with steps, ranges, lists and English names).

Times are UTC: a container has no other time zone, and UTC has no hour twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ops.errors import USAGE, OpsError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
HORIZON_DAYS = 366 * 8 + 2
"""29 February comes back after eight years at most."""


class CronError(OpsError):
    """A schedule that makes no sense."""


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: Sequence[str] = ()

    def number(self, text: str) -> int:
        lowered = text.lower()
        if lowered in self.names:
            return self.names.index(lowered) + self.low
        if not text.isascii() or not text.isdigit():
            raise CronError(f"{self.name}: {text!r} is no number", USAGE)
        value = int(text)
        if not self.low <= value <= self.high:
            raise CronError(f"{self.name}: {value} is not in {self.low}-{self.high}", USAGE)
        return value

    def parse(self, text: str) -> frozenset[int]:
        values: set[int] = set()
        for item in text.split(","):
            span, slash, step_text = item.partition("/")
            step = 1
            if slash:
                if not step_text.isascii() or not step_text.isdigit() or int(step_text) < 1:
                    raise CronError(f"{self.name}: the step {step_text!r} is no number from 1", USAGE)
                step = int(step_text)
            first, dash, last = span.partition("-")
            if span == "*":
                low, high = self.low, self.high
            elif dash:
                low, high = self.number(first), self.number(last)
            else:
                low = self.number(span)
                high = self.high if slash else low
            if low > high:
                raise CronError(f"{self.name}: the range {span!r} runs backwards", USAGE)
            values.update(range(low, high + 1, step))
        return frozenset(values)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS),
)


@dataclass(frozen=True)
class Schedule:
    """When something runs. When both days are restricted, either is enough (crontab(5))."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def _on(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        in_month = day.day in self.days
        in_week = day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week

    def matches(self, moment: datetime) -> bool:
        """Whether it runs in this minute."""
        moment = moment.astimezone(UTC)
        return moment.minute in self.minutes and moment.hour in self.hours and self._on(moment)

    def next(self, after: datetime) -> datetime:
        """The first minute after this time. Raises CronError when there is none, such as 31 February."""
        after = after.astimezone(UTC)
        start = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
        day = start.replace(hour=0, minute=0)
        for _ in range(HORIZON_DAYS):
            if self._on(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        found = day.replace(hour=hour, minute=minute)
                        if found >= start:
                            return found
            day += timedelta(days=1)
        raise CronError("the schedule never comes", USAGE)


def parse(text: str) -> Schedule:
    """Reads five fields or one of @hourly, @daily, @weekly, @monthly, @yearly. Raises CronError that names the field."""
    fields = _SHORT.get(text.strip().lower(), text).split()
    if len(fields) != len(_FIELDS):
        raise CronError(f"a schedule has five fields (minute hour day month weekday), not {len(fields)}: {text!r}", USAGE)
    minutes, hours, days, months, weekdays = (field.parse(part) for field, part in zip(_FIELDS, fields, strict=True))
    weekdays = frozenset(day % 7 for day in weekdays)
    # As in Vixie cron a field that starts with * counts as unrestricted, also with a step.
    schedule = Schedule(minutes, hours, days, months, weekdays, fields[2].startswith("*"), fields[4].startswith("*"))
    schedule.next(datetime(2024, 1, 1, tzinfo=UTC))  # refuses what never comes
    return schedule
