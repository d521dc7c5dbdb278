"""Resources that exist nowhere but in the state: generated once, from their inputs, and never looked at again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from .resource import CheckFailure, DiffResult, ResourceError, ResourceKind, changed_inputs
from .values import UNKNOWN, Properties


@dataclass(frozen=True)
class Input:
    """One input of a resource type: its type, its default, and whether a change of it can be taken over in place."""

    type: type
    """`int`, `bool`, `str`, `list` (of strings) or `dict`."""
    required: bool = False
    default: int | bool | str | None = None
    """What counts as given when nothing is; it is written to the outputs, not to the inputs, as the vendor's plugins do."""
    in_place: bool = False
    minimum: int | None = None
    choices: tuple[str, ...] = ()
    """Allowed values, of the input itself or of each item of a list."""


class StateOnlyKind(ResourceKind):
    """A resource type described by its `inputs`; a subclass generates the rest of the outputs."""

    inputs: ClassVar[Mapping[str, Input]]
    computed: ClassVar[frozenset[str]]
    """Outputs that `generate` adds, `id` aside."""
    schema_version: ClassVar[int] = 0
    """The version of the vendor plugin's state that the outputs correspond to; without it the vendor's plugin would migrate them."""

    @abstractmethod
    def generate(self, values: Properties) -> tuple[str, Properties]:
        """Make the resource from its inputs, defaults included; return its id and the computed outputs. Raises ResourceError."""

    def problems(self, values: Properties) -> list[CheckFailure]:
        """Check what concerns several inputs; called with defaults filled in, and only when each input is fine by itself."""
        del values
        return []

    def with_defaults(self, values: Properties) -> Properties:
        """Fill in defaults; what is empty (None, "", [] or {}) counts as not given."""
        filled = {name: tidy for name, value in values.items() if (tidy := _without_empty(value)) is not None}
        return {name: spec.default for name, spec in self.inputs.items() if spec.default is not None} | filled

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        del olds
        failures = [
            CheckFailure(name, f"the offline plugin knows no such input; it has: {', '.join(sorted(self.inputs))}")
            for name in sorted(news.keys() - self.inputs.keys())
        ]
        for name, spec in self.inputs.items():
            if reason := _fault(spec, news.get(name)):
                failures.append(CheckFailure(name, reason))
        return news, failures or self.problems(self.with_defaults(news))

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        del resource_id
        # The outputs have every input with its default, whoever wrote them; inputs of a state written long ago may be incomplete.
        before = {name: olds.get(name, old_inputs.get(name)) for name in self.inputs}
        changes = changed_inputs(self.with_defaults(before), self.with_defaults(news))
        return DiffResult(changes, frozenset(name for name in changes if not self.inputs[name].in_place))

    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        del timeout
        values = self.with_defaults(inputs)
        if preview:
            return "", values | dict.fromkeys(self.computed, UNKNOWN)
        resource_id, computed = self.generate(values)
        return resource_id, self._outputs(values, resource_id, computed)

    def _outputs(self, values: Properties, resource_id: str, computed: Properties) -> Properties:
        outputs = values | computed | {"id": resource_id}
        if self.schema_version:
            outputs["__meta"] = f'{{"schema_version":"{self.schema_version}"}}'
        return outputs

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties] | None:
        if outputs:
            return resource_id, inputs, outputs
        found, known_id, computed = self.adopt(resource_id)
        return known_id, found, self._outputs(self.with_defaults(found), known_id, computed)

    def adopt(self, import_id: str) -> tuple[Properties, str, Properties]:
        """Take in what was made elsewhere, for `pulumi import`: return inputs, id and computed outputs. Raises ResourceError."""
        raise ResourceError(f"{import_id}: a resource of this type cannot be imported with the offline plugin")

    def update(self, resource_id: str, olds: Properties, news: Properties, *, timeout: float, preview: bool) -> Properties:
        del resource_id, timeout, preview
        kept = {name: value for name, value in olds.items() if name not in self.inputs}
        return kept | self.with_defaults(news)

    def delete(self, resource_id: str, outputs: Properties, *, timeout: float) -> None:
        """Do nothing: the engine drops it from the state."""


def _without_empty(value: object) -> object:
    if isinstance(value, dict):
        return {name: tidy for name, item in value.items() if (tidy := _without_empty(item)) is not None} or None
    if isinstance(value, str | list):
        return value or None
    return value


_NAMES: Mapping[type, str] = {int: "a whole number", bool: "true or false", str: "text", list: "a list of texts", dict: "an object"}


def _fault(spec: Input, value: object) -> str | None:
    """Tell what is wrong with one input; None when nothing is, or when it is not known yet."""
    if value is UNKNOWN:
        return None
    if value is None:
        return "is required" if spec.required else None
    if not _is_a(value, spec.type):
        return f"must be {_NAMES[spec.type]}"
    if spec.minimum is not None and isinstance(value, int) and value < spec.minimum:
        return f"must be at least {spec.minimum}, is {value}"
    items = value if isinstance(value, list) else [value]
    if spec.choices and (wrong := [item for item in items if item is not UNKNOWN and item not in spec.choices]):
        return f"{wrong[0]} is not one of: {', '.join(spec.choices)}"
    return None


def _is_a(value: object, expected: type) -> bool:
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if expected is list:
        return isinstance(value, list) and all(isinstance(item, str) or item is UNKNOWN for item in value)
    return isinstance(value, expected)
