"""The random plugin: formats, ids, limits, secrets, and what replaces."""

from __future__ import annotations

import base64
import string
from collections import Counter
from collections.abc import Iterator

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline.plugins.framework import UNKNOWN, Properties
from offline.plugins.framework.codec import decode
from offline.plugins.framework.proto import provider_pb2_grpc
from offline.plugins.random import PLUGIN
from offline.plugins.random.text import RandomString
from tests.offline.plugin_client import Client, call_error, served


@pytest.fixture(scope="module")
def stub() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    with served(PLUGIN) as served_stub:
        yield served_stub


@pytest.fixture(scope="module")
def password(stub: provider_pb2_grpc.ResourceProviderStub) -> Client:
    return Client(stub, "random:index/randomPassword:RandomPassword")


@pytest.fixture(scope="module")
def octets(stub: provider_pb2_grpc.ResourceProviderStub) -> Client:
    return Client(stub, "random:index/randomBytes:RandomBytes")


@pytest.fixture(scope="module")
def identifier(stub: provider_pb2_grpc.ResourceProviderStub) -> Client:
    return Client(stub, "random:index/randomId:RandomId")


@pytest.fixture(scope="module")
def text(stub: provider_pb2_grpc.ResourceProviderStub) -> Client:
    return Client(stub, "random:index/randomString:RandomString")


def test_a_password_has_the_vendors_outputs_with_a_matching_bcrypt_hash(password: Client) -> None:
    resource_id, outputs = password.create({"length": 32, "special": False})
    values = outputs.values
    assert resource_id == values["id"] == "none"
    assert outputs.internal == {"__meta": '{"schema_version":"3"}'}
    assert set(outputs.secrets) == {("result",), ("bcryptHash",)}
    assert set(values["result"]) <= set(string.ascii_letters + string.digits)
    assert values["bcryptHash"].startswith("$2a$10$")
    assert bcrypt.checkpw(values["result"].encode(), values["bcryptHash"].encode())
    rest = {name: value for name, value in values.items() if name not in {"id", "result", "bcryptHash"}}
    assert rest == {
        "length": 32,
        "lower": True,
        "upper": True,
        "number": True,
        "numeric": True,
        "special": False,
        "minLower": 0,
        "minUpper": 0,
        "minNumeric": 0,
        "minSpecial": 0,
    }


def test_a_password_longer_than_bcrypt_looks_at_is_hashed_by_its_first_72_bytes(password: Client) -> None:
    values = password.create({"length": 100})[1].values
    assert bcrypt.checkpw(values["result"][:72].encode(), values["bcryptHash"].encode())


@given(
    st.fixed_dictionaries(
        {"minUpper": st.integers(0, 5), "minLower": st.integers(0, 5), "minNumeric": st.integers(0, 5), "minSpecial": st.integers(0, 5)}
    ),
    st.integers(0, 30),
    st.none() | st.text(alphabet="_%+", min_size=1),
)
def test_text_has_its_length_and_at_least_the_characters_asked_for(least: dict[str, int], more: int, special: str | None) -> None:
    length = sum(least.values()) + more
    inputs: Properties = {**least, "length": length, "overrideSpecial": special}
    kind = RandomString()
    _, outputs = kind.create(inputs, timeout=0, preview=False)
    result: str = outputs["result"]
    assert len(result) == length
    count = Counter(
        "upper" if c in string.ascii_uppercase else "lower" if c in string.ascii_lowercase else "digit" if c.isdigit() else "special"
        for c in result
    )
    assert count["upper"] >= least["minUpper"]
    assert count["lower"] >= least["minLower"]
    assert count["digit"] >= least["minNumeric"]
    assert count["special"] >= least["minSpecial"]
    if special:
        assert not set(result) - set(string.ascii_letters + string.digits + special)


@pytest.mark.parametrize(
    ("news", "failing", "reason"),
    [
        ({}, "length", "is required"),
        ({"length": 0}, "length", "must be at least 1, is 0"),
        ({"length": "8"}, "length", "must be a whole number"),
        ({"length": True}, "length", "must be a whole number"),
        ({"length": 4, "minLower": 3, "minUpper": 2}, "length", "is 4, less than the 5 that minUpper, minLower, ... add up to"),
        ({"length": 4, "numeric": True, "number": False}, "number", "is the old name of numeric and says the opposite: leave it out"),
        ({"length": 4, "lenght": 4}, "lenght", "the offline plugin knows no such input"),
    ],
)
def test_bad_inputs_are_named(password: Client, news: Properties, failing: str, reason: str) -> None:
    assert password.failures(news)[failing].startswith(reason)


def test_a_password_without_any_characters_is_refused(password: Client) -> None:
    news = {"length": 4, "upper": False, "lower": False, "number": False, "special": False}
    assert "no character is left" in password.failures(news)["special"]


def test_inputs_that_are_not_known_yet_pass(password: Client) -> None:
    assert not password.failures({"length": UNKNOWN, "minLower": UNKNOWN, "special": UNKNOWN})


def test_check_writes_no_defaults_into_the_inputs(password: Client) -> None:
    assert decode(password.check({"length": 4}).inputs).values == {"length": 4}


def test_a_preview_knows_the_inputs_and_nothing_else(password: Client) -> None:
    _, outputs = password.create({"length": 8}, preview=True)
    assert outputs.values["length"] == 8
    assert outputs.values["result"] is UNKNOWN
    assert ("result",) in outputs.secrets


@pytest.mark.parametrize(
    ("before", "after", "replaces"),
    [
        ({"length": 8}, {"length": 8}, []),
        ({"length": 8}, {"length": 8, "special": True, "overrideSpecial": "", "minLower": 0, "keepers": {}}, []),
        ({"length": 8, "number": False}, {"length": 8, "numeric": False}, []),
        ({"length": 8}, {"length": 9}, ["length"]),
        ({"length": 8}, {"length": 8, "special": False}, ["special"]),
        ({"length": 8}, {"length": 8, "numeric": False}, ["number", "numeric"]),
        ({"length": 8, "keepers": {"a": "1"}}, {"length": 8, "keepers": {"a": "2"}}, ["keepers"]),
        ({"length": 8, "keepers": {"a": "1"}}, {"length": 8}, ["keepers"]),
        ({"length": 8}, {"length": 8, "keepers": {"a": UNKNOWN}}, ["keepers"]),
    ],
)
def test_every_real_change_makes_a_new_password(password: Client, before: Properties, after: Properties, replaces: list[str]) -> None:
    outputs = password.create(before)[1].values
    assert list(password.diff(outputs, before, after).replaces) == replaces


def test_the_vendors_state_needs_no_change(password: Client) -> None:
    """Outputs as the vendor's plugin writes them (its recorded upgrade tests), with the bridge's own keys."""
    inputs: Properties = {"length": 16, "special": True, "__defaults": []}
    outputs: Properties = {
        "__meta": '{"schema_version":"3"}',
        "id": "none",
        "length": 16,
        "lower": True,
        "minLower": 0,
        "minNumeric": 0,
        "minSpecial": 0,
        "minUpper": 0,
        "number": True,
        "numeric": True,
        "overrideSpecial": None,
        "keepers": None,
        "result": "x" * 16,
        "special": True,
        "upper": True,
    }
    assert not password.diff(outputs, inputs, {"length": 16, "special": True}).detailedDiff
    answer = password.read("none", inputs, outputs, (("result",),))
    assert decode(answer.properties).values == decode(answer.properties).values | {"result": "x" * 16}
    assert decode(answer.properties).internal == {"__meta": '{"schema_version":"3"}'}


def test_bytes_are_secret_and_not_their_own_id(octets: Client) -> None:
    resource_id, outputs = octets.create({"length": 24})
    assert resource_id == "none"
    assert set(outputs.secrets) == {("base64",), ("hex",)}
    assert base64.b64decode(outputs.values["base64"]) == bytes.fromhex(outputs.values["hex"])
    assert len(bytes.fromhex(outputs.values["hex"])) == 24


def test_an_id_is_written_in_every_base_with_its_prefix(identifier: Client) -> None:
    resource_id, outputs = identifier.create({"byteLength": 5, "prefix": "p-"})
    values = outputs.values
    octets = bytes.fromhex(values["hex"].removeprefix("p-"))
    assert resource_id == base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    assert values["b64Url"] == f"p-{resource_id}"
    assert values["b64Std"] == "p-" + base64.b64encode(octets).decode()
    assert values["dec"] == f"p-{int.from_bytes(octets, 'big')}"
    assert not outputs.secrets


def test_a_string_is_its_own_id_and_no_secret(text: Client) -> None:
    resource_id, outputs = text.create({"length": 12})
    assert resource_id == outputs.values["result"]
    assert not outputs.secrets


def test_imports_take_over_what_exists(password: Client, octets: Client, identifier: Client, text: Client) -> None:
    answer = password.read("s3cret!", {}, {})
    assert answer.id == "none"
    assert decode(answer.properties).values["result"] == "s3cret!"
    assert set(decode(answer.properties).secrets) == {("result",), ("bcryptHash",)}
    assert decode(answer.inputs).values == {"length": 7}
    assert decode(octets.read("AAEC", {}, {}).properties).values["hex"] == "000102"
    assert decode(identifier.read("a,b,AAEC", {}, {}).properties).values["hex"] == "a,b000102"
    assert text.read("abc", {}, {}).id == "abc"
    assert "base64" in call_error(lambda: octets.read("!", {}, {})).details()
