"""The rules as policies of pulumi.

Pulumi gives a policy one level. What has to be said and is no violation goes through policies of its own: `undecided` (a rule could not
see a value yet) and `exempted` (a violation that the policy config accepts, and why), with `stack-` before the name for stack rules.
They come after the rules, whose notes they report.
"""

from collections.abc import Sequence

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from policies import adapter, exemptions
from policies.carriers import CARRIERS, all_expanded, expanded
from policies.catalog import RULES
from policies.containers.facts import CONTAINER
from policies.notes import NotesByThread
from policies.rule import AnyRule, Outcome, Resource, Rule, Stack, StackRule, evaluate, evaluate_stack
from policies.values import View

NAME = "private-registry"

_JSON_TYPES = {bool: "boolean", int: "integer", str: "string"}
_UNDECIDED = "A rule needs a value that is not known before the update"
_EXEMPTED = "A violation is accepted by the policy config"


class _Session:
    """What the policies of one run share."""

    def __init__(self) -> None:
        self.inputs: dict[str, View] = {}
        """URN to the inputs that were seen: what stack rules read, since outputs have more unknown values during a preview."""
        self._by_thread = NotesByThread()

    def resource_policy(self, rule: Rule) -> ResourceValidationPolicy:
        """A rule on single resources as a policy."""

        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            if args.resource_type not in rule.types and not (CONTAINER in rule.types and args.resource_type in CARRIERS):
                return
            config = dict(args.get_config())
            for resource in expanded(adapter.resource(args)):
                self._report(rule, resource, evaluate(rule, resource, rule.settings(config)), config, report)

        return ResourceValidationPolicy(rule.id, _description(rule), validate, _level(rule), _schema(rule), remediation_steps=rule.fix)

    def stack_policy(self, rule: StackRule) -> StackValidationPolicy:
        """A rule on the whole stack as a policy."""

        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            config = dict(args.get_config())
            stack = Stack(all_expanded(adapter.stack_resource(found, self.inputs.get(found.urn)) for found in args.resources))
            for resource, outcome in evaluate_stack(rule, stack, rule.settings(config)):
                self._report(rule, resource, outcome, config, report)

        return StackValidationPolicy(rule.id, _description(rule), validate, _level(rule), _schema(rule), remediation_steps=rule.fix)

    def _report(self, rule: AnyRule, resource: Resource, outcome: Outcome, config: dict[str, object], report: ReportViolation) -> None:
        notes = self._by_thread.notes
        notes.wait(rule, resource, outcome.undecided)
        accepted = exemptions.read_all(rule.id, config.get("exemptions"))
        reason = next((exemption.reason for exemption in accepted if exemption.covers(resource)), None)
        for finding in outcome.findings:
            if reason is None:
                report(message(rule, resource, finding), resource.reported)
            else:
                notes.exempt(rule, resource, finding, reason)

    def recorder(self) -> ResourceValidationPolicy:
        """Says what resource rules could not decide, and remembers each resource's inputs for the stack rules."""

        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            self.inputs[args.urn] = adapter.resource(args).props
            for urn, text in self._by_thread.notes.take_undecided():
                report(text, urn)

        return ResourceValidationPolicy("undecided", _UNDECIDED, validate, EnforcementLevel.ADVISORY)

    def exempted(self) -> ResourceValidationPolicy:
        """Says which violations of resource rules are accepted."""

        def validate(_args: ResourceValidationArgs, report: ReportViolation) -> None:
            for urn, text in self._by_thread.notes.take_exempted():
                report(text, urn)

        return ResourceValidationPolicy("exempted", _EXEMPTED, validate, EnforcementLevel.ADVISORY)

    def stack_undecided(self) -> StackValidationPolicy:
        """Says what stack rules could not decide."""

        def validate(_args: StackValidationArgs, report: ReportViolation) -> None:
            for urn, text in self._by_thread.notes.take_undecided():
                report(text, urn)

        return StackValidationPolicy("stack-undecided", _UNDECIDED, validate, EnforcementLevel.ADVISORY)

    def stack_exempted(self) -> StackValidationPolicy:
        """Says which violations of stack rules are accepted."""

        def validate(_args: StackValidationArgs, report: ReportViolation) -> None:
            for urn, text in self._by_thread.notes.take_exempted():
                report(text, urn)

        return StackValidationPolicy("stack-exempted", _EXEMPTED, validate, EnforcementLevel.ADVISORY)


def message(rule: AnyRule, resource: Resource, finding: str) -> str:
    """What the user reads about a violation, below pulumi's line with rule, type and name."""
    return f"{resource.name}: {finding}. Fix: {rule.fix} Why: {rule.why}"


def _description(rule: AnyRule) -> str:
    return f"{rule.title}."


def _level(rule: AnyRule) -> EnforcementLevel:
    return EnforcementLevel(rule.level.value)


def _schema(rule: AnyRule) -> PolicyConfigSchema:
    properties: dict[str, dict[str, object]] = {"exemptions": exemptions.SCHEMA}
    for name, parameter in rule.parameters.items():
        default = parameter.default
        if isinstance(default, tuple):
            kind: dict[str, object] = {"type": "array", "items": {"type": "string"}, "default": list(default)}
        else:
            kind = {"type": _JSON_TYPES[type(default)], "default": default}
        properties[name] = {**kind, "description": parameter.description}
    return PolicyConfigSchema(properties)


def policies(rules: Sequence[AnyRule] = RULES) -> list[Policy]:
    """All rules as policies, then the policies that report the rules' notes."""
    session = _Session()
    found: list[Policy] = [session.resource_policy(rule) if isinstance(rule, Rule) else session.stack_policy(rule) for rule in rules]
    return [*found, session.recorder(), session.exempted(), session.stack_undecided(), session.stack_exempted()]
