"""Every rule does what its cases say, and the cases notice when it does not."""

import ast
import dataclasses
import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import policies
from policies.catalog import RULES
from policies.rule import AnyRule, Finding, Resource, Result, Rule, Stack, StackResult, Undecided
from policies.values import View
from tests.policies.case import CANARY, Cases, outcome_of, verify
from tests.policies.cases import all_cases

CASES = all_cases()
each_rule = pytest.mark.parametrize("cases", CASES, ids=[cases.rule.id for cases in CASES])


def _changed(cases: Cases, rule: AnyRule) -> Cases:
    return dataclasses.replace(cases, rule=rule)


def _nothing(_subject: object, _parameters: View) -> Iterable[Result]:
    return ()


def _nothing_at_all(_stack: Stack, _parameters: View) -> Iterable[StackResult]:
    return ()


def _always(_resource: Resource, _parameters: View) -> Iterator[Result]:
    yield Finding("always")


def _always_somewhere(stack: Stack, _parameters: View) -> Iterator[StackResult]:
    for resource in stack.resources or (Resource("none", "none"),):
        yield resource, Finding("always")


def _never_undecided(rule: AnyRule) -> AnyRule:
    """The same rule, that takes what it can't see for good."""
    if isinstance(rule, Rule):
        check = rule.check

        def decided(resource: Resource, parameters: View) -> Iterable[Result]:
            from policies.rule import evaluate  # noqa: PLC0415

            found = evaluate(dataclasses.replace(rule, check=check), resource, parameters)
            return [Finding(finding) for finding in found.findings]

        return dataclasses.replace(rule, check=decided)
    stack_check = rule.check
    return dataclasses.replace(
        rule, check=lambda stack, parameters: [found for found in stack_check(stack, parameters) if not isinstance(found[1], Undecided)]
    )


@each_rule
def test_a_rule_does_what_its_cases_say(cases: Cases) -> None:
    verify(cases)


@each_rule
def test_switching_a_rule_off_is_noticed(cases: Cases) -> None:
    rule = cases.rule
    off = dataclasses.replace(rule, check=_nothing) if isinstance(rule, Rule) else dataclasses.replace(rule, check=_nothing_at_all)
    for name, case in cases.violating.items():
        assert not outcome_of(off, case).findings, name
    with pytest.raises(AssertionError):
        verify(_changed(cases, off))


@each_rule
def test_a_rule_that_always_complains_is_noticed(cases: Cases) -> None:
    rule = cases.rule
    eager = dataclasses.replace(rule, check=_always) if isinstance(rule, Rule) else dataclasses.replace(rule, check=_always_somewhere)
    with pytest.raises(AssertionError):
        verify(_changed(cases, eager))


@each_rule
def test_a_rule_that_passes_what_it_cannot_see_is_noticed(cases: Cases) -> None:
    if cases.reads_names_only:
        return
    with pytest.raises(AssertionError, match="should be undecided"):
        verify(_changed(cases, _never_undecided(cases.rule)))


@each_rule
def test_no_message_holds_a_secret(cases: Cases) -> None:
    for kind in (cases.compliant, cases.violating, cases.unknown, cases.ignored, {"the default": cases.default}):
        for name, case in kind.items():
            outcome = outcome_of(cases.rule, case)
            assert not [text for text in (*outcome.findings, *outcome.undecided) if CANARY in text], name


def test_every_rule_has_cases_and_every_case_a_rule() -> None:
    with_cases = [cases.rule.id for cases in CASES]
    assert sorted(with_cases) == sorted(rule.id for rule in RULES)
    assert all(any(cases.rule is rule for rule in RULES) for cases in CASES)


def test_every_rule_that_is_written_is_in_the_catalog() -> None:
    written: set[str] = set()
    for module in pkgutil.walk_packages(policies.__path__, "policies."):
        if module.name == "policies.__main__":
            continue
        loaded = importlib.import_module(module.name)
        written |= {value.id for value in vars(loaded).values() if isinstance(value, AnyRule)}
    assert written == {rule.id for rule in RULES}


def test_a_rules_words_are_sentences_in_the_packs_form() -> None:
    for rule in RULES:
        assert not rule.title.endswith("."), rule.id
        assert rule.why.endswith("."), rule.id
        assert rule.fix.endswith("."), rule.id
        assert rule.types, rule.id
    assert len({rule.id for rule in RULES}) == len(RULES)


def _written_findings() -> set[tuple[str, int]]:
    """File and line of every place in the pack that makes a Finding."""
    found: set[tuple[str, int]] = set()
    for file in sorted(Path(policies.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                found.add((str(file), node.lineno))
    return found


def test_every_condition_of_every_rule_is_met_by_a_violating_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """A condition that no case meets could be switched off without a test that fails."""
    met: set[tuple[str, int]] = set()
    make = Finding.__init__

    def remember(finding: Finding, message: str) -> None:
        caller = sys._getframe(1)
        met.add((caller.f_code.co_filename, caller.f_lineno))
        make(finding, message)

    monkeypatch.setattr(Finding, "__init__", remember)
    for cases in CASES:
        refused = {**cases.violating, **({"default": cases.default} if cases.default_violates else {})}
        for case in refused.values():
            outcome_of(cases.rule, case)
    missing = sorted(f"{Path(file).relative_to(Path(policies.__path__[0]))}:{line}" for file, line in _written_findings() - met)
    assert missing == []
