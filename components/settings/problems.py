"""Turns what is wrong with a stack file into lines that a person can act on."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from components.settings.model import Settings

PREFIX = "private-registry"

_RULES = {
    "missing": "is required",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "model_type": "must be a group of keys",
    "model_attributes_type": "must be a group of keys",
    "dict_type": "must be a group of keys",
}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `value` is None where there is none or it must not be shown."""

    key: str
    rule: str
    remedy: str
    value: str | None = None

    def line(self) -> str:
        """The problem as one line of text."""
        shown = f" = {self.value}" if self.value is not None else ""
        return f"{self.key}{shown}: {self.rule}. Fix: {self.remedy}"


class SettingsError(Exception):
    """A stack file that can't be used. Its text has one line a problem."""

    def __init__(self, problems: Iterable[Problem], where: str) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{where} has {count}:", *(f"  {problem.line()}" for problem in self.problems)]))


def model_in(annotation: object) -> type[BaseModel] | None:
    """The model inside an annotation such as `Model`, `Model | None` or `tuple[Model, ...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        found = model_in(inner)
        if found:
            return found
    return None


def _alias(name: str, field: FieldInfo) -> str:
    return field.alias or name


def field_at(location: tuple[int | str, ...]) -> FieldInfo | None:
    """The field that a pydantic error location points to, if it exists."""
    model: type[BaseModel] | None = Settings
    found: FieldInfo | None = None
    for part in location:
        if isinstance(part, int):
            continue
        if model is None:
            return None
        found = next((f for n, f in model.model_fields.items() if part in (n, _alias(n, f))), None)
        if found is None:
            return None
        model = model_in(found.annotation)
    return found


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    if not location:
        return Settings
    field = field_at(location)
    return model_in(field.annotation) if field else None


def is_secret(field: FieldInfo) -> bool:
    """Whether the field holds a secret, possibly an optional one."""

    def holds(annotation: object) -> bool:
        if annotation is SecretStr:
            return True
        return (get_origin(annotation) in (Union, UnionType) or hasattr(annotation, "__metadata__")) and any(
            holds(inner) for inner in get_args(annotation)
        )

    return holds(field.annotation)


def _dotted(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def _shown(value: object) -> str | None:
    """A value for an error message; nothing for whole groups, which may hold secrets."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return value if len(value) <= 60 else f"{value[:57]}..."
    return None


def _set_command(key: str, example: str, *, secret: bool = False) -> str:
    flags = " --secret" if secret else ""
    flags += " --path" if "." in key or "[" in key else ""
    target = f"'{PREFIX}:{key}'" if "[" in key else f"{PREFIX}:{key}"
    return f"pulumi config set{flags} {target} {example}"


def _example(field: FieldInfo | None, detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "greater_than_equal":
            return str(context["ge"])
        case "less_than_equal":
            return str(context["le"])
        case "literal_error" | "enum":
            return str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ", maxsplit=1)[0]
        case _:
            default = None if field is None or field.is_required() else field.default
            return str(default).lower() if isinstance(default, bool) else str(default) if isinstance(default, int | str) else "<value>"


def _unknown_key(detail: ErrorDetails) -> Problem:
    location = detail["loc"]
    key = _dotted(location)
    model = _model_at(location[:-1])
    known = sorted(_alias(name, field) for name, field in model.model_fields.items()) if model else []
    near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.6)
    path = " --path" if len(location) > 1 else ""
    quoted = f"'{PREFIX}:{key}'" if "[" in key else f"{PREFIX}:{key}"
    remove = f"pulumi config rm{path} {quoted}"
    if near:
        better = _dotted((*location[:-1], near[0]))
        return Problem(key, f"unknown key, did you mean {better}?", f"rename it to {better}, or remove it: {remove}")
    return Problem(key, f"unknown key, known here: {', '.join(known)}", f"remove it: {remove}")


def _from_detail(detail: ErrorDetails) -> list[Problem]:
    if detail["type"] == "extra_forbidden":
        return [_unknown_key(detail)]
    # Unions add the name of the branch that was tried; it is no key.
    location = detail["loc"]
    while location and field_at(location) is None and not isinstance(location[-1], int):
        location = location[:-1]
    field = field_at(location)
    key = _dotted(location)
    secret = field is not None and is_secret(field)
    if detail["type"] == "value_error":
        rule = str(detail.get("ctx", {}).get("error", detail["msg"]))
        single = field is not None and model_in(field.annotation) is None
    else:
        rule = _RULES.get(detail["type"], detail["msg"].replace("Input should be", "must be").replace("'", ""))
        single = True
    value = None if secret or detail["type"] == "missing" else _shown(detail["input"])
    if not single:
        # A rule over several keys of a group says in its own words what to change.
        group = key or "this stack"
        return [Problem(group, line, "change the keys that the line names in the stack file") for line in rule.split("\n")]
    example = "< file-or-text-on-standard-input" if secret else _example(field, detail)
    return [Problem(key, rule, _set_command(key, example, secret=secret), value)]


def from_validation(error: ValidationError) -> list[Problem]:
    """All problems that pydantic found, in the order of the keys. No value of a secret is in them."""
    return [problem for detail in error.errors(include_url=False) for problem in _from_detail(detail)]


def plain_secrets(values: Mapping[str, Any], encrypted: frozenset[str]) -> list[Problem]:
    """A problem for each secret setting that stands in the stack file in plain text. `encrypted` names the top keys that hold a secret."""
    found: list[Problem] = []

    def walk(node: object, model: type[BaseModel], location: tuple[int | str, ...]) -> None:
        if isinstance(node, list):
            for index, item in enumerate(node):
                walk(item, model, (*location, index))
            return
        if not isinstance(node, Mapping):
            return
        for name, field in model.model_fields.items():
            alias = _alias(name, field)
            if alias not in node:
                continue
            here = (*location, alias)
            inner = model_in(field.annotation)
            if is_secret(field):
                if here[0] not in encrypted:
                    key = _dotted(here)
                    found.append(
                        Problem(
                            key,
                            "is a secret but stands in the stack file in plain text",
                            f"{_set_command(key, '< file-or-text-on-standard-input', secret=True)}, and treat the old value as leaked",
                        )
                    )
            elif inner:
                walk(node[alias], inner, here)

    walk(values, Settings, ())
    return found
