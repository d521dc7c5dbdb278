"""The stack's outputs as pulumi's event log has them: without the values of secrets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Outputs:
    """The outputs, and whether they differ from those before. A secret is a mapping that says so, and not its value."""

    values: Mapping[str, Any]
    changed: bool


def outputs_of(log: Path) -> Outputs | None:
    """The last outputs of the stack in a log; None where there are none, or no log."""
    found: Outputs | None = None
    if not log.exists():
        return None
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        # Of some hundred long lines these are two.
        if '"resOutputsEvent"' not in line or _STACK not in line:
            continue
        try:
            step = json.loads(line)["resOutputsEvent"]["metadata"]
            new, old = (step.get("new") or {}).get("outputs"), (step.get("old") or {}).get("outputs")
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        if step.get("type") == _STACK and new:
            found = Outputs(new, new != old)
    return found
