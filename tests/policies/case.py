"""What is written down for each rule: resources that it accepts, refuses, and can't decide yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from policies.rule import AnyRule, Outcome, Resource, Rule, Stack, evaluate, evaluate_stack
from policies.values import View

CANARY = "CANARY-7f3a"
"""Part of every secret in the cases: it must show up in no message."""

Props: TypeAlias = Mapping[str, Any]
Given: TypeAlias = Props | Resource | Sequence[Resource]
"""Inputs of a resource of the rule's first type; or a whole resource; or, for a stack rule, the stack's resources."""


@dataclass(frozen=True)
class With:
    """A case with parameters of its own."""

    parameters: Mapping[str, object]
    given: Given


@dataclass(frozen=True)
class Says:
    """A violating case whose message must contain these texts."""

    texts: tuple[str, ...]
    given: "Given | With"


AnyCase: TypeAlias = Given | With | Says


@dataclass(frozen=True)
class Cases:
    """A rule's cases by what they show. Texts are names for people."""

    rule: AnyRule
    compliant: Mapping[str, AnyCase]
    violating: Mapping[str, AnyCase]
    default: AnyCase
    """The resource with nothing set that the rule reads."""
    default_violates: bool
    unknown: Mapping[str, AnyCase]
    """Must be undecided, without a finding."""
    reads_names_only: bool = False
    """Whether the rule reads nothing that can be unknown; it then has no unknown case."""
    ignored: Mapping[str, AnyCase] = field(default_factory=dict[str, AnyCase])
    """Looks similar and is none of the rule's business: no finding, and nothing undecided."""


def resource(type_: str, name: str = "it", props: Props | None = None, **more: Any) -> Resource:  # noqa: ANN401 - fields of Resource
    """A resource as the engine would hand it over."""
    return Resource(type_, name, View(dict(props or {})), urn=f"urn:pulumi:test::project::{type_}::{name}", **more)


def outcome_of(rule: AnyRule, case: AnyCase) -> Outcome:
    """What the rule says about a case, all resources together."""
    case = case.given if isinstance(case, Says) else case
    parameters, given = (case.parameters, case.given) if isinstance(case, With) else ({}, case)
    settings = rule.settings(parameters)
    if isinstance(rule, Rule):
        if isinstance(given, Mapping):
            given = resource(rule.types[0], props=given)
        resources = [given] if isinstance(given, Resource) else given
        outcomes = [evaluate(rule, one, settings) for one in resources]
    else:
        if isinstance(given, Mapping):
            raise TypeError(f"{rule.id}: a stack rule's case is a list of resources")
        resources = [given] if isinstance(given, Resource) else given
        outcomes = [outcome for _, outcome in evaluate_stack(rule, Stack(tuple(resources)), settings)]
    return Outcome(
        tuple(finding for outcome in outcomes for finding in outcome.findings),
        tuple(path for outcome in outcomes for path in outcome.undecided),
    )


def verify(cases: Cases) -> None:
    """Raises AssertionError when the rule does not say what its cases want."""
    rule = cases.rule
    assert cases.compliant and cases.violating and bool(cases.unknown) != cases.reads_names_only, f"{rule.id}: a kind of case is missing"
    accepted = {**cases.compliant, **cases.ignored, **({} if cases.default_violates else {"the default": cases.default})}
    for name, case in accepted.items():
        outcome = outcome_of(rule, case)
        assert outcome == Outcome(), f"{rule.id}, {name}: {outcome}"
    refused = {**cases.violating, **({"the default": cases.default} if cases.default_violates else {})}
    for name, case in refused.items():
        outcome = outcome_of(rule, case)
        assert outcome.findings, f"{rule.id}, {name}: should be refused, {outcome}"
        for text in case.texts if isinstance(case, Says) else ():
            assert any(text in finding for finding in outcome.findings), f"{rule.id}, {name}: no {text!r} in {outcome.findings}"
    for name, case in cases.unknown.items():
        outcome = outcome_of(rule, case)
        assert outcome.undecided and not outcome.findings, f"{rule.id}, {name}: should be undecided, {outcome}"
