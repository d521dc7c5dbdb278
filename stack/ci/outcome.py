"""What one preview or drift check came to, as a file that travels from the job that ran it to the job that reports it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from offline.kit.errors import KitError
from offline.kit.files import write_whole
from stack.ci.affected import check_name

_LARGEST_BYTES = 1_000_000
"""No report is as large: a file that is was not written here."""


class Kind(StrEnum):
    """What was run."""

    PREVIEW = "preview"
    DRIFT = "drift"


class State(StrEnum):
    """How it ended."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    """A preview with changes, or a stack that has drifted."""
    FAILED = "failed"
    NOT_DEPLOYED = "not deployed"


@dataclass(frozen=True)
class Outcome:
    """`markdown` is ready to be posted: masked and short enough."""

    kind: Kind
    stack: str
    state: State
    markdown: str


def save(folder: Path, outcome: Outcome) -> Path:
    """Writes the outcome, and its text beside it for people. Returns the text's file."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{outcome.kind}-{outcome.stack}"
    write_whole(folder / f"{name}.json", json.dumps(asdict(outcome)) + "\n")
    text = folder / f"{name}.md"
    write_whole(text, outcome.markdown)
    return text


def load_all(folder: Path, kind: Kind) -> tuple[Outcome, ...]:
    """The outcomes of one kind in a folder and the folders in it, sorted by stack. Raises KitError for a file that is no outcome."""
    return tuple(sorted((_load(file, kind) for file in folder.rglob(f"{kind}-*.json")), key=lambda outcome: outcome.stack))


def _load(file: Path, kind: Kind) -> Outcome:
    if file.stat().st_size > _LARGEST_BYTES:
        raise KitError(f"{file.name} is larger than any report: {file.stat().st_size} bytes")
    try:
        # Whatever has none of these keys ends in one of the errors below.
        content: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
        outcome = Outcome(
            Kind(str(content["kind"])), check_name(str(content["stack"])), State(str(content["state"])), str(content["markdown"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise KitError(f"{file.name} is no report of a preview: {error}") from error
    if outcome.kind is not kind or file.stem != f"{kind}-{outcome.stack}":
        raise KitError(f"{file.name} holds the report of another stack")
    return outcome


def missing(expected: Sequence[str], outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The stacks without an outcome: their jobs ended before they could write one."""
    there = {outcome.stack for outcome in outcomes}
    return tuple(stack for stack in expected if stack not in there)
