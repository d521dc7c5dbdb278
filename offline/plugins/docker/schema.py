"""Property tables: what a resource type accepts, what the engine fills in, and what a change means.

A table is the one place that knows a property; checking, defaults, difference and refresh are the functions below over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from offline.plugins.docker.values import OpenSet, Value
from offline.plugins.framework.resource import Change, CheckFailure, DiffResult
from offline.plugins.framework.values import UNKNOWN, Properties, has_unknown


class Effect(Enum):
    """What the engine can do about a changed property."""

    REPLACE = "replace"
    UPDATE = "update"


@dataclass(frozen=True)
class Property:
    """One input property of a resource type."""

    kind: Value
    effect: Effect = Effect.REPLACE
    default: object = None
    """What a missing value means."""
    computed: bool = False
    """A missing value is filled in by the engine, so whatever the state has is right."""
    missing: str = ""
    """What to tell a user who leaves out a required property; empty for an optional one."""
    refused: str = ""
    """Why this plugin does not do it; such a property is only accepted at its default."""


Schema = Mapping[str, Property]

NO_NAME = "is missing: the offline docker plugin makes up no names, so give one"


def check_inputs(schema: Schema, news: Properties) -> tuple[Properties, list[CheckFailure]]:
    """Validate inputs property by property. Returns them without nulls, and what is wrong with them."""
    cleaned: Properties = {}
    failures: list[CheckFailure] = []
    for name, value in news.items():
        if name.startswith("__") or value is None:
            continue
        found = schema.get(name)
        if found is None:
            failures.append(CheckFailure(name, f"no such property; known are {', '.join(schema)}"))
            continue
        failure = _value_failure(name, found, value)
        if failure:
            failures.append(failure)
        cleaned[name] = value
    failures += [CheckFailure(name, found.missing) for name, found in schema.items() if found.missing and name not in cleaned]
    return cleaned, failures


def _value_failure(name: str, found: Property, value: object) -> CheckFailure | None:
    if found.refused:
        at_default = not has_unknown(value) and not found.kind.problems(name, value)
        if at_default and found.kind.canonical(value) == found.kind.canonical(found.default):
            return None
        return CheckFailure(name, f"the offline docker plugin does not support it: {found.refused}")
    problems = [] if value is UNKNOWN else found.kind.problems(name, value)
    return CheckFailure(name, "; ".join(problem.removeprefix(f"{name}: ") for problem in problems)) if problems else None


def settings(schema: Schema, inputs: Properties) -> dict[str, Any]:
    """Inputs as plain Python data with the defaults filled in; what is missing and has no default stays missing."""
    result: dict[str, Any] = {}
    for name, found in schema.items():
        value = inputs.get(name)
        value = found.default if value is None else value
        if value is not None and not found.refused:
            result[name] = value if value is UNKNOWN else found.kind.plain(value)
    return result


def same(found: Property, old: object, new: object) -> bool:
    """Whether two known values of a property mean the same to the engine."""
    return found.kind.canonical(_or_default(found, old)) == found.kind.canonical(_or_default(found, new))


def _or_default(found: Property, value: object) -> object:
    return found.default if value is None else value


def differences(schema: Schema, olds: Properties, old_inputs: Properties, news: Properties) -> dict[str, Change]:
    """The properties in which the state (`olds`: outputs) differs from the inputs `news`.

    A computed property that the program does not set is no difference, unless the program did set it before.
    """
    changes: dict[str, Change] = {}
    for name, found in schema.items():
        if found.refused:
            continue
        old, new = olds.get(name), news.get(name)
        if found.computed and _is_empty(new):
            if not _is_empty(old_inputs.get(name)) and not same(found, old, None):
                changes[name] = Change.DELETE
        elif has_unknown(new) or not same(found, old, new):
            changes[name] = Change.ADD if old is None else Change.DELETE if new is None and found.default is None else Change.UPDATE
    return changes


def _is_empty(value: object) -> bool:
    return value is not UNKNOWN and (value is None or value in ("", [], {}))


def diff_result(
    schema: Schema,
    changes: Mapping[str, Change],
    *,
    old_inputs: Properties,
    news: Properties,
    delete_first: bool,
    also_replaces: Iterable[str] = (),
) -> DiffResult:
    """Turn differences into the answer for the engine: which ones replace, and which ones are drift of the real thing."""
    replaces = frozenset(name for name in changes if name not in schema or schema[name].effect is Effect.REPLACE) | frozenset(also_replaces)
    shown: dict[str, Change] = {}
    drifted: set[str] = set()
    for name, change in changes.items():
        old, new = old_inputs.get(name), news.get(name)
        if name not in schema or (not has_unknown(new) and same(schema[name], old, new)):
            shown[name] = change
            drifted.add(name)
        else:
            shown |= dict.fromkeys(_places(name, old, new), Change.UPDATE) or {name: change}
    return DiffResult(changes=shown, replaces=replaces, delete_before_replace=bool(replaces) and delete_first, drifted=frozenset(drifted))


def _places(path: str, old: object, new: object) -> list[str]:
    """Where two inputs of the same shape differ: `uploads[1].content` tells more than `uploads`. Empty when the shapes differ."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(f"{path}[{at}]", one, other) for at, (one, other) in enumerate(zip(old, new, strict=True))]
    elif isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys() and all(name.isalnum() for name in new):
        pairs = [(f"{path}.{name}", old[name], new[name]) for name in new]
    else:
        return []
    return [place for at, one, other in pairs if has_unknown(other) or one != other for place in _places(at, one, other) or [at]]


def refreshed(schema: Schema, prior: Properties, fresh: Properties) -> Properties:
    """The state after a look at the engine: what the engine says, in the state's own spelling where that means the same.

    `prior` is the state (or, after creation, the settings), `fresh` what the engine says, possibly with outputs outside the table.
    """
    result: Properties = dict(prior)
    for name, value in fresh.items():
        found = schema.get(name)
        if found is not None and name in prior and same(found, prior[name], value) and not _says_more(found, prior[name], value):
            continue
        if found is not None and name not in prior and not found.computed and same(found, None, value):
            continue
        result[name] = value
    return result


def _says_more(found: Property, prior: object, value: object) -> bool:
    """Whether the engine filled in what the state leaves open, such as the number of a published port."""
    old, new = found.kind.canonical(prior), found.kind.canonical(value)
    return isinstance(old, OpenSet) and isinstance(new, OpenSet) and frozenset(old.entries) != frozenset(new.entries)


def refreshed_inputs(schema: Schema, inputs: Properties, outputs: Properties) -> Properties:
    """The inputs that would give `outputs`: as they were, except where the engine's answer means something else."""
    result: Properties = dict(inputs)
    for name, value in inputs.items():
        found = schema.get(name)
        if found is not None and name in outputs and not same(found, value, outputs[name]):
            result[name] = outputs[name]
    return result


def preview_outputs(schema: Schema, inputs: Properties, computed: tuple[str, ...]) -> Properties:
    """Outputs for a preview of a creation: the settings, and UNKNOWN for everything that only the engine can tell."""
    outputs: Properties = dict(settings(schema, inputs))
    for name, found in schema.items():
        if found.computed and _is_empty(outputs.get(name)):
            outputs[name] = UNKNOWN
    return outputs | dict.fromkeys(computed, UNKNOWN)
