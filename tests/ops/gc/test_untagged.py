"""Which manifests without a tag go: what no list, no rule and nobody speaks for, and with a way back."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops import recycle
from ops.api import Registry, RegistryError
from ops.for_good import ForGood
from tests.ops.gc.world import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def _there(here: World, repository: str, digest: str) -> bool:
    return digest in here.content.links[repository]


def _step(name: str, work: Callable[[], object]) -> Callable[[str], None]:
    def step(now: str) -> None:
        if now == name:
            work()

    return step


def test_a_repository_that_the_catalog_leaves_out_keeps_everything(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here.image("a", "stays")
    hidden, blob = here.image("hidden", "v1"), here.blob(b"one")
    listed = Registry.repositories
    monkeypatch.setattr(Registry, "repositories", lambda self: [name for name in listed(self) if name != "hidden"])
    here.ripen()
    report = here.collect()
    assert "does not list the repository hidden" in report.stopped
    assert _there(here, "hidden", hidden)
    assert blob in here.content.blobs


@pytest.mark.parametrize("through", ["itself", "an index"])
def test_a_tag_that_one_list_left_out_keeps_its_manifests(here: World, monkeypatch: pytest.MonkeyPatch, through: str) -> None:
    here.image("a", "stays")
    digest = here.image("a", "v1" if through == "itself" else "")
    if through == "an index":
        here.index("a", [digest], "v1")
    tags = Registry.tags
    with monkeypatch.context() as patch:
        patch.setattr(Registry, "tags", lambda self, name: [tag for tag in tags(self, name) if tag != "v1"])
        here.ripen()
        report = here.collect(_step("act", patch.undo))
    assert "a:v1 needs a manifest that seemed to have no tag" in report.stopped
    assert _there(here, "a", digest)


def test_a_tag_pushed_meanwhile_on_something_else_stops_nothing(here: World) -> None:
    here.image("a", "stays")
    digest = here.image("a")
    here.ripen()
    report = here.collect(_step("act", lambda: here.image("a", "new")))
    assert (report.stopped, report.untagged_deleted) == ("", 1)
    assert not _there(here, "a", digest)


def _in_bin(here: World) -> list[str]:
    return [entry.digest for entry in recycle.entries(here.registry)]


def test_what_goes_can_be_brought_back_by_its_digest(here: World) -> None:
    here.image("a", "stays")
    digest = here.image("a")
    here.ripen()
    assert here.collect().untagged_deleted == 1
    assert not _there(here, "a", digest)
    [entry] = recycle.entries(here.registry)
    assert (entry.repository, entry.digest, entry.tags) == ("a", digest, ())
    recycle.restore(here.registry, entry, lambda _: pytest.fail("without tags no gate is closed"))
    assert _there(here, "a", digest)


def test_an_index_goes_into_the_bin_whole_and_once(here: World) -> None:
    here.image("a", "stays")
    children = [here.image("a"), here.image("a")]
    index = here.index("a", children)
    here.ripen()
    assert here.collect().untagged_deleted == 3
    assert _in_bin(here) == [index]
    assert {index, *children} <= here.content.links["ops-recycle-bin/a"]


def test_what_was_deleted_for_good_goes_without_the_bin_and_so_do_its_parts(here: World) -> None:
    here.image("a", "stays")
    children = [here.image("a"), here.image("a")]
    index = here.index("a", children)
    ForGood(here.database).note([("a", digest) for digest in (index, *children)])
    here.ripen()
    assert here.collect().untagged_deleted == 3
    assert _in_bin(here) == [], "`--permanently` was asked for: a leaked secret must not wait in the bin"


def test_what_was_pushed_again_after_it_was_deleted_for_good_has_its_way_back(here: World) -> None:
    here.image("a", "stays")
    digest = here.image("a")
    ForGood(here.database).note([("a", digest)])
    with here.database.change() as connection:
        connection.execute("INSERT INTO written VALUES ('a', 'v1', ?, ?, 1)", (digest, time.time() + 1))
    assert ForGood(here.database).manifests() == frozenset()


def test_what_leaves_the_bin_does_not_come_into_it_again(here: World) -> None:
    here.image("a", "stays")
    digest = here.image("ops-recycle-bin/a")
    here.ripen()
    assert here.collect().untagged_deleted == 1
    assert not _there(here, "ops-recycle-bin/a", digest)
    assert _in_bin(here) == []


def test_what_cannot_be_put_into_the_bin_stays(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here.image("a", "stays")
    child = here.image("a")
    index = here.index("a", [child])
    here.ripen()

    def refuse(*_: object) -> None:
        raise RegistryError("a layer is missing", 404)

    monkeypatch.setattr(recycle, "put", refuse)
    report = here.collect()
    assert report.untagged_deleted == 0
    assert report.kept_back["untagged, but can't be put into the recycle bin"] == 2
    assert _there(here, "a", index)
    assert _there(here, "a", child)


PROTECT = [{"repositories": ["a/**"], "protect": True}]


def test_a_rule_that_protects_a_repository_keeps_what_has_no_tag_there(here: World) -> None:
    protected, other = here.image("a/b"), here.image("c")
    here.settings = {"retention": {"rules": PROTECT}}
    here.ripen()
    report = here.collect()
    assert report.kept_back["untagged, but a rule protects the repository"] == 1
    assert _there(here, "a/b", protected)
    assert not _there(here, "c", other)


@pytest.mark.parametrize("named", ["itself", "its config", "its part"])
def test_what_runs_is_kept_also_without_a_tag(here: World, tmp_path: Path, named: str) -> None:
    runs, other = here.image("a"), here.image("a")
    config = str(json.loads(here.content.manifests[runs])["config"]["digest"])
    kept = here.index("a", [runs]) if named == "its part" else runs
    (tmp_path / "list").write_text({"its config": config}.get(named, runs) + "\n")
    here.settings = {"retention": {"inUse": str(tmp_path / "list")}}
    here.ripen()
    report = here.collect()
    assert report.kept_back["untagged, but in use"] >= 1
    assert _there(here, "a", kept)
    assert _there(here, "a", runs)
    assert not _there(here, "a", other)


def test_a_list_that_cannot_be_read_keeps_all_manifests_but_no_blobs(here: World, tmp_path: Path) -> None:
    digest, blob = here.image("a"), here.blob(b"one")
    here.settings = {"retention": {"inUse": str(tmp_path / "not-there")}}
    here.ripen()
    report = here.collect()
    assert (report.untagged_deleted, report.swept_blobs) == (0, 1)
    assert _there(here, "a", digest)
    assert blob not in here.content.blobs


def test_the_list_is_read_again_right_before(here: World, tmp_path: Path) -> None:
    digest = here.image("a")
    listed = tmp_path / "list"
    listed.write_text("# none\n")
    here.settings = {"retention": {"inUse": str(listed)}}
    here.ripen()
    assert here.collect(_step("act", lambda: listed.write_text(digest + "\n"))).untagged_deleted == 0
    assert _there(here, "a", digest)


@pytest.mark.parametrize("what", ["the index", "another image"])
def test_a_write_through_the_closed_gate_brings_everything_back(here: World, what: str) -> None:
    """Also what nobody asked for: which of them the write relied on is not worth guessing."""
    here.image("a", "stays")
    child = here.image("a")
    index = here.index("a", [child])
    here.ripen()

    def write() -> None:
        body = here.content.manifests[index]
        digest = here.content.store("a", "new", body) if what == "the index" else here.image("b", "new")
        here.journaled("PUT", f"/v2/{'a' if what == 'the index' else 'b'}/manifests/new", 201, digest)

    # As the registry does it, an index is taken only when its parts are there.
    stored = here.content.store

    def strict(repository: str, reference: str, body: bytes) -> str:
        for entry in json.loads(body).get("manifests", ()):
            assert entry["digest"] in here.content.links[repository], "an index came before its parts"
        return stored(repository, reference, body)

    here.content.store = strict  # type: ignore[method-assign]
    here.on_unlink = lambda _, digest: write() if digest == index else None
    report = here.collect()
    assert "came through the closed gate" in report.stopped
    assert _there(here, "a", child)
    assert _there(here, "a", index)
    assert _in_bin(here) == [], "nothing was deleted"
