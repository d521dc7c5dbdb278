"""What the engine says that it did, from its event log."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

UNCHANGED = ("same", "read", "refresh")


@dataclass(frozen=True)
class Step:
    """One operation on one resource, e.g. `replace` on the container `registry-x-edge`."""

    operation: str
    type: str
    name: str

    @property
    def short_type(self) -> str:
        """The type without its package and module, e.g. `Container`."""
        return self.type.rsplit(":", 1)[1]


def steps_of(log: Path) -> tuple[Step, ...]:
    """All steps of an event log that the engine wrote (`--event-log`), in order."""
    found: list[Step] = []
    for line in log.read_text(encoding="utf-8").splitlines():
        metadata = json.loads(line).get("resourcePreEvent", {}).get("metadata")
        if metadata:
            found.append(Step(metadata["op"], metadata["type"], metadata["urn"].rsplit("::", 1)[1]))
    return tuple(found)


def changes_of(log: Path) -> tuple[Step, ...]:
    """The steps that change something."""
    return tuple(step for step in steps_of(log) if step.operation not in UNCHANGED)


def count(steps: tuple[Step, ...]) -> Counter[str]:
    """How many steps of each operation."""
    return Counter(step.operation for step in steps)
