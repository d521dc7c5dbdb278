"""What pulumi says that it would do, read from its event log (`--event-log`).

The log and not `preview --json`, which leaves out everything about policies. Property values are never read: names of properties say
what changes, and values may be secrets. The form of the events: pulumi's sdk/go/common/apitype/events.go.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_COLOR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")
_UNCHANGED = frozenset({"same", "read", "refresh", "discard", "discard-replaced", "read-discard"})
# Parts of a replacement that pulumi shows beside the `replace` itself.
_PARTS = frozenset({"create-replacement", "delete-replaced"})
# The engine kit's plugins are on PATH on purpose, and pulumi warns of each.
_KIT_NOTICE = re.compile(r"using pulumi-\S+ from \$PATH at ")
_SEVERITIES = frozenset({"error", "warning"})


@dataclass(frozen=True)
class Change:
    """One resource that would change, or that has changed outside pulumi."""

    operation: str
    type: str
    name: str
    properties: tuple[str, ...] = ()


@dataclass(frozen=True)
class Violation:
    """What one policy says about one resource, or about the whole stack (`resource` empty)."""

    policy: str
    level: str
    resource: str
    message: str


@dataclass(frozen=True)
class Message:
    """A line of pulumi's diagnostics. `severity`: error or warning."""

    severity: str
    resource: str
    text: str


@dataclass(frozen=True)
class Report:
    """Everything about one preview that people want to read."""

    changes: tuple[Change, ...] = ()
    outside: tuple[Change, ...] = ()
    """What a refresh found different from the state: changed behind pulumi's back."""
    violations: tuple[Violation, ...] = ()
    messages: tuple[Message, ...] = ()
    packs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Policy packs that ran, with their versions."""
    unchanged: int = 0
    finished: bool = False
    """Whether pulumi came to its summary."""


def plain(text: str) -> str:
    """Text without pulumi's colour marks and terminal codes."""
    return _COLOR.sub("", text).strip()


def read(log: Path) -> Report:
    """Reads a whole log. A missing file is an empty report: pulumi ended before its first event."""
    return build(_lines(log)) if log.exists() else Report()


def _lines(log: Path) -> Iterator[Mapping[str, object]]:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event: object = json.loads(line)
        except ValueError:
            # The last line of a pulumi that was killed.
            continue
        if isinstance(event, dict):
            yield event


def build(events: Iterator[Mapping[str, object]]) -> Report:
    """Makes the report of a log's events. Unknown events are passed over: a newer pulumi may have more of them."""
    changes: dict[str, Change] = {}
    outside: dict[str, Change] = {}
    violations: dict[Violation, None] = {}
    messages: dict[Message, None] = {}
    packs: dict[str, str] = {}
    unchanged, finished = 0, False
    for event in events:
        before = _mapping(_mapping(event.get("resourcePreEvent")).get("metadata"))
        after = _mapping(_mapping(event.get("resOutputsEvent")).get("metadata"))
        if before:
            _note_step(before, changes)
        if _text(after, "op") == "refresh":
            _note_found(after, outside)
        policy = _mapping(event.get("policyEvent"))
        if policy:
            violations[_violation(policy)] = None
        diagnostic = _mapping(event.get("diagnosticEvent"))
        if _text(diagnostic, "severity") in _SEVERITIES and not diagnostic.get("ephemeral"):
            text = plain(_text(diagnostic, "message"))
            if text and not _KIT_NOTICE.match(text):
                messages[Message(_text(diagnostic, "severity"), _resource(_text(diagnostic, "urn")), text)] = None
        summary = _mapping(event.get("summaryEvent"))
        if summary:
            finished = True
            # pulumi writes this one key with a capital letter.
            packs = {name: str(version) for name, version in _mapping(summary.get("PolicyPacks")).items()}
            same = _mapping(summary.get("resourceChanges")).get("same")
            unchanged = same if isinstance(same, int) else 0
    return Report(tuple(changes.values()), tuple(outside.values()), tuple(violations), tuple(messages), packs, unchanged, finished)


def _note_step(step: Mapping[str, object], found: dict[str, Change]) -> None:
    operation, urn = _text(step, "op"), _text(step, "urn")
    if not urn or operation in _UNCHANGED or operation in _PARTS:
        return
    if _text(step, "type").startswith("pulumi:providers:") and _name(urn).startswith("default"):
        # Made by pulumi itself, and left out of its own count.
        return
    found[urn] = Change(operation, _text(step, "type"), _name(urn), _properties(step))


def _note_found(look: Mapping[str, object], found: dict[str, Change]) -> None:
    """A refresh stays a refresh in the log: what it came to shows in what is there afterwards, and in what differs."""
    urn, properties = _text(look, "urn"), _properties(look)
    if look.get("new") is None:
        found[urn] = Change("deleted", _text(look, "type"), _name(urn))
    elif properties:
        found[urn] = Change("changed", _text(look, "type"), _name(urn), properties)


def _properties(step: Mapping[str, object]) -> tuple[str, ...]:
    """The names of the properties that differ."""
    detailed, diffs = _mapping(step.get("detailedDiff")), step.get("diffs")
    return tuple(sorted(detailed or (map(str, diffs) if isinstance(diffs, list) else ())))


def _violation(policy: Mapping[str, object]) -> Violation:
    resource, message = _resource(_text(policy, "resourceUrn")), plain(_text(policy, "message"))
    return Violation(_text(policy, "policyName"), _text(policy, "enforcementLevel"), resource, message)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _resource(urn: str) -> str:
    """A resource as `type name`; empty for the stack itself."""
    parts = urn.split("::")
    if len(parts) < 4 or parts[2].endswith("pulumi:pulumi:Stack"):
        return ""
    return f"{parts[2].rpartition('$')[2]} {_name(urn)}"


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(values: Mapping[str, object], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""
