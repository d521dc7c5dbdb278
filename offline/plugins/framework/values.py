"""Plain Python values of properties, and the one value that is not plain: a value not known until the update runs."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Properties: TypeAlias = dict[str, Any]
"""Property names (camelCase, as on the wire) to None, bool, int, float, str, list, dict or UNKNOWN."""

Path: TypeAlias = tuple[str | int, ...]
"""Where a value lies: property names and list indexes from the top."""


class Unknown:
    """The type of UNKNOWN: a value that only the update itself will produce."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown property value is neither true nor false: test `is UNKNOWN` first")

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, _memo: object) -> Unknown:
        return self


UNKNOWN: Final = Unknown()
"""Seen in previews only, in inputs as well as in outputs."""


def has_unknown(value: object) -> bool:
    """Tell whether `value` is UNKNOWN or holds it at any depth."""
    if isinstance(value, Unknown):
        return True
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False
