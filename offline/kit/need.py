"""Which parts the kit has to provide: decisions only, nothing is done here."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from offline.kit.errors import KitError


class Mode(StrEnum):
    """The environment variable OFFLINE: whether the kit may stand in for the vendor's parts."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class CliDecision:
    """Whether the kit provides CLI, language host and plugins, and why."""

    kit: bool
    why: str


def mode_of(environment: Mapping[str, str]) -> Mode:
    """Reads OFFLINE. Raises KitError for a word that it does not know."""
    word = environment.get("OFFLINE") or Mode.AUTO
    try:
        return Mode(word)
    except ValueError as error:
        raise KitError(f"OFFLINE={word!r} is not known; use {', '.join(Mode)}") from error


def vendor_cli(path: str, own_folders: Sequence[Path]) -> Path | None:
    """The first `pulumi` on PATH that is not the kit's own (inside `own_folders`, links followed)."""
    for folder in path.split(os.pathsep):
        found = Path(folder or ".") / "pulumi"
        if found.is_file() and os.access(found, os.X_OK):
            places = (found.absolute(), found.resolve())
            if not any(place.is_relative_to(own) for place in places for own in own_folders):
                return found.absolute()
    return None


def decide_cli(mode: Mode, vendor: Path | None) -> CliDecision:
    """Whether to provide the CLI and its plugins. Raises KitError when there is none and the kit is not to help."""
    if mode is Mode.ALWAYS:
        return CliDecision(kit=True, why="OFFLINE=always")
    if vendor:
        return CliDecision(kit=False, why=f"`pulumi` found: {vendor}")
    if mode is Mode.NEVER:
        raise KitError("OFFLINE=never, but there is no `pulumi` on PATH: install the Pulumi CLI, or leave OFFLINE unset")
    return CliDecision(kit=True, why="no `pulumi` on PATH")
