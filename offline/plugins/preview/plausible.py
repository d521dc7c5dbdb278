"""Outputs that nobody said anything about: unknown in a preview, plausible by type and name afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offline.plugins.framework import UNKNOWN

from .facts import Seed
from .typing_hints import Hint, fields, is_enum, is_object, item_hint, value_hint, variants

Fill = Callable[[Hint, str], Any]
"""Makes a value of a type for the property of a name."""

_MOMENT = "2024-01-01T00:00:00Z"


def unknown(_hint: Hint, _name: str) -> object:
    """Fill nothing in: only creation can tell."""
    return UNKNOWN


def filler(seed: Seed, text: Callable[[str], str | None]) -> Fill:
    """Make a function that fills in by type; `text` may know what a text property of a name looks like."""

    def fill(hint: Hint, name: str) -> Any:  # noqa: ANN401 - any property value
        option = next(iter(variants(hint)), str)
        if is_object(option):
            return {inner: fill(field.hint, inner) for inner, field in fields(option).items() if not field.optional}
        if is_enum(option):
            return next(iter(option)).value
        if item_hint(option) is not None:
            return []
        if value_hint(option) is not None:
            return {}
        if option in {bool, int, float}:
            return {bool: False, int: 1, float: 1.0}[option]
        return text(name) or text_by_name(name, seed) or f"{name}-{seed.hex(8, name)}"

    return fill


def text_by_name(name: str, seed: Seed) -> str | None:
    """Make up a text property whose name tells what it is; None for any other."""
    lower = name.lower()
    made = {
        ("date", "time", "timestamp", "createdat", "updatedat", "createdon", "updatedon"): _MOMENT,
        ("status", "state"): "available",
        ("uri", "url"): f"https://{seed.hex(8, name)}.preview.invalid/",
        ("dnsname", "domainname", "endpoint", "fqdn", "hostname"): f"{seed.hex(8, name)}.preview.invalid",
        ("ip", "ipaddress"): f"192.0.2.{int(seed.hex(2, name), 16)}",  # addresses for documentation (RFC 5737)
        ("id",): seed.guid(name),
    }
    return next((value for endings, value in made.items() if lower.endswith(endings)), None)


def complete(hint: Hint, value: Any, name: str, fill: Fill) -> Any:  # noqa: ANN401 - any property value
    """Take an input over into the output of its name: what the output's type requires beyond the input's is filled in."""
    if value is None or value is UNKNOWN:
        return value
    options = list(variants(hint))
    if isinstance(value, dict):
        if objects := [option for option in options if is_object(option)]:
            known = fields(max(objects, key=lambda option: len(fields(option).keys() & value.keys())))
            given = {key: complete(known[key].hint, one, key, fill) if key in known else one for key, one in value.items()}
            missing = {key: fill(field.hint, key) for key, field in known.items() if not field.optional and value.get(key) is None}
            return given | missing
        if mapped := [inner for option in options if (inner := value_hint(option)) is not None]:
            return {key: complete(mapped[0], one, key, fill) for key, one in value.items()}
    if isinstance(value, list):
        if items := [inner for option in options if (inner := item_hint(option)) is not None]:
            return [complete(items[0], one, name, fill) for one in value]
        if mapped := [inner for option in options if (inner := value_hint(option)) is not None]:
            # Azure's user-assigned identities: a list of ids goes in, a mapping by id comes out.
            return {key: fill(mapped[0], name) for key in value if isinstance(key, str)}
    return value
