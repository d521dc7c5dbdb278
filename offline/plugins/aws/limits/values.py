"""Limits on single values: where a value lies, and what is wrong with it. Unset and not yet known values are in order."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from offline.plugins.framework import UNKNOWN, CheckFailure, Properties

Fault: TypeAlias = Callable[[object], str | None]
"""Tells what is wrong with a value; None when nothing is. Says nothing of the value itself where that may be a secret."""

Limits: TypeAlias = Mapping[str, Fault]
"""Path to fault: `healthCheck.interval`, `defaultActions[].type`."""


def check(limits: Limits, inputs: Properties) -> Iterator[CheckFailure]:
    """Check a resource's inputs against its limits."""
    for path, fault in limits.items():
        for place, value in _values(inputs, path.split(".")):
            if reason := fault(value):
                yield CheckFailure(place, reason)


def _values(value: object, parts: list[str], place: str = "") -> Iterator[tuple[str, object]]:
    if value is None or value is UNKNOWN:
        return
    if not parts:
        yield place, value
        return
    name = parts[0].removesuffix("[]")
    found = value.get(name) if isinstance(value, dict) else None
    inner = f"{place}.{name}" if place else name
    if not parts[0].endswith("[]"):
        yield from _values(found, parts[1:], inner)
    elif isinstance(found, list):
        for index, item in enumerate(found):
            yield from _values(item, parts[1:], f"{inner}[{index}]")


def between(least: int, most: int, *others: int) -> Fault:
    """A number in a closed range, or one of a few others."""
    beside = "".join(f" or {other}" for other in others)

    def fault(value: object) -> str | None:
        number = _number(value)
        if number is None or least <= number <= most or number in others:
            return None
        return f"{number:g} is not between {least} and {most}{beside}"

    return fault


def at_least(least: int) -> Fault:
    def fault(value: object) -> str | None:
        number = _number(value)
        return None if number is None or number >= least else f"{number:g} is less than {least}"

    return fault


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    return value if isinstance(value, int | float) else None


def one_of(*allowed: str) -> Fault:
    def fault(value: object) -> str | None:
        return None if not isinstance(value, str) or value in allowed else f"{value!r} is not one of: {', '.join(allowed)}"

    return fault


FLAG: Fault = one_of("true", "false", "")
"""Text that stands for a boolean; empty for neither."""


def written(pattern: str, rule: str, *, least: int = 1, most: int = 255) -> Fault:
    """Text of some length that a pattern matches as a whole; `rule` says so in words."""
    compiled = re.compile(pattern)

    def fault(value: object) -> str | None:
        if not isinstance(value, str):
            return None
        if not least <= len(value) <= most:
            return f"has {len(value)} characters: {least} to {most} are allowed"
        return None if compiled.fullmatch(value) else rule

    return fault


def at_most(items: int) -> Fault:
    """A list that is not longer than this."""

    def fault(value: object) -> str | None:
        return f"has {len(value)} items, at most {items} are allowed" if isinstance(value, list) and len(value) > items else None

    return fault


def network(least: int = 0, most: int = 128, *, version: int | None = None) -> Fault:
    """A CIDR whose address is the network's own, with a prefix of a length between these."""

    def fault(value: object) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            found = ipaddress.ip_network(value, strict=False)
        except ValueError:
            return f"{value!r} is no CIDR such as 10.0.0.0/16"
        if "/" not in value or str(ipaddress.ip_interface(value).ip) != str(found.network_address):
            return f"{value!r} is no network: the address of {found} is {found.network_address}"
        if version and found.version != version:
            return f"{value!r} is IPv{found.version}, IPv{version} is wanted"
        return None if least <= found.prefixlen <= most else f"{value!r}: the prefix has to be /{least} to /{most}"

    return fault


def everything(*faults: Fault) -> Fault:
    """All of several limits; the first that is not kept is told."""
    return lambda value: next((reason for fault in faults if (reason := fault(value))), None)


PORT: Fault = between(1, 65535)
