"""What of pulumi's output a person reads: each resource once, when it is done. The rest is for `ARGS=--verbose`.

Only where the output goes into a file or a pipe: pulumi then prints each row anew at each of its changes. On a terminal it redraws them.
Nothing is dropped but forms of lines that are listed here: errors, warnings, what policies say and what is new in a later pulumi stay.
"""

import re
from dataclasses import dataclass, field

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
# A row of pulumi's display: sign of the operation, type, name, then what happens to it.
_ROW = re.compile(r"^ {1,4}(?P<sign>[-+~><=]{0,2}) +(?P<resource>\S+:\S+:\S+ \S+) ?(?P<status>.*?)\s*$")
_DIFF = r"(\[diff: [^\]]*\])?"
_UNDER_WAY = re.compile(rf"^[a-z]+ing( [a-z]+)? \((?P<seconds>[\d.]+)s\) ?{_DIFF}$")
_PLANNED = re.compile(rf"^(create|update|replace|delete|import|create replacement|delete original) ?{_DIFF}$")
_NOTHING_TO_SAY = ("", "running")
_PACKS = re.compile(r"^Loading policy packs\.\.\.: (starting|done)$")
_PLAN = "Previewing "
_ACTION = ("Updating ", "Destroying ", "Refreshing ")

# Groups of others: they are under way as long as any of those is.
_GROUPS = ("pulumi:pulumi:Stack ", "private-registry:")

PATIENCE_SECONDS = 10.0
"""How long something may be under way before a line says so."""


@dataclass
class Quiet:
    """Decides line by line; holds what is under way and has not been said.

    `plan` says whether the plan is what was asked for. Before an update it is left out: the update names the same resources.
    """

    plan: bool
    _planning: bool = False
    _held: dict[str, tuple[float, str]] = field(default_factory=dict[str, tuple[float, str]])

    def feed(self, line: str, now: float) -> list[str]:
        """The lines to print for one line of pulumi (without its end). `now` is a clock in seconds."""
        text = _COLOR.sub("", line)
        if text.startswith((_PLAN, *_ACTION)):
            self._planning = text.startswith(_PLAN)
        if _PACKS.match(text):
            return []
        row = _ROW.match(text)
        if row is None:
            return [line]
        resource, status = row["resource"], row["status"]
        under_way = _UNDER_WAY.match(status)
        if under_way:
            if not resource.startswith(_GROUPS):
                self._held.setdefault(resource, (now - float(under_way["seconds"]), text.rstrip()))
            return []
        self._held.pop(resource, None)
        left_out = status in _NOTHING_TO_SAY or (self._planning and not self.plan and _PLANNED.match(status))
        return [] if left_out else [line]

    def overdue(self, now: float) -> list[str]:
        """A line for each thing that has been under way for long, once."""
        late = [resource for resource, (since, text) in self._held.items() if text and now - since >= PATIENCE_SECONDS]
        lines: list[str] = []
        for resource in late:
            since, text = self._held[resource]
            lines.append(re.sub(r" \([\d.]+s\)", f" ({now - since:.0f}s so far)", text, count=1))
            self._held[resource] = (since, "")
        return lines

    def rest(self) -> list[str]:
        """What was under way when pulumi ended."""
        return [text for _, text in self._held.values() if text]
