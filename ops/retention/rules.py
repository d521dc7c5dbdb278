"""Retention rules as they are set, checked.

A rule says what to keep. An image goes only when some rule is for its repository and none of these keeps it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from ops.errors import USAGE, OpsError
from ops.retention import durations

_KEYS = {"repositories", "keepLast", "keepWithin", "keepTags", "protect"}


@dataclass(frozen=True)
class Rule:
    """One rule. `keep_within` is in seconds; `number` is its place in the settings, from 1, for the reasons."""

    number: int
    repositories: tuple[str, ...]
    keep_last: int | None = None
    keep_within: int | None = None
    keep_tags: re.Pattern[str] | None = None
    protect: bool = False

    def matches(self, repository: str) -> bool:
        """Whether the rule is for this repository."""
        return any(_pattern(pattern).fullmatch(repository) for pattern in self.repositories)


def _pattern(text: str) -> re.Pattern[str]:
    """A repository pattern: `*` stands for anything within one path segment, `**` also for slashes; the rest for itself."""
    pieces = re.split(r"(\*\*|\*)", text)
    known = {"*": "[^/]*", "**": ".*"}
    return re.compile("".join(known.get(piece, re.escape(piece)) for piece in pieces))


def _patterns(value: object, where: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(entry, str) and entry for entry in cast(list[object], values)):
        raise OpsError(f"{where}.repositories must be a pattern or a list of patterns", USAGE)
    return tuple(cast(list[str], values))


def _rule(number: int, value: Mapping[str, object]) -> Rule:
    where = f"retention rule {number}"
    if not isinstance(value, Mapping):
        raise OpsError(f"{where} must be an object", USAGE)
    unknown = set(value) - _KEYS
    if unknown:
        raise OpsError(f"{where}: unknown keys {', '.join(sorted(unknown))}", USAGE)
    last, within, tags, protect = value.get("keepLast"), value.get("keepWithin"), value.get("keepTags"), value.get("protect", False)
    if last is not None and (not isinstance(last, int) or isinstance(last, bool) or last < 1):
        raise OpsError(f"{where}.keepLast must be a whole number from 1, not {last!r}", USAGE)
    if within is not None and not isinstance(within, str):
        raise OpsError(f"{where}.keepWithin must be a text such as 30d, not {within!r}", USAGE)
    if not isinstance(protect, bool):
        raise OpsError(f"{where}.protect must be true or false, not {protect!r}", USAGE)
    if tags is not None and not isinstance(tags, str):
        raise OpsError(f"{where}.keepTags must be a regular expression, not {tags!r}", USAGE)
    try:
        pattern = None if tags is None else re.compile(tags)
    except re.error as error:
        raise OpsError(f"{where}.keepTags is no regular expression: {error}", USAGE) from error
    # A rule that keeps nothing would empty its repositories: surely a mistake.
    if last is None and within is None and pattern is None and not protect:
        raise OpsError(f"{where} keeps nothing: set keepLast, keepWithin, keepTags or protect", USAGE)
    return Rule(
        number,
        _patterns(value.get("repositories"), where),
        last,
        None if within is None else durations.seconds(within, f"{where}.keepWithin"),
        pattern,
        protect,
    )


def parse(values: Sequence[Mapping[str, object]]) -> tuple[Rule, ...]:
    """Checks the rules of the settings. Raises OpsError that says which is wrong."""
    return tuple(_rule(number, value) for number, value in enumerate(values, 1))


def matching(rules: Sequence[Rule], repository: str) -> tuple[Rule, ...]:
    """The rules that are for this repository."""
    return tuple(rule for rule in rules if rule.matches(repository))


def protects(rules: Sequence[Rule], repository: str) -> bool:
    """Whether a rule keeps everything of this repository: with tags or without."""
    return any(rule.protect for rule in matching(rules, repository))
