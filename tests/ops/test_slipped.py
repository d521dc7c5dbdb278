"""A write that comes through the closed gate while something is deleted or brought back: what was acknowledged is there afterwards."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops import recycle
from ops.cache import Cache
from ops.delete import Deleter, Target
from ops.drain import ReplicaDrain
from ops.errors import STOPPED, OpsError
from ops.for_good import ForGood
from ops.moments import Moment, Moments, closed_moments
from ops.slipped import Slipped
from ops.tag_changes import JournalTagChanges
from tests.ops.gc.world import World, world


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("ops.moments.PAUSE_SECONDS", 0.01)
    with world(tmp_path) as made:
        yield made


def _work(here: World, work: Callable[[Moments], object]) -> None:
    changes = JournalTagChanges(here.journal)
    slipped = Slipped(here.registry, Cache(here.root / "manifests"), changes)
    with here.gate.job("delete") as lease, pytest.raises(OpsError, match="came through the closed gate") as caught:
        work(closed_moments(here.gate, lease, ReplicaDrain([]), 5, slipped.put_back))
    assert caught.value.exit_code == STOPPED
    assert not here.gate.file.exists()


def _deleting(here: World, major: int, target: Target, *, to_bin: bool) -> Callable[[Moments], object]:
    def work(moments: Moments) -> None:
        cache, changes = Cache(here.root / "manifests"), JournalTagChanges(here.journal)
        bin_time = time.time() if to_bin else None
        if not to_bin:
            cache.put(here.registry.manifest(target.repository, target.digest))  # making the plan has read it
        Deleter(here.registry, major, moments, bin_time=bin_time, cache=cache, changes=changes).delete([target])

    return work


@pytest.mark.parametrize("to_bin", [True, False])
@pytest.mark.parametrize(("major", "tag", "same"), [(3, "v1", False), (3, "v1", True), (2, "new", True), (2, "v1", True)])
def test_a_push_while_its_tag_is_deleted(here: World, major: int, tag: str, same: bool, to_bin: bool) -> None:
    old = here.image("a", "v1")
    pushed: list[str] = []

    def push(repository: str, _reference: str) -> None:
        if not pushed and repository == "a":
            body = here.content.manifests[old] if same else json.dumps({"mediaType": "application/vnd.oci.image.manifest.v1+json"}).encode()
            pushed.append(here.content.store("a", tag, body))
            here.journaled("PUT", f"/v2/a/manifests/{tag}", 201, pushed[0])

    here.content.on_delete = push
    _work(here, _deleting(here, major, Target("a", old, ("v1",), "test"), to_bin=to_bin))
    assert here.registry.head_manifest("a", tag) == pushed[0]


def test_a_push_that_undo_would_overwrite(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    old = here.image("a", "v1")
    entry = recycle.put(here.registry, Target("a", old, ("v1",), "test"), time.time())
    here.registry.delete_tag("a", "v1")
    pushed: list[str] = []
    put = type(here.registry).put_manifest

    def slip(*arguments: object) -> str:
        if arguments[1:3] == ("a", "v1") and not pushed:
            pushed.append(here.content.add("a", "v1", "2026-02-02T00:00:00Z"))
            here.journaled("PUT", "/v2/a/manifests/v1", 201, pushed[0])
        return put(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(here.registry), "put_manifest", slip)
    _work(here, lambda moments: recycle.restore(here.registry, entry, moments))
    assert here.registry.head_manifest("a", "v1") == pushed[0]


def test_a_push_that_was_never_acknowledged_is_nobodys(here: World) -> None:
    old = here.image("a", "v1")
    here.content.on_delete = lambda *_: here.journaled("PUT", "/v2/a/manifests/v1", 499)
    _work(here, _deleting(here, 3, Target("a", old, ("v1",), "test"), to_bin=True))
    assert here.registry.head_manifest("a", "v1") is None


def test_a_deletion_that_was_cut_off_leaves_no_tag_without_a_manifest(here: World) -> None:
    old = here.image("a", "v1")
    here.content.repositories["a"] = {"v1": old, "v2": old}

    first, cuts = here.content.delete, list[str]()

    # The first request removed the manifest and then lost its replica; the one that is sent again finds none.
    def delete(repository: str, reference: str) -> bool:
        if repository == "a" and not cuts:
            cuts.append(reference)
            here.content.links["a"].discard(reference)
            return False
        return first(repository, reference)

    here.content.delete = delete  # type: ignore[method-assign]
    with here.gate.job("delete") as lease:
        moments = closed_moments(here.gate, lease, ReplicaDrain([]), 5)
        deleter = Deleter(here.registry, 2, moments, bin_time=time.time(), cache=Cache(here.root / "manifests"))
        outcomes = deleter.delete([Target("a", old, ("v1", "v2"), "test")])
    assert [outcome.done for outcome in outcomes] == [True]
    assert here.registry.tags("a") == []


def test_many_tags_of_one_image_take_as_many_moments_as_they_need(here: World) -> None:
    tags = tuple(f"t{number:02d}" for number in range(10))
    old = here.image("a", "t00")
    here.content.repositories["a"] = dict.fromkeys(tags, old)
    here.content.on_delete = lambda *_: time.sleep(0.25)
    closings = 0
    with here.gate.job("delete") as lease:
        real = closed_moments(here.gate, lease, ReplicaDrain([]), 1)

        @contextlib.contextmanager
        def moments(reason: str) -> Iterator[Moment]:
            nonlocal closings
            closings += 1
            with real(reason) as moment:
                yield moment

        deleter = Deleter(here.registry, 3, moments, bin_time=None)
        assert [outcome.done for outcome in deleter.delete([Target("a", old, tags, "test")])] == [True]
    assert here.registry.tags("a") == []
    assert closings > 2


def test_only_what_was_deleted_without_the_bin_is_noted_with_its_parts(here: World) -> None:
    gone, running = here.image("a", "gone"), here.image("a", "running")
    with here.gate.job("delete") as lease:
        moments = closed_moments(here.gate, lease, ReplicaDrain([]), 5)
        notes = ForGood(here.database)
        deleter = Deleter(here.registry, 3, moments, bin_time=None, in_use=lambda: frozenset({running}), for_good=notes)
        deleter.delete([Target("a", gone, ("gone",), "test", 1, frozenset({"sha256:part"})), Target("a", running, ("running",), "test")])
    assert notes.manifests() == {("a", gone), ("a", "sha256:part")}, "an image that stayed must keep its way into the bin"
