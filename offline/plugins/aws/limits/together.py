"""Limits on how inputs go together. A value that is not known yet counts as given, and is compared with nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from offline.plugins.framework import UNKNOWN, CheckFailure, Properties

Together: TypeAlias = Callable[[Properties], Iterable[CheckFailure]]


def given(inputs: Properties, *names: str) -> list[str]:
    """Those of the inputs that are set, be it to a value that is not known yet. An empty list is not."""
    return [name for name in names if inputs.get(name) is not None and inputs.get(name) != []]


def exactly_one(*names: str) -> Together:
    def check(inputs: Properties) -> Iterator[CheckFailure]:
        found = given(inputs, *names)
        if len(found) != 1:
            what = f"are given together: {', '.join(found)}" if found else "is given none"
            yield CheckFailure(found[1] if len(found) > 1 else names[0], f"exactly one of {', '.join(names)} is wanted; there {what}")

    return check


def not_both(one: str, *others: str) -> Together:
    def check(inputs: Properties) -> Iterator[CheckFailure]:
        if given(inputs, one):
            for other in given(inputs, *others):
                yield CheckFailure(other, f"cannot be given together with {one}")

    return check


def needs(one: str, *others: str) -> Together:
    """Whoever gives the first has to give the others too."""

    def check(inputs: Properties) -> Iterator[CheckFailure]:
        if given(inputs, one):
            for other in others:
                if not given(inputs, other):
                    yield CheckFailure(one, f"needs {other} too")

    return check


def is_true(inputs: Properties, name: str) -> bool:
    """Whether an input is true, or not known yet."""
    value = inputs.get(name)
    return value is UNKNOWN or value is True or value == "true"


def text(inputs: Properties, name: str) -> str | None:
    """A known text; None when it is unset or not known yet."""
    value = inputs.get(name)
    return value if isinstance(value, str) else None


def number(inputs: Properties, name: str) -> float | None:
    """A known number; None when it is unset or not known yet."""
    value = inputs.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
