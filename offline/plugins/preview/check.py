"""Checks values against the SDK's types, at any depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum

from offline.plugins.framework import UNKNOWN, CheckFailure, Properties

from .sdk import nearest
from .typing_hints import Field, Hint, fields, is_enum, is_object, item_hint, value_hint, variants


def check_properties(known: Mapping[str, Field], values: Properties, *, strict: bool, path: str = "") -> list[CheckFailure]:
    """Compare an object's properties with those that its class has.

    `strict`: an enum's values are all there are, even where plain text is allowed beside it.
    """
    found = []
    for name, value in values.items():
        if name in known:
            found += check_value(known[name].hint, value, path=f"{path}{name}", strict=strict)
        elif value is not None:
            suggestion = nearest(name, known) or f"; there are: {', '.join(sorted(known)) or 'none'}"
            found.append(CheckFailure(f"{path}{name}", f"no such property{suggestion}"))
    found += [
        CheckFailure(f"{path}{name}", "is required") for name, field in known.items() if not field.optional and values.get(name) is None
    ]
    return found


def check_value(hint: Hint, value: object, *, path: str, strict: bool) -> list[CheckFailure]:
    """Compare one value with a hint; of several types that the hint allows, the one that fits best counts."""
    if value is None or value is UNKNOWN:
        return []
    options = list(variants(hint))
    if strict and any(is_enum(option) for option in options):
        options = [option for option in options if option is not str]
    results: list[list[CheckFailure]] = []
    for option in options:
        failures = list(_against(option, value, path, strict))
        if not failures:
            return []
        results.append(failures)
    # A failure deeper inside says more than "is of another type".
    return max(results, key=lambda failures: (failures[0].property != path, -len(failures)), default=[])


def _against(hint: Hint, value: object, path: str, strict: bool) -> Iterator[CheckFailure]:
    item, mapped = item_hint(hint), value_hint(hint)
    if item is not None:
        if isinstance(value, list):
            for index, one in enumerate(value):
                yield from check_value(item, one, path=f"{path}[{index}]", strict=strict)
        else:
            yield _wrong(path, "a list", value)
    elif mapped is not None or is_object(hint):
        if not isinstance(value, dict):
            yield _wrong(path, "an object", value)
        elif is_object(hint):
            yield from check_properties(fields(hint), value, strict=strict, path=f"{path}.")
        else:
            for key, one in value.items():
                yield from check_value(mapped, one, path=f"{path}.{key}", strict=strict)
    elif is_enum(hint):
        yield from _check_enum(hint, value, path)
    elif hint in _SIMPLE and not _is_simple(hint, value):
        yield _wrong(path, _SIMPLE[hint], value)


_SIMPLE: Mapping[type, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}


def _is_simple(hint: type, value: object) -> bool:
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, int | float) if hint is float else isinstance(value, hint)


def _check_enum(hint: type[Enum], value: object, path: str) -> Iterator[CheckFailure]:
    allowed = [member.value for member in hint]
    if value not in allowed:
        near = nearest(value, [str(one) for one in allowed]) if isinstance(value, str) else ""
        yield CheckFailure(path, f"{value!r} is not one of: {', '.join(map(str, allowed))}{near}")


def _wrong(path: str, wanted: str, value: object) -> CheckFailure:
    named = next((name for kind, name in _SHOWN if isinstance(value, kind)), type(value).__name__)
    return CheckFailure(path, f"must be {wanted}, is {named}")


_SHOWN = ((bool, "true or false"), (int, "a number"), (float, "a number"), (str, "text"), (list, "a list"), (dict, "an object"))
