"""What a job left half done is ended before writes come back, also on a machine that can't write, and the gate opens all the same."""

import errno
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops import cron
from ops.errors import OpsError
from ops.gc.database import Database
from ops.gc.run import watch
from ops.gc.settle import SettleError, Settlement
from ops.lock import FileLock
from ops.schedule import Job, Loop
from ops.spool import Result, Spool, SpoolError
from tests.ops.gc.world import World, world

RUN = "20260101T000000Z-000"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def moved(here: World) -> str:
    """A job died between sweep and flush, with the gate closed. Returns the blob that it had moved."""
    digest = here.blob(b"one")
    here.sweeper.sweep(RUN, [digest], 5)
    here.gate.file.write_text(json.dumps({"reason": "gc", "token": "of a dead job", "since": 1}))
    return digest


def _no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def _locked(_database: Database) -> None:
    raise sqlite3.OperationalError("database or disk is full")


BROKEN = {
    "nothing can be ordered": ("order",),
    "the lock can't be written": ("lock",),
    "nothing can be noted down": ("note",),
    "nothing at all can be written": ("order", "lock", "note"),
    "the database is broken": ("database",),
    "the sweeper is gone": ("sweeper",),
}


def _break(here: World, patch: pytest.MonkeyPatch, what: str) -> None:
    places = {"order": (Spool, "order", _no_space), "lock": (FileLock, "_write", _no_space), "note": (Database, "change", _locked)}
    for name in BROKEN[what]:
        if name in places:
            patch.setattr(*places[name])
    here.spool.frozen = what == "the sweeper is gone"
    if what == "the database is broken":
        for file in here.root.glob("gc.sqlite*"):
            file.write_bytes(b"x" * 5000)


@pytest.mark.parametrize("what", BROKEN)
def test_the_gate_opens_with_a_flush_alone(here: World, moved: str, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    with monkeypatch.context() as patch:
        _break(here, patch, what)
        assert here.gate.supervise()
    assert not here.gate.file.exists()
    assert here.flushes == 1
    here.spool.frozen = False
    watch(here.parts())
    if what != "the database is broken":
        assert moved in here.content.blobs, "it comes back as soon as that can be done"
        assert here.sweeper.moving() == []


@pytest.mark.parametrize("what", BROKEN)
def test_without_a_flush_the_gate_stays_closed(here: World, moved: str, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    def fail() -> None:
        raise OpsError("redis does not answer")

    monkeypatch.setattr(here.gate, "_settle", Settlement(here.sweeper, fail, here.database))
    if what == "the lock can't be written":
        assert here.gate.supervise(), "then the blobs come back"
        assert moved in here.content.blobs
        return
    with monkeypatch.context() as patch:
        _break(here, patch, what)
        with pytest.raises(SettleError, match="redis"):
            here.gate.supervise()
    assert here.gate.file.exists()


def test_a_sweep_that_goes_on_after_the_gate_opened_is_undone(here: World) -> None:
    """The sweeper was frozen in the middle of an order, and moves on when everybody has given up on it."""
    digest = here.blob(b"one")
    serve, work = here.spool.serve, list[Path]()

    def freeze(folder: Path) -> tuple[int, str]:
        work.append(folder)
        raise TimeoutError

    here.spool.serve = freeze
    with pytest.raises(TimeoutError), here.gate.job("gc") as lease, here.gate.closed(lease, "gc"):
        here.spool.serve = freeze
        try:
            here.sweeper.sweep(RUN, [digest], 1)
        finally:
            here.spool.serve, here.spool.frozen = serve, True
    assert not here.gate.file.exists()
    assert here.flushes == 1
    assert here.sweeper.moving() == [(RUN, digest)], "it is not forgotten"
    here.spool.frozen = False
    serve(work[0])
    assert digest not in here.content.blobs
    (work[0] / "code").write_text("0")
    work[0].rename(work[0].with_name(work[0].name.replace("run-", "done-")))
    watch(here.parts())
    assert digest in here.content.blobs
    assert here.flushes == 2


def test_a_result_that_could_not_be_written_is_an_error_of_the_service(tmp_path: Path) -> None:
    (tmp_path / "code").touch()
    with pytest.raises(SpoolError, match="disk full"):
        _ = Result("x", tmp_path).code


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk is full"), ValueError("x"), OpsError("x"), _no_space])
def test_the_main_loop_survives_whatever_its_supervisor_meets(tmp_path: Path, error: object) -> None:
    calls: list[int] = []

    def supervise() -> None:
        calls.append(1)
        if len(calls) == 3:
            loop.stop()
        if isinstance(error, Exception):
            raise error
        _no_space()

    loop = Loop([Job("never", (), cron.parse("0 0 1 1 *"))], supervise, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ops.schedule.SUPERVISE_SECONDS", 0.01)
        loop.run()
    assert len(calls) == 3
