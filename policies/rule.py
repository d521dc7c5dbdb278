"""What a rule is. Pure: no pulumi here, so that a rule is tested with plain data."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from policies.values import NotKnownYetError, View

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Level(StrEnum):
    """What a violation does: refuse the update, or be told."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"


@dataclass(frozen=True)
class Resource:
    """One resource: its inputs, and how it hangs together with others (URNs)."""

    type: str
    name: str
    props: View = field(default_factory=View)
    urn: str = ""
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    """URNs of everything that it depends on."""
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Property to the URNs that its value comes from."""
    protect: bool = False
    carrier: str = ""
    """URN of the resource that it lies in, for a container that is no resource of its own (policies/carriers.py)."""

    @property
    def reported(self) -> str:
        """The URN that the engine knows it by."""
        return self.carrier or self.urn

    @property
    def identity(self) -> str:
        """The URN; in tests, where there is none, type and name."""
        return self.urn or f"{self.type}::{self.name}"


@dataclass(frozen=True)
class Finding:
    """One violation: what is wrong, on which property. Never a secret's value. The rule's `fix` is added to it."""

    message: str


@dataclass(frozen=True)
class Undecided:
    """The rule can't tell before the update, because this property is not known."""

    path: str


Result: TypeAlias = Finding | Undecided
Check: TypeAlias = Callable[[Resource, View], Iterable[Result]]
"""Gets a resource of one of the rule's types and the parameters. A NotKnownYetError out of it counts as Undecided."""


@dataclass(frozen=True)
class Stack:
    """All resources of a stack, in the order that they were registered."""

    resources: tuple[Resource, ...]

    def of(self, *types: str) -> list[Resource]:
        """The resources of these types."""
        return [resource for resource in self.resources if resource.type in types]

    def users_of(self, resource: Resource, key: str, *types: str) -> list[Resource]:
        """The resources of these types whose property `key` comes from this resource, such as a policy's `bucket`."""
        return [other for other in self.of(*types) if resource.identity in other.property_dependencies.get(key, ())]


StackResult: TypeAlias = tuple[Resource, Result]
StackCheck: TypeAlias = Callable[[Stack, View], Iterable[StackResult]]
"""Gets the whole stack and the parameters; says for which resource each result is."""

Default: TypeAlias = int | str | bool | tuple[str, ...]


@dataclass(frozen=True)
class Parameter:
    """A number, text or list that a policy config can change."""

    default: Default
    description: str


@dataclass(frozen=True, kw_only=True)
class _Described:
    id: str
    """Kebab-case; the policy's name for pulumi."""
    title: str
    """One sentence that says what is wanted, e.g. `A registry asks for an account`."""
    why: str
    fix: str
    """What to do about a violation, as an instruction."""
    level: Level = Level.MANDATORY
    parameters: Mapping[str, Parameter] = field(default_factory=dict[str, Parameter])

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"rule id {self.id!r} is not kebab-case")
        if not (self.title and self.why and self.fix):
            raise ValueError(f"rule {self.id} needs title, why and fix")

    def settings(self, given: Mapping[str, object] | None = None) -> View:
        """The parameters: the given ones over the defaults."""
        return View({**{name: parameter.default for name, parameter in self.parameters.items()}, **(given or {})}, "parameters")


@dataclass(frozen=True, kw_only=True)
class Rule(_Described):
    """A rule on single resources, decided before each of them is created or changed."""

    types: tuple[str, ...]
    """Type tokens, e.g. `docker:index/container:Container`."""
    check: Check


@dataclass(frozen=True, kw_only=True)
class StackRule(_Described):
    """A rule on how resources go together, decided when all are known: at the end of the preview."""

    types: tuple[str, ...]
    """What it looks at, for the reference."""
    check: StackCheck


AnyRule: TypeAlias = Rule | StackRule


@dataclass(frozen=True)
class Outcome:
    """What a rule says about one resource: violations, and paths of what it could not see."""

    findings: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


def each(items: Iterable[View], check: Callable[[View], Iterable[Result]]) -> Iterator[Result]:
    """Runs a check on each item of a list. One that is not known yet does not hide the next."""
    for item in items:
        yield from _safely(lambda item=item: check(item))


def _safely(run: Callable[[], Iterable[Result]]) -> Iterator[Result]:
    try:
        yield from run()
    except NotKnownYetError as error:
        yield Undecided(error.path)


def about(resource: Resource, check: Callable[[], Iterable[Result]]) -> Iterator[StackResult]:
    """For stack rules: says that these results are about this resource, and so is a value that is not known yet."""
    for result in _safely(check):
        yield resource, result


def _outcome(results: Iterable[Result]) -> Outcome:
    found = list(results)
    return Outcome(
        tuple(dict.fromkeys(result.message for result in found if isinstance(result, Finding))),
        tuple(dict.fromkeys(result.path for result in found if isinstance(result, Undecided))),
    )


def evaluate(rule: Rule, resource: Resource, parameters: View) -> Outcome:
    """Runs a rule on a resource. Nothing for a resource of another type."""
    if resource.type not in rule.types:
        return Outcome()
    return _outcome(_safely(lambda: rule.check(resource, parameters)))


def evaluate_stack(rule: StackRule, stack: Stack, parameters: View) -> list[tuple[Resource, Outcome]]:
    """Runs a stack rule; returns the resources that it says something about.

    A stack rule says itself which resource it can't decide (`about`): a NotKnownYetError out of it is an error of the rule.
    """
    found: dict[str, tuple[Resource, list[Result]]] = {}
    for resource, result in rule.check(stack, parameters):
        found.setdefault(resource.identity, (resource, []))[1].append(result)
    return [(resource, _outcome(results)) for resource, results in found.values()]
