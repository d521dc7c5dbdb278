"""Where pulumi keeps a stack's state: wherever the user said, else in this checkout."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Source(StrEnum):
    """Who chose the backend."""

    ENVIRONMENT = "PULUMI_BACKEND_URL"
    LOGIN = "pulumi login"
    LOCAL = "this checkout"


@dataclass(frozen=True)
class Backend:
    """A backend and what pulumi's environment needs for it."""

    source: Source
    url: str
    environment: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        """True for the backend inside this checkout, whose passphrase is ours to make and keep."""
        return self.source is Source.LOCAL


def login_of(environment: Mapping[str, str], home: Path) -> str | None:
    """The backend that `pulumi login` chose, or None. An access token in the environment is a login, too."""
    folder = environment.get("PULUMI_CREDENTIALS_PATH") or environment.get("PULUMI_HOME") or str(home / ".pulumi")
    try:
        content: object = json.loads((Path(folder) / "credentials.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        content = None
    current = content.get("current") if isinstance(content, dict) else None
    if current:
        return str(current)
    return "Pulumi Cloud" if environment.get("PULUMI_ACCESS_TOKEN") else None


def choose(environment: Mapping[str, str], home: Path, state: Path) -> Backend:
    """The backend to use: an explicit URL, then a login, then a folder below `state`."""
    url = environment.get("PULUMI_BACKEND_URL")
    if url:
        return Backend(Source.ENVIRONMENT, url, {})
    login = login_of(environment, home)
    if login:
        return Backend(Source.LOGIN, login, {})
    folder = state / "backend"
    return Backend(Source.LOCAL, f"file://{folder}", {"PULUMI_BACKEND_URL": f"file://{folder}"})


def state_file(state: Path, project: str, stack: str) -> Path:
    """Where the local backend keeps a stack's state."""
    return state / "backend" / ".pulumi" / "stacks" / project / f"{stack}.json"
