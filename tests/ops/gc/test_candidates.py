"""What may go: decisions on the two keys, the history and the journal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.gc.candidates import compare, deletable_untagged, disagreements, history, ripe
from ops.gc.collector import DryRun, is_empty_registry, parse
from ops.walk import Reachable

A, B, C, D = ("sha256:" + letter * 64 for letter in "abcd")


def reachable(manifests: dict[str, set[str]], blobs: dict[str, set[str]]) -> Reachable:
    return Reachable({}, {name: frozenset(value) for name, value in manifests.items()}, {n: frozenset(v) for n, v in blobs.items()}, [])


def test_the_collectors_lines_are_read() -> None:
    lines = [
        "team/app\n",
        f"team/app: marking manifest {A} \n",
        f"team/app: marking blob {B}\n",
        "\n",
        "2 blobs marked, 1 blobs and 0 manifests eligible for deletion\n",
        f"blob eligible for deletion: {C}\n",
        f"team/app: layer link eligible for deletion: {D}\n",
    ]
    assert parse(lines) == DryRun(frozenset({C}), frozenset({("team/app", A)}))


@pytest.mark.parametrize(
    "message",
    [
        "failed to garbage collect: failed to mark: filesystem: Path not found: /docker/registry/v2/repositories",
        # As 3.1.2 and 2.8.2 say it where the only repository has an unfinished upload.
        "failed to garbage collect: error enumerating blobs: filesystem: Path not found: /docker/registry/v2/blobs",
    ],
)
def test_an_empty_registry_is_no_error(message: str) -> None:
    assert is_empty_registry(1, message)
    assert not is_empty_registry(1, message + "/team/app/_manifests")
    assert not is_empty_registry(2, message)


def test_only_what_both_keys_call_garbage_is_garbage() -> None:
    keys = compare(DryRun(frozenset({A, B, C}), frozenset({("r", D)})), reachable({"r": {D}}, {"r": {B}}), alive={C})
    assert keys.garbage == {A}
    assert keys.kept_by_walk == {B, C}
    assert keys.untagged == frozenset()


def test_a_skipped_repository_shows() -> None:
    keys = compare(DryRun(frozenset({A, B}), frozenset()), reachable({"r": {A}}, {"r": {B}}), alive=())
    assert any("did not look" in line for line in disagreements(keys, touched=()))
    assert disagreements(keys, touched={A, B}) == [], "an image that was pushed between the two keys explains it"


@given(
    st.frozensets(st.integers(0, 30)),
    st.frozensets(st.integers(0, 30)),
    st.frozensets(st.integers(0, 30)),
    st.frozensets(st.integers(0, 30)),
)
def test_nothing_that_is_reached_is_ever_garbage(
    eligible: frozenset[int], manifests: frozenset[int], blobs: frozenset[int], alive: frozenset[int]
) -> None:
    def named(numbers: frozenset[int]) -> set[str]:
        return {f"sha256:{number:064d}" for number in numbers}

    keys = compare(DryRun(frozenset(named(eligible)), frozenset()), reachable({"r": named(manifests)}, {"r": named(blobs)}), named(alive))
    assert not keys.garbage & (named(manifests) | named(blobs) | named(alive))
    assert keys.garbage <= named(eligible)


def test_garbage_must_be_garbage_without_a_break() -> None:
    first = history({}, 100, [("", A), ("", B)])
    second = history(first, 200, [("", A)])
    third = history(second, 300, [("", A), ("", B)])
    assert third == {("", A): 100, ("", B): 300}
    assert ripe(third, 300, 200) == {("", A)}
    assert ripe(third, 300, 201) == frozenset()


INDEX, CHILD, OTHER = ("r", A), ("r", B), ("r", C)


def _deletable(
    ripe_: set[tuple[str, str]], touched: set[str], subjects: dict[tuple[str, str], str] | None = None
) -> frozenset[tuple[str, str]]:
    children = {INDEX: {B}, CHILD: set[str](), OTHER: set[str]()}
    return deletable_untagged(
        ripe_,
        {INDEX, CHILD, OTHER},
        touched,
        closure=lambda named: children[named],
        subject=(subjects or {}).get,
        reached={D},
    )


def test_an_untagged_index_goes_with_its_children() -> None:
    assert _deletable({INDEX, CHILD}, set()) == {INDEX, CHILD}


def test_children_of_an_index_that_stays_stay() -> None:
    assert _deletable({CHILD, OTHER}, set()) == {OTHER}
    assert _deletable({INDEX, CHILD, OTHER}, {A}) == {OTHER}, "somebody pulls the index by digest"


def test_what_is_about_a_tagged_image_stays() -> None:
    assert _deletable({OTHER}, set(), {OTHER: D}) == frozenset()
    assert _deletable({OTHER}, set(), {OTHER: A}) == {OTHER}
