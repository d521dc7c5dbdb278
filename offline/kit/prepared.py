"""What a preparation decided, written down for whoever runs pulumi afterwards."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from offline.kit.errors import KitError
from offline.kit.files import write_if_changed
from offline.kit.places import STATE


@dataclass(frozen=True)
class Prepared:
    """Whether the kit's CLI and plugins are used, and which kit images this stack runs, by role."""

    kit_cli: bool
    images: dict[str, str] = field(default_factory=dict)


def _path(stack: str) -> Path:
    return STATE / "prepared" / f"{stack}.json"


def save(stack: str, prepared: Prepared) -> None:
    """Writes it down."""
    write_if_changed(_path(stack), json.dumps(asdict(prepared), indent=1) + "\n")


def load(stack: str) -> Prepared:
    """Reads it. Raises KitError when nothing was prepared for this stack."""
    try:
        return Prepared(**json.loads(_path(stack).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise KitError(f"nothing is prepared for stack {stack}: run `python3 -m offline prepare --stack {stack}` first") from error


def images_of(stack: str) -> dict[str, str]:
    """The kit images that were chosen for the stack; none when nothing was prepared yet."""
    return load(stack).images if _path(stack).exists() else {}


def forget(stack: str) -> None:
    """Removes it, for a stack that is gone."""
    _path(stack).unlink(missing_ok=True)
