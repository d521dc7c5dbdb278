"""The configuration reference, generated from the models: docs/config.md and the `config` block of Pulumi.yaml.

`python -m components.settings.reference` writes both; a test fails when they differ from what the models say.
"""

import inspect
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Literal, get_args, get_origin

import yaml
from annotated_types import Ge, Le
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from components.settings.model import Settings
from components.settings.problems import PREFIX, is_secret, model_in

CONFIG_DOC = Path("docs/config.md")
PROJECT_FILE = Path("Pulumi.yaml")

_HEAD = f"""\
# Configuration

Generated from `components/settings/model.py` by `python -m components.settings.reference`; a test keeps it true.

Every key stands in the stack file under the prefix `{PREFIX}:`, for example `{PREFIX}:port: 443`. Keys with a dot belong to a group:

```yaml
config:
  {PREFIX}:hostname: registry.example.com
  {PREFIX}:tls:
    extraNames: [registry.internal]
```

Secrets are set with `pulumi config set --secret --path '{PREFIX}:tls.privateKey' < key.pem`; in plain text they are refused.
All problems of a stack file are reported at once, before anything is changed.
"""

_PROJECT_HEAD = """\
# The config block is generated from components/settings/model.py by `python -m components.settings.reference`.
# It has the keys that are plain values with a default: pulumi can declare neither groups of keys nor an optional key without a default.
# Types are checked by the program, which reports all problems at once (docs/decisions/0004-config-schema.md).
"""


_WORDS: dict[type, str] = {str: "text", int: "number", bool: "true or false", SecretStr: "secret text"}


def _kind(annotation: object) -> str:
    origin = get_origin(annotation)
    arguments = get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return f"list of {_kind(arguments[0])}"
    if arguments:
        # Annotated[X, ...] and X | None say of a value what X says.
        return _kind(next(inner for inner in arguments if inner is not NoneType))
    if not isinstance(annotation, type):
        raise TypeError(f"the reference has no word for {annotation}")
    if issubclass(annotation, StrEnum):
        return ", ".join(f"`{member.value}`" for member in annotation)
    return "group" if issubclass(annotation, BaseModel) else _WORDS[annotation]


def _range(field: FieldInfo) -> str:
    low = next((item.ge for item in field.metadata if isinstance(item, Ge)), None)
    high = next((item.le for item in field.metadata if isinstance(item, Le)), None)
    if low is None and high is None:
        return ""
    return f" {low}-{high}" if high is not None else f" from {low}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == ():
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{getattr(item, 'name', item)}`" for item in value)
    return f"`{value}`"


def _rows(model: type[BaseModel], prefix: str) -> list[str]:
    rows: list[str] = []
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = model_in(field.annotation)
        is_list = "tuple" in str(field.annotation)
        if inner and not is_list:
            continue
        rows.append(f"| `{key}` | {_kind(field.annotation)}{_range(field)} | {_default(field)} | {field.description} |")
        if inner:
            rows += _rows(inner, f"{key}[].")
    return rows


_TABLE = "| key | value | default | meaning |\n|---|---|---|---|\n"


def config_markdown() -> str:
    """docs/config.md: a table for the plain keys, and one a group."""
    parts = [_HEAD, f"\n## The stack\n\n{_TABLE}" + "\n".join(_rows(Settings, "")) + "\n"]
    for name, field in Settings.model_fields.items():
        inner = model_in(field.annotation)
        if inner:
            key = field.alias or name
            about = inspect.getdoc(inner) or ""
            parts.append(f"\n## `{key}`\n\n{about}\n\n{_TABLE}" + "\n".join(_rows(inner, f"{key}.")) + "\n")
    return "".join(parts)


def project_config() -> dict[str, dict[str, object]]:
    """The `config` block of Pulumi.yaml."""
    block: dict[str, dict[str, object]] = {}
    for name, field in Settings.model_fields.items():
        if field.is_required() or model_in(field.annotation) or is_secret(field):
            continue
        default = field.get_default(call_default_factory=True, validated_data={})
        if default is not None:
            plain = default.value if isinstance(default, StrEnum) else default
            block[f"{PREFIX}:{field.alias or name}"] = {"description": field.description, "default": plain}
    return block


def project_yaml() -> str:
    """Pulumi.yaml."""
    project = {
        "name": PREFIX,
        "description": "A private container registry with TLS, accounts and safe storage",
        "runtime": {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}},
        "config": project_config(),
    }
    return _PROJECT_HEAD + yaml.safe_dump(project, sort_keys=False, width=160)


def main() -> None:
    """Writes both files."""
    CONFIG_DOC.write_text(config_markdown())
    PROJECT_FILE.write_text(project_yaml())


if __name__ == "__main__":
    main()
