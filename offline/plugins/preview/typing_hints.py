"""Reads the type hints of generated SDK classes: what a property accepts, and whether it may be left out."""

from __future__ import annotations

import threading
import types
import typing
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, TypeGuard

Hint = Any
"""A type hint as `typing` gives it: a class, a union, a generic alias."""

SDK_LOCK: Final = threading.RLock()
"""To hold while SDK modules load: the SDKs load their parts lazily, with a loader that is not safe to use from several threads at once."""


@dataclass(frozen=True)
class Field:
    """One property of a resource, of arguments, or of a result."""

    hint: Hint
    optional: bool


def forward_names() -> dict[str, Any]:
    """Return the names that `pulumi.Input` refers to from within its own module."""
    import pulumi  # noqa: PLC0415 - a plugin that refuses need not wait for it

    return {"Output": pulumi.Output, "T": typing.TypeVar("T")}


@cache
def fields(cls: type) -> Mapping[str, Field]:
    """List the properties of a generated class by their wire names. Raises NameError for a class with hints that don't resolve."""
    found: dict[str, Field] = {}
    with SDK_LOCK:
        names = forward_names()
        for attribute in vars(cls).values():
            name = getattr(attribute.fget, "_pulumi_name", None) if isinstance(attribute, property) else None
            if name:
                hint = typing.get_type_hints(attribute.fget, localns=names)["return"]
                found[name] = Field(hint, optional=accepts_none(hint))
    return found


def variants(hint: Hint) -> Iterator[Hint]:
    """Yield the plain types that a hint stands for: no unions, no None, no outputs or awaitables of the same, no typed dicts."""
    origin = typing.get_origin(hint)
    if origin in {typing.Union, types.UnionType}:
        for part in typing.get_args(hint):
            if _wrapper(part) is None:
                yield from variants(part)
    elif _wrapper(hint) == "Output":
        yield from variants(typing.get_args(hint)[0])
    elif hint is not type(None) and not typing.is_typeddict(hint):
        yield hint


def accepts_none(hint: Hint) -> bool:
    """Tell whether a property may be left out."""
    if _wrapper(hint) == "Output":
        return accepts_none(typing.get_args(hint)[0])
    return any(part is type(None) for part in typing.get_args(hint))


def _wrapper(hint: Hint) -> str | None:
    origin = typing.get_origin(hint)
    if origin is Awaitable:
        return "Awaitable"
    return "Output" if isinstance(origin, type) and origin.__name__ == "Output" and origin.__module__.startswith("pulumi.") else None


def is_enum(hint: Hint) -> TypeGuard[type[Enum]]:
    return isinstance(hint, type) and issubclass(hint, Enum)


def is_object(hint: Hint) -> TypeGuard[type]:
    """Tell whether a hint is a generated class of arguments or results."""
    return isinstance(hint, type) and (hasattr(hint, "_pulumi_input_type") or hasattr(hint, "_pulumi_output_type"))


def item_hint(hint: Hint) -> Hint | None:
    """Return the type of a list's items; None when the hint is no list."""
    if typing.get_origin(hint) in {Sequence, list}:
        return typing.get_args(hint)[0]
    return None


def value_hint(hint: Hint) -> Hint | None:
    """Return the type of a mapping's values; None when the hint is no mapping."""
    if typing.get_origin(hint) in {Mapping, dict}:
        return typing.get_args(hint)[1]
    return None
