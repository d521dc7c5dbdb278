"""The resources of a run of the program against mocks, as rules read them."""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.runtime import rpc

from policies.carriers import all_expanded
from policies.rule import AnyRule, Level, Resource, Rule, Stack, evaluate, evaluate_stack
from policies.values import UNKNOWN, View
from tests.unit.engine_mocks import Recorded, is_secret_input, run_program


def _plain(value: object) -> object:
    """An input without the wire's mark on secrets."""
    if isinstance(value, Mapping):
        if is_secret_input(value):
            return _plain(value["value"])
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return UNKNOWN if value == rpc.UNKNOWN else value


def _resource(recorded: Recorded) -> Resource:
    found = _plain(recorded.inputs)
    assert isinstance(found, dict)
    return Resource(
        recorded.type, recorded.name, View(found), property_dependencies=recorded.property_dependencies, protect=recorded.protect
    )


def resources_of(values: Mapping[str, Any]) -> list[Resource]:
    """What the program creates with these settings."""
    return [_resource(recorded) for recorded in run_program(values).mocks.resources]


def said_about(resources: Sequence[Resource], rules: Sequence[AnyRule]) -> dict[Level, list[str]]:
    """Everything that these rules find or can't decide, by level."""
    found: dict[Level, list[str]] = {Level.MANDATORY: [], Level.ADVISORY: []}
    resources = all_expanded(resources)
    for rule in rules:
        settings = rule.settings()
        if isinstance(rule, Rule):
            outcomes = [(resource, evaluate(rule, resource, settings)) for resource in resources]
        else:
            outcomes = evaluate_stack(rule, Stack(resources), settings)
        for resource, outcome in outcomes:
            found[rule.level] += [f"{rule.id}: {resource.name}: {text}" for text in (*outcome.findings, *outcome.undecided)]
    return found
