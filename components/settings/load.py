"""Reads the settings from pulumi. The only place that does."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic import ValidationError

from components.settings.model import RESOURCE_PREFIX_RULE, Platform, Settings, is_resource_prefix
from components.settings.problems import PREFIX, Problem, SettingsError, from_validation, plain_secrets


def parse(values: Mapping[str, Any], encrypted: frozenset[str], where: str) -> Settings:
    """The settings in `values`.

    `encrypted` names the top keys that the stack file holds encrypted, in whole or in part.
    Raises SettingsError with every problem at once.
    """
    problems: list[Problem] = plain_secrets(values, encrypted)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError([*from_validation(error), *problems], where) from None
    if problems:
        raise SettingsError(problems, where)
    return settings


def _structured(text: str) -> object:
    """A config value as pulumi hands it over: structured ones as JSON, everything else as text."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def prefix_of(settings: Settings, stack: str) -> str:
    """The prefix of everything the stack creates.

    Raises pulumi.RunError where the stack's own name makes one that a cloud would refuse halfway through. Docker takes each.
    """
    if settings.name:
        return settings.name
    default = f"registry-{stack}"
    if settings.platform is not Platform.DOCKER and not is_resource_prefix(default):
        problem = Problem(
            "name",
            f"the default, registry-<stack>, {RESOURCE_PREFIX_RULE}",
            f"pulumi config set {PREFIX}:name <name>",
            default,
        )
        raise pulumi.RunError(str(SettingsError([problem], f"Pulumi.{stack}.yaml")))
    return default


def load() -> Settings:
    """The settings of the stack that is being deployed.

    Raises pulumi.RunError, which prints as plain lines without a traceback.
    """
    # pulumi.Config reads keys by name; only the underlying table can tell that there is a key which nobody asks for.
    table: Mapping[str, str] = pulumi.runtime.config.CONFIG.get()
    own = {key.split(":", 1)[1]: text for key, text in table.items() if key.split(":", 1)[0] == PREFIX}
    encrypted = frozenset(key for key in own if pulumi.runtime.is_config_secret(f"{PREFIX}:{key}"))
    values = {key: _structured(text) for key, text in own.items()}
    try:
        return parse(values, encrypted, f"Pulumi.{pulumi.get_stack()}.yaml")
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None
