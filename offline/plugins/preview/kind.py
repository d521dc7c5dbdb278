"""One resource that is previewed: a resource type of the SDK and a URN."""

from __future__ import annotations

from importlib.metadata import version

from offline.plugins.framework import (
    UNKNOWN,
    CheckFailure,
    DiffResult,
    Properties,
    ResourceKind,
    changed_inputs,
    has_unknown,
)

from .check import check_properties
from .facts import Facts, Seed, seed_of, urn_name
from .permission import require_test
from .plausible import Fill, complete, filler, text_by_name, unknown
from .sdk import Shape
from .typing_hints import is_object, variants
from .vendor import Vendor


class PreviewKind(ResourceKind):
    """Checks and pretends; nothing is created, changed or deleted anywhere but in the state."""

    def __init__(self, vendor: Vendor, shape: Shape, urn: str) -> None:
        self._vendor = vendor
        self._shape = shape
        self._urn = urn
        self._replaces = vendor.replaces(shape)

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        given = {name: value for name, value in news.items() if value is not None}
        inputs = self._vendor.defaults(self._shape) | given
        naming = self._vendor.naming_property(self._shape)
        if naming and naming not in inputs:
            inputs[naming] = olds.get(naming) or self._automatic_name()
        if inputs == given:
            inputs = news
        failures = check_properties(self._shape.inputs, inputs, strict=self._vendor.strict_enums)
        return inputs, failures or self._vendor.problems(self._shape, inputs)

    def _automatic_name(self) -> str:
        return self._vendor.automatic_name(self._shape, urn_name(self._urn), Seed(self._urn))

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        changes = changed_inputs(old_inputs, news)
        self._vendor.remember(self._shape, resource_id, old_inputs)
        replaces = (self._replaces | self._vendor.replaces_change(self._shape, old_inputs, news)) & changes.keys()
        naming = self._vendor.naming_property(self._shape)
        fixed = naming is not None and naming not in changes and news.get(naming) != self._automatic_name()
        return DiffResult(changes, replaces, delete_before_replace=fixed or self._vendor.deletes_first(self._shape))

    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        if preview:
            return "", self._unmade(inputs) | {"id": UNKNOWN}
        self._only_pretends()
        facts = self._facts(inputs)
        resource_id = self._vendor.identify(facts)
        self._vendor.remember(self._shape, resource_id, inputs)
        return resource_id, self._made(facts, resource_id)

    def update(self, resource_id: str, olds: Properties, news: Properties, *, timeout: float, preview: bool) -> Properties:
        if not preview:
            self._only_pretends()
        self._vendor.remember(self._shape, resource_id, news)
        if has_unknown(news):
            outputs = self._unmade(news) | self._kept(olds, news) | self._derived(news)
        else:
            outputs = self._made(self._facts(news, resource_id), resource_id)
        changed = frozenset(name for name in self._shape.inputs if has_unknown(outputs.get(name)) or outputs.get(name) != olds.get(name))
        revised = self._vendor.revised(self._shape, changed, olds, news, preview=preview)
        return outputs | {name: value for name, value in revised.items() if name in self._shape.outputs}

    def _kept(self, olds: Properties, news: Properties) -> Properties:
        """Return the outputs that the cloud made up at creation: they stay, also those with the name of an input that is not given."""
        shape = self._shape
        own = {name for name, field in shape.outputs.items() if name not in shape.inputs or not field.optional}
        return {name: value for name, value in olds.items() if name == "id" or (name in own and news.get(name) is None)}

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties]:
        required = {name for name, field in self._shape.outputs.items() if not field.optional}
        if inputs or (outputs and required <= outputs.keys()):
            return resource_id, inputs, outputs
        adopted = self._vendor.defaults(self._shape) | self._vendor.adopt(self._shape, resource_id)
        adopted |= {name: value for name, value in outputs.items() if name in self._shape.inputs and value is not None}
        facts = self._facts(adopted, resource_id)
        fill = self._filler(facts, resource_id)
        adopted |= {
            name: fill(field.hint, name) for name, field in self._shape.inputs.items() if not field.optional and name not in adopted
        }
        return resource_id, adopted, self._made(self._facts(adopted, resource_id), resource_id) | outputs

    def delete(self, resource_id: str, outputs: Properties, *, timeout: float) -> None:
        """Do nothing: the engine drops it from the state."""
        self._only_pretends()

    def _only_pretends(self) -> None:
        sdk = self._vendor.sdk
        require_test(sdk.package, version(sdk.distribution))

    def _facts(self, inputs: Properties, known_id: str = "") -> Facts:
        return Facts(self._shape, inputs, seed_of(self._urn, inputs, self._replaces), self._vendor.settings, known_id)

    def _filler(self, facts: Facts, resource_id: str) -> Fill:
        return filler(facts.seed, lambda name: self._vendor.text_output(facts, resource_id, name))

    def _made(self, facts: Facts, resource_id: str) -> Properties:
        """Return the outputs of a resource that pretends to exist."""
        fill = self._filler(facts, resource_id)
        outputs = self._outputs(facts.inputs, fill)
        for name, field in self._shape.outputs.items():
            if name in outputs or field.optional:
                continue
            if name not in self._shape.inputs:
                outputs[name] = fill(field.hint, name)
            elif not any(is_object(option) for option in variants(field.hint)):
                # An input that the cloud has a default for; most texts among them are empty.
                outputs[name] = fill(field.hint, name) if str not in variants(field.hint) else self._default_text(facts, resource_id, name)
        computed = self._vendor.computed(facts, resource_id)
        outputs |= {name: value for name, value in computed.items() if name in self._shape.outputs}
        outputs = {name: value for name, value in outputs.items() if value is not None}
        return outputs | self._derived(facts.inputs) | {"id": resource_id}

    def _default_text(self, facts: Facts, resource_id: str, name: str) -> str:
        return self._vendor.text_output(facts, resource_id, name) or text_by_name(name, facts.seed) or ""

    def _unmade(self, inputs: Properties) -> Properties:
        """Return the outputs of a resource that does not exist yet."""
        outputs = self._outputs(inputs, unknown)
        for name, field in self._shape.outputs.items():
            # Without an input, or with one that the cloud has a default for, only the cloud can tell.
            if name not in outputs and (name not in self._shape.inputs or not field.optional or self._vendor.unset_is_computed):
                outputs[name] = UNKNOWN
        return outputs | self._derived(inputs)

    def _derived(self, inputs: Properties) -> Properties:
        return {name: value for name, value in self._vendor.derived(inputs).items() if name in self._shape.outputs}

    def _outputs(self, inputs: Properties, fill: Fill) -> Properties:
        """Take the inputs over into the outputs."""
        given = {name: field for name, field in self._shape.outputs.items() if inputs.get(name) is not None}
        return {name: complete(field.hint, inputs[name], name, fill) for name, field in given.items()}
