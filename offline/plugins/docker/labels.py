"""What containers, networks and volumes have in common: labels, names, and the bridge's version mark in state."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from offline.plugins.docker.values import Part, Record, SetOf, Text

OBJECT_NAME = Text(
    pattern=r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", form="two or more letters, digits, '_', '.' or '-', beginning with a letter or digit"
)
LABELS = SetOf(Record({"label": Part(Text(), required=True), "value": Part(Text(), required=True)}))


def label_map(labels: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The engine's form (a map) of the label list in properties."""
    return {label["label"]: label["value"] for label in labels}


def label_list(labels: Mapping[str, str] | None) -> list[dict[str, str]]:
    """The label list of properties from the engine's map, sorted by name."""
    return [{"label": name, "value": value} for name, value in sorted((labels or {}).items())]


def version_mark(version: int) -> dict[str, str]:
    """The output in which the vendor's bridge keeps the version of the state's form, so that it never migrates a state of ours."""
    return {"__meta": json.dumps({"schema_version": str(version)})}
