"""The pack as pulumi sees it: over the SDK's own service, with the engine's wire format, without an engine."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime import proto
from pulumi_policy import EnforcementLevel
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.policy import _PolicyAnalyzerServicer
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from policies import pack
from policies.catalog import RULES
from policies.rule import AnyRule, Finding, Level, Parameter, Resource, Result, Rule, Stack, StackResult, StackRule, about
from policies.values import View

REPO = Path(__file__).resolve().parents[2]
TYPE = "test:index:Thing"
Diagnostic = tuple[str, str, str]
"""Policy, level, message."""


def _check(resource: Resource, parameters: View) -> list[Result]:
    size = resource.props.number("size") or 0
    return [Finding(f"size is {size:.0f}")] if size > (parameters.number("most") or 0) else []


def _stack_check(stack: Stack, _parameters: View) -> list[StackResult]:
    return [result for resource in stack.of(TYPE) for result in about(resource, lambda resource=resource: _colour(resource))]


def _colour(resource: Resource) -> list[Result]:
    return [Finding("colour is red")] if resource.props.text("colour") == "red" else []


SIZE = Rule(
    id="size", title="Small", why="Why.", fix="Make it small.", types=(TYPE,), parameters={"most": Parameter(3, "Most.")}, check=_check
)
COLOUR = StackRule(id="colour", title="Not red", why="Why.", fix="Paint it.", types=(TYPE,), check=_stack_check)


class Served:
    """A pack with these rules behind the SDK's service."""

    def __init__(self, rules: Sequence[AnyRule] = (SIZE, COLOUR), config: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self.service: Any = _PolicyAnalyzerServicer("test", "0.0.1", pack.policies(rules), EnforcementLevel.MANDATORY)
        request = proto.ConfigureAnalyzerRequest()
        for rule, properties in (config or {}).items():
            request.policyConfig[rule].enforcementLevel = proto.MANDATORY
            request.policyConfig[rule].properties.update(properties)
        self.service.Configure(request, None)

    def analyze(self, name: str = "it", kind: str = TYPE, **props: object) -> list[Diagnostic]:
        """What is said about one resource."""
        request = proto.AnalyzeRequest(type=kind, name=name, urn=f"urn::{name}", properties=_struct(props))
        return _diagnostics(self.service.Analyze(request, None))

    def stack(self, **resources: Mapping[str, object]) -> list[Diagnostic]:
        """What is said about a stack of these resources' outputs."""
        found = [proto.AnalyzerResource(type=TYPE, name=name, urn=f"urn::{name}", properties=_struct(p)) for name, p in resources.items()]
        return _diagnostics(self.service.AnalyzeStack(proto.AnalyzeStackRequest(resources=found), None))


def _struct(props: Mapping[str, object]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(dict(props))  # pyright: ignore[reportArgumentType] - whatever a test makes of it
    return struct


def _diagnostics(response: proto.AnalyzeResponse) -> list[Diagnostic]:
    return [(said.policyName, proto.EnforcementLevel.Name(said.enforcementLevel), said.message) for said in response.diagnostics]


def test_a_violation_names_resource_property_and_remedy() -> None:
    ((rule, level, message),) = Served().analyze(size=4)
    assert (rule, level) == ("size", "MANDATORY")
    assert "it: size is 4" in message
    assert "Fix: Make it small." in message


def test_what_is_fine_and_other_types_bring_no_line() -> None:
    assert Served().analyze(size=3) == []
    assert Served().analyze(kind="test:index:Other", size=9) == []


def test_a_value_that_is_not_known_brings_one_advisory_line_that_says_who_waits_for_what() -> None:
    ((rule, level, message),) = Served().analyze(size=UNKNOWN_STRING_VALUE)
    assert (rule, level) == ("undecided", "ADVISORY")
    assert "size (not known yet: size)" in message


def test_a_secret_that_is_not_known_is_not_known() -> None:
    ((rule, _, _),) = Served().analyze(size={SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": UNKNOWN_STRING_VALUE})
    assert rule == "undecided"


def test_what_was_undecided_is_decided_when_it_is_known() -> None:
    served = Served()
    served.analyze(size=UNKNOWN_STRING_VALUE)
    assert [rule for rule, _, _ in served.analyze(size=4)] == ["size"]


def test_two_rules_that_wait_for_the_same_value_share_the_line() -> None:
    other = Rule(id="other", title="T", why="W.", fix="F.", types=(TYPE,), check=_check)
    ((_, _, message),) = Served((SIZE, other)).analyze(size=UNKNOWN_STRING_VALUE)
    assert "size, other (not known yet: size)" in message


def test_a_parameter_of_the_config_counts() -> None:
    assert Served(config={"size": {"most": 10}}).analyze(size=4) == []


@pytest.mark.parametrize("pattern", ["it", "i*", "urn::i*"])
def test_an_exempted_violation_is_shown_as_advisory_with_its_reason(pattern: str) -> None:
    served = Served(config={"size": {"exemptions": [{"resource": pattern, "reason": "it was always big"}]}})
    ((rule, level, message),) = served.analyze(size=4)
    assert (rule, level) == ("exempted", "ADVISORY")
    assert "it was always big" in message
    assert "size is 4" in message
    assert [rule for rule, _, _ in served.analyze("other", size=4)] == ["size"]


@pytest.mark.parametrize("entry", [{"resource": "it"}, {"resource": "it", "reason": " "}, {"reason": "because"}, {}])
def test_an_exemption_without_reason_or_resource_exempts_nothing(entry: dict[str, str]) -> None:
    served = Served(config={"size": {"exemptions": [entry]}})
    with pytest.raises(ValueError, match=r"size: .* must (give|name)"):
        served.analyze(size=4)


def test_a_stack_rule_reads_the_inputs_that_were_seen_and_says_whom_it_means() -> None:
    served = Served()
    served.analyze("a", colour="red")
    ((rule, level, message),) = served.stack(a={"colour": UNKNOWN_STRING_VALUE}, b={"colour": "blue"})
    assert (rule, level) == ("colour", "MANDATORY")
    assert "a: colour is red" in message


def test_a_stack_rule_is_undecided_and_exempted_like_any_other() -> None:
    ((rule, _, message),) = Served().stack(a={"colour": UNKNOWN_STRING_VALUE})
    assert rule == "stack-undecided"
    assert "colour" in message
    exempting = Served(config={"colour": {"exemptions": [{"resource": "a", "reason": "art"}]}})
    assert [rule for rule, _, _ in exempting.stack(a={"colour": "red"})] == ["stack-exempted"]


def test_the_pack_describes_every_rule_to_pulumi() -> None:
    info = Served(RULES).service.GetAnalyzerInfo(None, None)
    described = {policy.name: policy for policy in info.policies}
    for rule in RULES:
        policy = described[rule.id]
        assert policy.enforcementLevel == (proto.MANDATORY if rule.level is Level.MANDATORY else proto.ADVISORY), rule.id
        assert policy.remediation_steps == rule.fix
        assert set(policy.configSchema.properties) == {"exemptions", *rule.parameters}
    assert {"undecided", "exempted", "stack-undecided", "stack-exempted"} <= set(described)


def test_no_rule_breaks_on_values_of_any_kind() -> None:
    """Providers check types after policies: whatever stands there, a rule must answer and not end the update."""
    keys = ("uploads", "ports", "envs", "mounts", "volumes", "image", "command", "capabilities", "healthcheck", "policy", "rules", "length")
    for rule in RULES:
        served = Served((rule,))
        for kind in rule.types:
            for value in (None, True, 3, "x", [], [None], [3], ["x"], [{}], [[]], {}, {"a": None}):
                served.analyze(kind=kind, **dict.fromkeys(keys, value))


CONTAINER = "docker:index/container:Container"
PLAIN_NGINX = "events {} http { server { listen 80; } }"


@pytest.mark.parametrize("absolute", [True, False])
def test_a_file_that_is_uploaded_from_disk_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absolute: bool) -> None:
    (tmp_path / "nginx.conf").write_text(PLAIN_NGINX)
    monkeypatch.chdir(tmp_path)
    source = str(tmp_path / "nginx.conf") if absolute else "nginx.conf"
    said = Served(RULES).analyze(kind=CONTAINER, uploads=[{"file": "/etc/nginx/nginx.conf", "source": source}])
    assert "nginx-listens-with-tls" in [rule for rule, _, _ in said]


def test_a_file_on_disk_that_cannot_be_read_or_is_not_known_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    for source in ("missing", ".", "binary", "a\0b"):
        said = Served(RULES).analyze(kind=CONTAINER, uploads=[{"file": "/etc/nginx/nginx.conf", "source": source}])
        assert "nginx-listens-with-tls" not in [rule for rule, _, _ in said]
    ((message),) = [
        text
        for rule, _, text in Served(RULES).analyze(
            kind=CONTAINER, uploads=[{"file": "/etc/nginx/nginx.conf", "source": UNKNOWN_STRING_VALUE}]
        )
        if rule == "undecided"
    ]
    assert "nginx-listens-with-tls" in message


def test_the_pack_brings_in_nothing_of_the_program_and_no_cloud_sdk() -> None:
    """It is loaded at every preview, and has to work for stacks that have nothing of this program."""
    heavy = "components bundle stack offline ops pulumi_aws pulumi_azure_native pulumi_docker pulumi_tls pulumi_random pydantic jinja2"
    script = f"import sys, policies.pack; print(sorted(set({heavy.split()!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
