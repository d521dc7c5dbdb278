"""What the journal protects, and that nobody without an account can stop a collection or its watch."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.api import RegistryError
from ops.gc.run import watch
from tests.ops.gc.world import World, world


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("ops.api.PAUSE_SECONDS", 0.001)
    with world(tmp_path) as made:
        yield made


@pytest.mark.parametrize("status", [301, 307, 400, 404, 405])
def test_a_name_that_the_registry_refuses_stops_neither_collection_nor_watch(here: World, status: int) -> None:
    here.image("a", "stays")
    garbage = here.blob(b"one")
    here.ripen()
    name = "b" * 300
    here.content.failures[f"/v2/{name}/manifests/x"] = [status] * 100
    here.journaled("PUT", f"/v2/{name}/manifests/x", 499)
    report = here.collect()
    assert report.stopped == ""
    assert garbage not in here.content.blobs
    # Nor is the rescue of a real image off.
    lost = here.image("a", "new")
    config = next(digest for digest in here.content.blobs if digest in here.content.manifests[lost].decode())
    here.journaled("PUT", "/v2/a/manifests/new", 201, lost)
    odd = here.content.store("a", "odd", b'{"mediaType": "text/plain"}')
    here.journaled("PUT", "/v2/a/manifests/odd", 201, odd)
    here.sweeper.sweep("20260101T000000Z-000", [config], 5)
    here.sweeper.swept("20260101T000000Z-000")
    assert watch(here.parts()) == [config]


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_an_answer_that_says_nothing_about_the_name_stops_the_collection(here: World, status: int) -> None:
    here.image("a", "stays")
    garbage = here.blob(b"one")
    here.ripen()
    here.content.failures["/v2/a/manifests/x"] = [status] * 100
    here.journaled("PUT", "/v2/a/manifests/x", 499)
    with pytest.raises(RegistryError):
        here.collect()
    assert garbage in here.content.blobs


def test_what_was_written_without_an_answer_is_protected(here: World) -> None:
    here.image("a", "stays")
    new = here.image("a", "new")
    config = next(digest for digest in here.content.blobs if digest in here.content.manifests[new].decode())
    here.forget_tag("a", "new")
    here.garbage.add(config)
    here.content.links["a"].discard(new)
    here.ripen()
    here.content.links["a"].add(new)
    here.content.repositories["a"] = {**(here.content.repositories["a"] or {}), "again": new}
    here.journaled("PUT", "/v2/a/manifests/again", 499, at=time.time() - 1)
    here.collect()
    assert config in here.content.blobs


def test_runs_that_fail_count_like_those_that_stop(here: World, capsys: pytest.CaptureFixture[str]) -> None:
    here.image("a", "stays")
    for _ in range(3):
        assert '"alert"' not in capsys.readouterr().err
        here.content.failures["/v2/a/tags/list"] = [500] * 10
        with pytest.raises(RegistryError):
            here.collect()
    assert '"gc.stopped"' in capsys.readouterr().err
    here.content.failures.clear()
    assert here.collect().stopped_in_a_row == 0
