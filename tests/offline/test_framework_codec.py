"""Property structs to plain values and back."""

from __future__ import annotations

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from offline.plugins.framework.codec import Decoded, decode, encode, secret_paths
from offline.plugins.framework.values import UNKNOWN, has_unknown

SIGNATURE = "4dabf18193072939515e22adb298388d"

names = st.text(min_size=1, max_size=8).filter(lambda name: not name.startswith("__") and name != SIGNATURE)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.just(UNKNOWN)
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12)


def _paths(value: object, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    return ([path] if path else []) + [found for key, item in items for found in _paths(item, (*path, key))]


@given(st.dictionaries(names, values, max_size=5))
def test_plain_values_survive_the_round_trip(properties: dict[str, object]) -> None:
    assert decode(encode(properties)) == Decoded(properties)


@given(st.dictionaries(names, values, min_size=1, max_size=4), st.data())
def test_secrets_survive_the_round_trip_at_their_place(properties: dict[str, object], data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(_paths(properties, ())))
    struct = encode(properties, [place])
    assert decode(struct) == Decoded(properties, (place,))


@given(st.dictionaries(names, values, min_size=1, max_size=4), st.data())
def test_a_secret_stays_secret_wherever_its_value_moves_within_its_property(properties: dict[str, object], data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(_paths(properties, ())))
    source = Decoded(properties, (place,))
    changed = {name: [value] for name, value in properties.items()}
    name = str(place[0])
    assert (name,) in secret_paths(changed, [source])
    if properties[name] is not None:
        assert place in secret_paths(properties, [source])


def test_an_integer_stays_one() -> None:
    value = decode(encode({"length": 32, "share": 0.5})).values
    assert value == {"length": 32, "share": 0.5}
    assert isinstance(value["length"], int)


@pytest.mark.parametrize(
    "marker",
    [
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    ],
)
def test_every_kind_of_unknown_is_understood(marker: str) -> None:
    struct = Struct()
    struct.update({"a": marker, "b": [{"c": marker}]})
    decoded = decode(struct).values
    assert decoded["a"] is UNKNOWN
    assert has_unknown(decoded["b"])


def test_an_unknown_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="UNKNOWN"):
        bool(UNKNOWN)


def test_output_values_and_resource_references_are_unwrapped() -> None:
    struct = Struct()
    struct.update(
        {
            "known": {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": "x", "secret": True},
            "unknown": {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4"},
            "resource": {SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "urn:x", "id": "abc"},
            "component": {SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "urn": "urn:x"},
        }
    )
    decoded = decode(struct)
    assert decoded.values == {"known": "x", "unknown": UNKNOWN, "resource": "abc", "component": "urn:x"}
    assert decoded.secrets == (("known",),)


def test_the_bridges_own_keys_are_set_aside() -> None:
    struct = Struct()
    struct.update({"__meta": "{}", "__defaults": ["a"], "subject": {"__defaults": [], "commonName": "x"}})
    decoded = decode(struct)
    assert decoded.values == {"subject": {"commonName": "x"}}
    assert decoded.internal == {"__meta": "{}", "__defaults": ["a"]}


def test_what_is_no_property_value_is_named() -> None:
    with pytest.raises(TypeError, match=r"uploads\.0: a bytes"):
        encode({"uploads": [b"x"]})


def test_outputs_that_are_always_secret_are_marked_but_nothing_is_made_of_none() -> None:
    assert secret_paths({"result": "x", "empty": None, "length": 3}, [], {"result", "empty"}) == [("result",)]


def test_an_unchanged_property_keeps_its_secret_at_the_exact_place() -> None:
    source = Decoded({"uploads": [{"file": "/a", "content": "s"}]}, (("uploads", 0, "content"),))
    assert secret_paths({"uploads": [{"file": "/a", "content": "s"}]}, [source]) == [("uploads", 0, "content")]
