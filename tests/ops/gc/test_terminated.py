"""SIGTERM, as `pulumi up` or a restarted engine sends it: whatever a job was doing, the gate is open and the lock is free afterwards."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bundle import operations
from ops import commands, cron, lock, schedule
from ops.context import Context
from ops.errors import USAGE
from ops.gate import Gate
from ops.lock import FileLock
from ops.schedule import Job, Loop
from tests.bundle.specs import DEFAULT

_JOB = """
import sys, time
from pathlib import Path
from ops import termination
from ops.gate import Gate
from ops.lock import FileLock
termination.install()
root = Path(sys.argv[1])
def settle():
    print("settles", flush=True)
    time.sleep(0.3)
gate = Gate(root / "closed", FileLock(root, lease_seconds=60), settle)
with gate.job("gc") as lease, gate.closed(lease, "gc"):
    print("closed", flush=True)
    time.sleep(60)
"""


@contextmanager
def _job(root: Path) -> Iterator["subprocess.Popen[str]"]:
    """A job that has the gate closed."""
    with subprocess.Popen([sys.executable, "-c", _JOB, str(root)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert [process.stdout.readline() for _ in range(2)] == ["settles\n", "closed\n"]
        yield process
        process.kill()


def test_a_terminated_job_opens_its_gate_and_lets_go_of_the_lock(tmp_path: Path) -> None:
    with _job(tmp_path) as process:
        process.terminate()
        assert process.stdout
        assert process.stdout.readline() == "settles\n"
        process.terminate()  # the second signal does not cut off the cleaning up
        assert process.wait(60) != 0
    assert not (tmp_path / "closed").exists()
    assert FileLock(tmp_path).owner() is None


def test_the_gate_of_a_job_that_had_to_be_killed_opens_after_its_lease(tmp_path: Path) -> None:
    with _job(tmp_path) as process:
        process.kill()
        process.wait(60)
    gate = Gate(tmp_path / "closed", FileLock(tmp_path))
    assert not gate.reopen(0), "its lease still runs"
    file = tmp_path / "lock.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "expires": time.monotonic()}))
    assert gate.reopen(60)
    assert not gate.file.exists()


def test_the_loop_gives_a_job_time_to_clean_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), sys.exit(7)))\nopen(sys.argv[1], 'w')\n"
    started = tmp_path / "started"
    monkeypatch.setattr(schedule, "SUPERVISE_SECONDS", 0.1)
    # Stopped as soon as the job runs.
    loop = Loop([], lambda: loop.stop() if started.exists() else None, tmp_path, [sys.executable, "-c", slow + "time.sleep(60)"])
    assert loop.run_job(Job("slow", (str(started),), cron.parse("* * * * *"))) == 7


def test_the_container_is_given_long_enough() -> None:
    ops = next(service for service in operations.services(DEFAULT) if service.name == "ops")
    assert ops.stop_seconds >= 2 * schedule.STOP_SECONDS + lock.LEASE_SECONDS + 5


def test_a_loop_that_cannot_start_opens_the_gate_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPS_ROOT", str(tmp_path))
    context = Context()
    for file in (context.places.gate, context.places.settings):
        file.parent.mkdir(parents=True)
    (context.places.spool / "sweeper").mkdir(parents=True)
    context.places.gate.write_text('{"reason": "gc", "token": "of a dead job", "since": 1}')
    context.places.settings.write_text("{}")
    assert commands.main(["schedule"], context) == USAGE
    assert not context.places.gate.exists()
