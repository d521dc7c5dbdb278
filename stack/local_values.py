"""Settings that belong to this machine and not into the tracked stack file: where its local servers are, and their passwords."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from offline.kit.errors import KitError
from offline.kit.files import write_if_changed


@dataclass(frozen=True)
class LocalValues:
    """Settings by `group.key`. They fill what the stack file leaves open."""

    plain: Mapping[str, str] = field(default_factory=dict[str, str])
    secret: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


def _path(state: Path, stack: str) -> Path:
    return state / "local" / f"{stack}.json"


def load(state: Path, stack: str) -> LocalValues:
    """Reads them; none when there is no file. Raises KitError for a file that is not ours."""
    path = _path(state, stack)
    try:
        return LocalValues(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return LocalValues()
    except (ValueError, TypeError) as error:
        raise KitError(f"{path} cannot be read: remove it, then run again what made it (make s3-server)") from error


def save(state: Path, stack: str, values: LocalValues) -> None:
    """Writes them so that only this user can read them."""
    write_if_changed(_path(state, stack), json.dumps(asdict(values), indent=1) + "\n", mode=0o600)


def forget(state: Path, stack: str) -> None:
    """Removes them."""
    _path(state, stack).unlink(missing_ok=True)
