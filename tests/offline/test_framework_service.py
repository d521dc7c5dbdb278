"""The provider service: what a resource kind says, as the engine hears it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, TypeAlias

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from offline.plugins.framework import (
    UNKNOWN,
    Change,
    CheckFailure,
    DiffResult,
    InitFailedError,
    Plugin,
    Properties,
    ResourceError,
    ResourceKind,
)
from offline.plugins.framework.codec import decode, encode
from offline.plugins.framework.proto import provider_pb2, provider_pb2_grpc
from tests.offline.plugin_client import Client, call_error, init_failed_detail, served

Stub: TypeAlias = provider_pb2_grpc.ResourceProviderStub


class Thing(ResourceKind):
    """A resource whose behaviour is chosen by its `mode`."""

    secret_outputs = frozenset({"token"})
    replace_on = frozenset({"name"})
    configured: ClassVar[list[Properties]] = []

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        failures = [CheckFailure("mode", "is bad")] if news.get("mode") == "bad" else []
        if "pin" in news:
            failures.append(CheckFailure("pin", f"{news['pin']} is too short"))
        return ({**news, "size": 1} if "size" not in news else news), failures

    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        outputs = {**inputs, "token": UNKNOWN if preview else "t0ken"}
        match inputs.get("mode"):
            case "refuse":
                raise ResourceError("the port 5443 is\n  in use")
            case "half":
                raise InitFailedError("it never became healthy", resource_id="h1", outputs=outputs)
            case "tell":
                raise ResourceError(f"cannot log in with {inputs['password']} or {inputs['pin']}")
            case "crash":
                raise KeyError("bug")
        return "id-1", outputs

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties] | None:
        return None if resource_id == "gone" else (resource_id, inputs, outputs)

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        result = super().diff(resource_id, olds, old_inputs, news)
        return DiffResult(result.changes, result.replaces, delete_before_replace=True)

    def update(self, resource_id: str, olds: Properties, news: Properties, *, timeout: float, preview: bool) -> Properties:
        return {**news, "token": olds.get("token")}

    def delete(self, resource_id: str, outputs: Properties, *, timeout: float) -> None:
        if outputs.get("mode") == "stuck":
            raise ResourceError("still in use")


PLUGIN = Plugin(name="toy", distribution="pulumi", kinds={"toy:index/thing:Thing": Thing()}, configure=Thing.configured.append)


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with served(PLUGIN) as served_stub:
        yield served_stub


@pytest.fixture(scope="module")
def thing(stub: Stub) -> Client:
    return Client(stub, "toy:index/thing:Thing")


def test_the_engine_is_told_what_the_plugin_can_do(stub: Stub) -> None:
    handshake = stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert handshake.accept_secrets
    assert not handshake.accept_resources
    configured = stub.Configure(provider_pb2.ConfigureRequest(args=encode({})))
    assert configured.acceptSecrets
    assert configured.supportsPreview
    assert stub.GetPluginInfo(Empty()).version


def test_settings_arrive_decoded_and_without_the_engines_own(stub: Stub) -> None:
    settings = {"host": "ssh://x", "sshOpts": '["-o", "A=b"]', "version": "1.0", "__internal": {}}
    stub.Configure(provider_pb2.ConfigureRequest(args=encode(settings, [("host",)])))
    assert Thing.configured[-1] == {"host": "ssh://x", "sshOpts": ["-o", "A=b"]}


def test_a_changed_setting_updates_the_provider_and_replaces_nothing(stub: Stub) -> None:
    request = provider_pb2.DiffRequest(olds=encode({"host": "a"}), news=encode({"host": "b"}))
    answer = stub.DiffConfig(request)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert not answer.replaces


def test_check_fills_in_defaults_keeps_secrets_and_reports_failures(thing: Client) -> None:
    answer = thing.check({"name": "n", "mode": "bad"}, secrets=(("name",),))
    assert decode(answer.inputs).values == {"name": "n", "mode": "bad", "size": 1}
    assert decode(answer.inputs).secrets == (("name",),)
    assert [(failure.property, failure.reason) for failure in answer.failures] == [("mode", "is bad")]


def test_unchanged_inputs_go_back_exactly_as_they_came(thing: Client) -> None:
    news = {"size": 2, "__defaults": ["size"]}
    assert thing.check(news).inputs == encode(news)


def test_created_outputs_have_their_secrets_marked(thing: Client) -> None:
    resource_id, outputs = thing.create({"name": "n", "size": 1}, secrets=(("name",),))
    assert resource_id == "id-1"
    assert outputs.values["token"] == "t0ken"
    assert set(outputs.secrets) == {("name",), ("token",)}


def test_a_preview_gives_unknown_outputs_and_no_id(thing: Client) -> None:
    resource_id, outputs = thing.create({"name": UNKNOWN, "size": 1}, preview=True)
    assert resource_id == ""
    assert outputs.values["token"] is UNKNOWN
    assert outputs.values["name"] is UNKNOWN


def test_a_refusal_is_one_line_and_leaves_no_pending_operation(thing: Client) -> None:
    error = call_error(lambda: thing.create({"mode": "refuse"}))
    assert error.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert error.details() == "the port 5443 is in use"


def test_a_half_made_resource_goes_into_the_state_with_its_secrets_marked(thing: Client) -> None:
    error = call_error(lambda: thing.create({"mode": "half", "name": "n"}, (("name",),)))
    detail = init_failed_detail(error)
    assert detail.id == "h1"
    assert list(detail.reasons) == ["it never became healthy"]
    assert set(decode(detail.properties).secrets) == {("name",), ("token",)}


def test_a_message_never_shows_a_secret_that_came_with_the_request(thing: Client) -> None:
    secrets = (("password",), ("pin",))
    inputs: Properties = {"mode": "tell", "password": "two\nlines", "pin": 12}
    assert call_error(lambda: thing.create(inputs, secrets)).details() == "cannot log in with [secret] or 12"
    assert [failure.reason for failure in thing.check(inputs, secrets).failures] == ["[secret] is too short"]


def test_a_bug_in_a_plugin_names_the_plugin_and_the_exception(thing: Client, capfd: pytest.CaptureFixture[str]) -> None:
    error = call_error(lambda: thing.create({"mode": "crash"}))
    assert error.code() == grpc.StatusCode.UNKNOWN
    assert error.details() == "toy plugin: KeyError: 'bug'"
    assert "Traceback" in capfd.readouterr().err


def test_diff_tells_replacements_from_updates(thing: Client) -> None:
    old = {"name": "a", "size": 1, "gone": True}
    answer = thing.diff(old, old, {"name": "b", "size": 2, "more": 1})
    kinds = {path: provider_pb2.PropertyDiff.Kind.Name(change.kind) for path, change in answer.detailedDiff.items()}
    assert kinds == {"name": "UPDATE_REPLACE", "size": "UPDATE", "gone": "DELETE", "more": "ADD"}
    assert list(answer.replaces) == ["name"]
    assert answer.deleteBeforeReplace


def test_diff_of_nothing_is_nothing_whatever_the_bridge_left_in_the_state(thing: Client) -> None:
    answer = thing.diff({"name": "a", "__meta": "{}"}, {"name": "a", "note": None, "__defaults": []}, {"name": "a"})
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not answer.deleteBeforeReplace


def test_an_unknown_input_counts_as_a_change(thing: Client) -> None:
    assert list(thing.diff({"name": "a"}, {"name": "a"}, {"name": UNKNOWN}).replaces) == ["name"]


def test_reading_what_is_gone_gives_an_empty_id(thing: Client) -> None:
    assert thing.read("gone", {}, {}).id == ""


def test_reading_keeps_what_the_bridge_left_and_what_was_secret(thing: Client) -> None:
    answer = thing.read("x", {"__defaults": ["a"]}, {"__meta": "{}", "name": "n", "token": "t"}, (("name",),))
    assert answer.inputs == encode({"__defaults": ["a"]})
    properties = decode(answer.properties)
    assert properties.internal == {"__meta": "{}"}
    assert set(properties.secrets) == {("name",), ("token",)}


def test_updates_and_deletions_reach_the_kind(thing: Client) -> None:
    assert thing.update({"token": "t", "__meta": "m"}, {"name": "n"}).values == {"name": "n", "token": "t"}
    thing.delete({})
    assert call_error(lambda: thing.delete({"mode": "stuck"})).details() == "still in use"


def test_a_type_or_function_that_is_not_provided_is_named(stub: Stub) -> None:
    error = call_error(lambda: Client(stub, "toy:index/other:Other").check({}))
    assert error.details() == "the offline toy plugin does not provide toy:index/other:Other, only: Thing"
    error = call_error(lambda: stub.Invoke(provider_pb2.InvokeRequest(tok="toy:index/getThing:getThing")))
    assert error.details() == "toy:index/getThing:getThing: the offline toy plugin has no functions; use the vendor's plugin for them"


def test_the_type_is_found_in_the_urn_below_a_parent(stub: Stub) -> None:
    urn = "urn:pulumi:dev::project::my:index:Parent$toy:index/thing:Thing::it"
    assert not stub.Check(provider_pb2.CheckRequest(urn=urn, news=encode({}))).failures


def test_cancelling_sets_the_plugins_event(stub: Stub) -> None:
    assert not PLUGIN.cancelled.is_set()
    stub.Cancel(Empty())
    assert PLUGIN.cancelled.is_set()
    PLUGIN.cancelled.clear()


def test_change_names_match_the_protocol() -> None:
    names = set(provider_pb2.PropertyDiff.Kind.keys())
    assert {change.value for change in Change} | {f"{change.value}_REPLACE" for change in Change} == names
