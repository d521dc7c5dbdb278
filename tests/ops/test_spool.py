"""Orders and the bell: the real scripts of collector and sweeper wait for it, and are woken by nothing else for seconds."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundle.templates import render
from ops.spool import Spool
from tests.blackbox.waiting import wait_for

SECONDS = 30
Start = Callable[[str], subprocess.Popen[bytes]]
SCRIPTS = {
    "sweeper": {"remote": "none:", "local_blobs": "", "config": "none"},
    "collector": {"config": "none"},
}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    (tmp_path / "spool").mkdir()
    return Spool(tmp_path / "spool")


def _tool(tmp_path: Path, name: str, script: str) -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    file = tmp_path / "bin" / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def start(tmp_path: Path, spool: Spool) -> Iterator[Start]:
    """Starts a script whose clock never rings, and returns when it waits for orders."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        # Waits for ever without being a sleep that stays behind.
        for tool, script in {"sleep": f"exec cat {tmp_path}/clock", "registry": "echo team/a"}.items():
            _tool(tmp_path, tool, script)
        if not (tmp_path / "clock").exists():
            os.mkfifo(tmp_path / "clock")
        script = tmp_path / f"{name}.sh"
        script.write_text(render(f"{name}.sh.j2", spool=str(spool.folder), **SCRIPTS[name]))
        environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        process = subprocess.Popen(["sh", str(script)], env=environment, stderr=subprocess.PIPE, start_new_session=True)
        processes.append(process)
        assert process.stderr
        assert b"waiting for orders" in process.stderr.readline()
        threading.Thread(target=process.stderr.read, daemon=True).start()
        return process

    yield start
    for process in processes:
        # With its clock, which would wait for ever.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)


def _blocked(process: subprocess.Popen[bytes]) -> bool:
    """Whether the script itself waits at the bell: it sleeps in the kernel, and no child of its works."""
    return "pipe" in Path(f"/proc/{process.pid}/wchan").read_text()


def _order(spool: Spool) -> str:
    return spool.order({"command": "ping"})


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_order_wakes_the_service(name: str, start: Start, spool: Spool) -> None:
    process = start(name)
    for _ in range(3):
        wait_for(f"the {name} to wait at the bell", lambda: _blocked(process), seconds=SECONDS)
        assert spool.wait(_order(spool), SECONDS).code == 0, "nothing but the bell wakes it here"


@pytest.mark.parametrize("name", SCRIPTS)
def test_one_that_was_ordered_before_it_started_is_carried_out(name: str, start: Start, spool: Spool) -> None:
    identity = _order(spool)
    start(name)
    assert spool.wait(identity, SECONDS).code == 0


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_ends_while_it_waits(name: str, start: Start) -> None:
    process = start(name)
    wait_for(f"the {name} to wait at the bell", lambda: _blocked(process), seconds=SECONDS)
    process.terminate()
    assert process.wait(SECONDS) == 0, "an engine would kill it after its stop timeout"


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_order_of_somebody_who_does_not_ring_is_found_when_the_clock_rings(
    name: str, start: Start, spool: Spool, tmp_path: Path
) -> None:
    process = start(name)
    wait_for(f"the {name} to wait at the bell", lambda: _blocked(process), seconds=SECONDS)
    identity = Spool.new_identity()
    (spool.folder / f"tmp-{identity}").mkdir()
    (spool.folder / f"tmp-{identity}" / "command").write_text("ping")
    (spool.folder / f"tmp-{identity}").rename(spool.folder / f"new-{identity}")
    os.close(os.open(tmp_path / "clock", os.O_WRONLY))
    assert spool.wait(identity, SECONDS).code == 0, "an ops of an older version does not ring"


def test_a_bell_that_nobody_hears_does_not_stop_an_order(spool: Spool) -> None:
    os.mkfifo(spool.folder / "bell")
    identity = _order(spool)
    assert spool.running(identity), "the service looks for orders when it starts"


def test_a_bell_that_is_full_does_not_stop_an_order(spool: Spool) -> None:
    os.mkfifo(spool.folder / "bell")
    bell = os.open(spool.folder / "bell", os.O_RDWR | os.O_NONBLOCK)
    try:
        started = time.monotonic()
        while True:
            try:
                os.write(bell, b"\n" * 4096)
            except BlockingIOError:
                break
            assert time.monotonic() - started < SECONDS, "a pipe is full some time"
        assert spool.running(_order(spool)), "a service that is busy has heard enough"
    finally:
        os.close(bell)


def test_the_bell_is_no_order_that_is_tidied_away(spool: Spool) -> None:
    os.mkfifo(spool.folder / "bell")
    os.utime(spool.folder / "bell", (0, 0))
    spool.tidy()
    assert (spool.folder / "bell").exists()
