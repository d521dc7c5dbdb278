"""From pulumi's view of a resource to the rules' own."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pulumi_policy import PolicyResource, ResourceValidationArgs
from pulumi_policy.proxy import (
    UNKNOWN_ARCHIVE_VALUE,
    UNKNOWN_ARRAY_VALUE,
    UNKNOWN_ASSET_VALUE,
    UNKNOWN_BOOLEAN_VALUE,
    UNKNOWN_NUMBER_VALUE,
    UNKNOWN_OBJECT_VALUE,
    UNKNOWN_STRING_VALUE,
    _DictProxy,
    _ListProxy,
)

from policies.local_files import with_contents
from policies.rule import Resource
from policies.values import UNKNOWN, View

_SENTINELS = frozenset(
    (
        UNKNOWN_ARCHIVE_VALUE,
        UNKNOWN_ARRAY_VALUE,
        UNKNOWN_ASSET_VALUE,
        UNKNOWN_BOOLEAN_VALUE,
        UNKNOWN_NUMBER_VALUE,
        UNKNOWN_OBJECT_VALUE,
        UNKNOWN_STRING_VALUE,
    )
)


def plain(value: object) -> object:
    """The value in plain lists and dictionaries, with UNKNOWN where it is not known yet.

    The SDK's own wrapper raises at each unknown value and has no way to ask first, so it is taken off here.
    """
    if isinstance(value, _DictProxy | _ListProxy):
        value = value["__target"]
    if isinstance(value, str) and value in _SENTINELS:
        return UNKNOWN
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def properties(value: object) -> View:
    """A resource's properties as rules read them."""
    found = plain(value)
    return View({str(key): inner for key, inner in found.items()} if isinstance(found, Mapping) else {})


def resource(args: ResourceValidationArgs) -> Resource:
    """One resource, before it is created or changed. Pulumi runs the pack in the program's folder."""
    found = Resource(args.resource_type, args.name, properties(args.props), args.urn, protect=bool(args.opts.protect))
    return with_contents(found, Path.cwd())


def stack_resource(found: PolicyResource, inputs: View | None) -> Resource:
    """One resource of the finished stack. With its inputs where they were seen: in its outputs more is unknown during a preview."""
    return Resource(
        found.resource_type,
        found.name,
        inputs if inputs is not None else properties(found.props),
        found.urn,
        parent=found.parent.urn if found.parent else "",
        dependencies=_urns(found.dependencies),
        property_dependencies={key: _urns(others) for key, others in found.property_dependencies.items()},
        protect=bool(found.opts.protect),
    )


def _urns(resources: Iterable[PolicyResource]) -> tuple[str, ...]:
    return tuple(other.urn for other in resources)
