"""Kinds of property values: what is accepted, how it reads as plain Python, and when two spellings mean the same.

Every kind answers three questions about a value that came over the wire:
`problems` (what is wrong with it, in the user's words), `plain` (the value as Python data: whole numbers as int, nothing
missing inside lists) and `canonical` (a hashable form; equal forms mean that the engine would see no difference).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from offline.plugins.framework.values import UNKNOWN

_WHOLE = re.compile(r"-?\d+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


class Value(Protocol):
    """One kind of value. Methods are given known values or None (missing); unknown ones are handled by the caller or by containers."""

    def problems(self, path: str, value: object) -> list[str]:
        """What is wrong with `value` at `path`; an empty list when nothing is."""
        ...

    def plain(self, value: object) -> Any:  # noqa: ANN401  # wire data
        """The value as Python data. Only to be called on values without problems."""
        ...

    def canonical(self, value: object) -> Hashable:
        """A form that is equal for all spellings of the same thing; missing equals the kind's zero value."""
        ...


def kind_of(value: object) -> str:
    """The name of a wire value's type as a user knows it."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return type(value).__name__


@dataclass(frozen=True)
class Text:
    """A string, optionally one of `choices` or matching `pattern` (described to the user by `form`)."""

    choices: tuple[str, ...] = ()
    pattern: str = ""
    form: str = ""
    quoted: bool = True
    """Whether a problem may show the value: not where people keep secrets."""

    def problems(self, path: str, value: object) -> list[str]:
        if not isinstance(value, str):
            return [f"{path}: must be a string, not {kind_of(value)}"]
        if self.choices and value not in self.choices:
            return [f"{path}: must be one of {', '.join(self.choices)}, not {value!r}"]
        if self.pattern and not re.fullmatch(self.pattern, value):
            shown = f", not {value!r}" if self.quoted else ""
            return [f"{path}: must be {self.form or 'of the form ' + self.pattern}{shown}"]
        return []

    def plain(self, value: object) -> str:
        return "" if value is None else str(value)

    def canonical(self, value: object) -> Hashable:
        return self.plain(value)


@dataclass(frozen=True)
class Whole:
    """A whole number, not below `least`. Digits in a string are accepted, because the vendor's plugin accepts them."""

    least: int | None = None

    def problems(self, path: str, value: object) -> list[str]:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
        is_digits = isinstance(value, str) and _WHOLE.fullmatch(value) is not None
        if not is_number and not is_digits:
            return [f"{path}: must be a whole number, not {kind_of(value)}"]
        if self.least is not None and self.plain(value) < self.least:
            return [f"{path}: must be at least {self.least}, not {self.plain(value)}"]
        return []

    def plain(self, value: object) -> int:
        if isinstance(value, int | float | str):
            return int(value)
        return 0

    def canonical(self, value: object) -> Hashable:
        return self.plain(value)


@dataclass(frozen=True)
class Flag:
    """A boolean; the strings "true" and "false" count, because the vendor's plugin accepts them."""

    def problems(self, path: str, value: object) -> list[str]:
        if isinstance(value, bool) or value in ("true", "false"):
            return []
        return [f"{path}: must be true or false, not {kind_of(value)}"]

    def plain(self, value: object) -> bool:
        return value is True or value == "true"

    def canonical(self, value: object) -> Hashable:
        return self.plain(value)


@dataclass(frozen=True)
class Duration:
    """A duration in Go's spelling (`1m30s`, `500ms`); canonical in nanoseconds."""

    def problems(self, path: str, value: object) -> list[str]:
        if not isinstance(value, str) or (value not in ("", "0") and parse_duration(value) is None):
            return [f"{path}: must be a duration such as 500ms, 10s or 1m30s"]
        return []

    def plain(self, value: object) -> str:
        return "" if value is None else str(value)

    def canonical(self, value: object) -> Hashable:
        return parse_duration(self.plain(value)) or 0


def parse_duration(text: str) -> int | None:
    """Nanoseconds of a duration in Go's spelling; None when it isn't one."""
    total = Decimal(0)
    at = 0
    for part in _DURATION_PART.finditer(text):
        if part.start() != at:
            return None
        total += Decimal(part[1]) * _NANOSECONDS[part[2]]
        at = part.end()
    return int(total) if text and at == len(text) else None


def format_duration(nanoseconds: int) -> str:
    """A duration in the spelling that Go prints, which is what the vendor's plugin keeps in state: `1m30s`, `1.5s`, `250ms`, `0s`."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 10**9:
        for unit in ("ms", "µs", "ns"):
            if nanoseconds >= _NANOSECONDS[unit]:
                return f"{_decimal(Decimal(nanoseconds) / _NANOSECONDS[unit])}{unit}"
    hours, rest = divmod(nanoseconds, _NANOSECONDS["h"])
    minutes, rest = divmod(rest, _NANOSECONDS["m"])
    seconds = f"{_decimal(Decimal(rest) / 10**9)}s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class DecimalText:
    """A positive decimal number written as a string, such as `cpus: "1.5"`."""

    def problems(self, path: str, value: object) -> list[str]:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                if value == "" or Decimal(str(value)) >= 0:
                    return []
            except InvalidOperation:
                pass
        return [f"{path}: must be a decimal number such as 1.5"]

    def plain(self, value: object) -> str:
        return "" if value is None else str(value)

    def canonical(self, value: object) -> Hashable:
        return Decimal(self.plain(value) or "0").normalize()


@dataclass(frozen=True)
class Capability:
    """A Linux capability. The engine reports `CAP_CHOWN` for `chown`, `CHOWN` and `CAP_CHOWN` alike."""

    def problems(self, path: str, value: object) -> list[str]:
        return Text().problems(path, value)

    def plain(self, value: object) -> str:
        return str(value)

    def canonical(self, value: object) -> Hashable:
        name = self.plain(value).upper()
        return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


@dataclass(frozen=True)
class ListOf:
    """A list whose order counts."""

    item: Value

    def problems(self, path: str, value: object) -> list[str]:
        if not isinstance(value, list | tuple):
            return [f"{path}: must be a list, not {kind_of(value)}"]
        return [problem for at, item in enumerate(value) for problem in _item_problems(self.item, f"{path}[{at}]", item)]

    def plain(self, value: object) -> list[Any]:
        items = value if isinstance(value, list | tuple) else []
        return [item if item is UNKNOWN else self.item.plain(item) for item in items]

    def canonical(self, value: object) -> Hashable:
        return tuple(self.item.canonical(item) for item in self.plain(value))


@dataclass(frozen=True)
class SetOf:
    """A list whose order and repetitions do not count."""

    item: Value

    def problems(self, path: str, value: object) -> list[str]:
        return ListOf(self.item).problems(path, value)

    def plain(self, value: object) -> list[Any]:
        return ListOf(self.item).plain(value)

    def canonical(self, value: object) -> Hashable:
        return frozenset(self.item.canonical(item) for item in self.plain(value))


@dataclass(frozen=True)
class Texts:
    """A map from names to strings; numbers and booleans become strings, as the vendor's plugin makes them."""

    def problems(self, path: str, value: object) -> list[str]:
        if not isinstance(value, Mapping):
            return [f"{path}: must be an object with string values, not {kind_of(value)}"]
        return [
            f"{path}.{name}: must be a string, not {kind_of(item)}"
            for name, item in value.items()
            if item is not UNKNOWN and not isinstance(item, str | bool | int | float)
        ]

    def plain(self, value: object) -> dict[str, Any]:
        items = value if isinstance(value, Mapping) else {}
        return {str(name): item if item is UNKNOWN else _as_text(item) for name, item in items.items() if not str(name).startswith("__")}

    def canonical(self, value: object) -> Hashable:
        return frozenset(self.plain(value).items())


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True)
class Part:
    """One field of a `Record`."""

    kind: Value
    required: bool = False
    default: object = None


@dataclass(frozen=True)
class Record:
    """An object with known fields. Fields that are missing, null or at their zero value are the same thing."""

    parts: Mapping[str, Part] = field(hash=False)

    def problems(self, path: str, value: object) -> list[str]:
        if not isinstance(value, Mapping):
            return [f"{path}: must be an object, not {kind_of(value)}"]
        found: list[str] = []
        for name, item in value.items():
            if str(name).startswith("__") or item is None:
                continue
            part = self.parts.get(str(name))
            if part is None:
                found.append(f"{path}.{name}: no such property; known are {', '.join(self.parts)}")
            else:
                found += _item_problems(part.kind, f"{path}.{name}", item)
        found += [f"{path}.{name}: is missing" for name, part in self.parts.items() if part.required and value.get(name) is None]
        return found

    def plain(self, value: object) -> dict[str, Any]:
        given = value if isinstance(value, Mapping) else {}
        result: dict[str, Any] = {}
        for name, part in self.parts.items():
            item = given.get(name)
            item = part.default if item is None else item
            if item is not None:
                result[name] = item if item is UNKNOWN else part.kind.plain(item)
        return result

    def canonical(self, value: object) -> Hashable:
        plain = self.plain(value)
        return tuple((name, part.kind.canonical(plain.get(name))) for name, part in self.parts.items())


def _item_problems(kind: Value, path: str, item: object) -> list[str]:
    if item is UNKNOWN:
        return []
    if item is None:
        return [f"{path}: must not be empty"]
    return kind.problems(path, item)


@dataclass(frozen=True, eq=False)
class OpenSet:
    """The canonical form of a set of records whose empty fields the engine fills in: an empty field equals any value."""

    entries: tuple[tuple[Hashable, ...], ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OpenSet) or len(self.entries) != len(other.entries):
            return False
        left_over = list(other.entries)
        # The most definite entries first, so that an open one does not take the partner of a definite one.
        for entry in sorted(self.entries, key=_open_fields):
            partners = sorted((partner for partner in left_over if _fits(entry, partner)), key=lambda partner: partner != entry)
            if not partners:
                return False
            left_over.remove(partners[0])
        return True

    def __hash__(self) -> int:
        return hash(len(self.entries))


def _open_fields(entry: tuple[Hashable, ...]) -> int:
    return sum(not field for field in entry)


def _fits(one: tuple[Hashable, ...], other: tuple[Hashable, ...]) -> bool:
    return all(a == b or not a or not b for a, b in zip(one, other, strict=True))
