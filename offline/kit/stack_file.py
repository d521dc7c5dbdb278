"""What the kit has to know from a stack file before anything is deployed: which engine, which images.

Full validation comes later, in the program.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offline.kit.engine_api import DEFAULT_HOST, Address
from offline.kit.errors import KitError

PREFIX = "private-registry:"


def locate(repo: Path, stack: str) -> Path:
    """The stack's file. Raises KitError that names the ones that exist, and how to make one."""
    path = repo / f"Pulumi.{stack}.yaml"
    if path.is_file():
        return path
    found = sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in repo.glob("Pulumi.*.yaml"))
    listed = f"there are: {', '.join(found)}" if found else "there is none yet"
    remedy = f"Pick one with STACK=name, or make it: cp Pulumi.dev.yaml Pulumi.{stack}.yaml, then edit it"
    raise KitError(f"no stack file Pulumi.{stack}.yaml ({listed}). {remedy}")


@dataclass(frozen=True)
class Wishes:
    """The settings that matter for preparing a machine. A key of the wrong type counts as not set: the program reports it properly."""

    platform: str = "docker"
    address: Address = field(default_factory=Address)
    images: Mapping[str, str] = field(default_factory=dict)
    """Images that the user has chosen, by role."""
    cache: str = "redis"


def yaml_problem(error: Exception) -> str:
    """What is wrong with a YAML text, and where, in one line."""
    # PyYAML's own message spreads over several lines and calls every text `<unicode string>`.
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def wishes(text: str, environment: Mapping[str, str], name: str = "the stack file") -> Wishes:
    """Reads them from a stack file's text; DOCKER_HOST counts where the file names no engine.

    `name` is the file's, for the message. Raises KitError for text that is no YAML.
    """
    # Only here, and only inside the virtual environment: everything before must work without PyYAML.
    import yaml  # noqa: PLC0415

    try:
        content: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KitError(f"{name} is no valid YAML: {yaml_problem(error)}") from error
    config = _mapping(_mapping(content).get("config"))
    docker = _mapping(config.get(f"{PREFIX}docker"))
    images = _mapping(config.get(f"{PREFIX}images"))
    host = docker.get("host") or environment.get("DOCKER_HOST") or DEFAULT_HOST
    options = docker.get("sshOptions")
    return Wishes(
        platform=str(config.get(f"{PREFIX}platform", "docker")),
        address=Address(str(host), tuple(map(str, options)) if isinstance(options, list) else ()),
        images={role: image for role, image in images.items() if isinstance(image, str)},
        cache=str(config.get(f"{PREFIX}cache", "redis")),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
