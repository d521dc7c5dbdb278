"""Lock and gate: one job at a time, and a gate that does not stay closed when its job dies."""

import json
import time
from pathlib import Path

import pytest

import ops
from ops.errors import OpsError
from ops.gate import Gate, GateError
from ops.lock import FileLock, Lease, LockHeldError, LockLostError
from tests.ops.gc.fleet import until


def _dead(lock: FileLock) -> None:
    """As if the holder had been killed: the record stays, the lease ends."""
    file = lock.folder / "lock.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "expires": time.monotonic() - 1}))


def _expires(lock: FileLock) -> float:
    """When the lease of the lock's holder ends."""
    owner = lock.owner()
    return owner.expires if owner else 0


def _lost(lease: Lease) -> bool:
    try:
        lease.check()
    except LockLostError:
        return True
    return False


@pytest.fixture
def lock(tmp_path: Path) -> FileLock:
    return FileLock(tmp_path / "state", lease_seconds=10)


@pytest.fixture
def gate(tmp_path: Path, lock: FileLock) -> Gate:
    (tmp_path / "gate").mkdir()
    return Gate(tmp_path / "gate/closed", lock)


def test_the_second_job_learns_who_holds_the_lock(lock: FileLock) -> None:
    with lock.hold("gc"), pytest.raises(LockHeldError, match="'gc'"), lock.hold("retention"):
        pass
    with lock.hold("retention"):
        pass


def test_a_heartbeat_keeps_the_lease(lock: FileLock) -> None:
    with lock.hold("gc") as lease:
        expires = lease.owner.expires
        until(lambda: _expires(lock) > expires and lease._expires > expires, "the lease was renewed, and its holder knows", 60)
        lease.check()
        with pytest.raises(LockHeldError), lock.hold("other"):
            pass


def test_a_waiting_job_gets_the_lock_when_the_holder_dies(lock: FileLock) -> None:
    with lock.hold("gc") as lease:
        _dead(lock)
        with lock.hold("retention", wait_seconds=1):
            until(lambda: _lost(lease), "the first job sees that it lost the lock", 60)
        # Letting go of a lost lock does not take it from the new holder.
    assert lock.owner() is None


def test_a_record_from_before_a_restart_of_the_machine_counts_for_nothing(lock: FileLock) -> None:
    with lock.hold("gc"):
        file = lock.folder / "lock.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "boot": "another"}))
        assert lock.owner() is None


def test_the_gate_is_open_after_the_block_and_after_an_error(lock: FileLock, gate: Gate) -> None:
    with lock.hold("gc") as lease:
        with gate.closed(lease, "gc") as closed:
            closed.check()
            assert gate.file.exists()
        assert not gate.file.exists()
        with pytest.raises(KeyError), gate.closed(lease, "gc"):
            raise KeyError
        assert not gate.file.exists()


def test_a_gate_closed_by_hand_stays_closed(lock: FileLock, gate: Gate) -> None:
    gate.close_by_hand("maintenance")
    assert not gate.supervise()
    with lock.hold("gc") as lease, pytest.raises(GateError, match="by hand"), gate.closed(lease, "gc"):
        pass
    assert gate.file.exists()
    assert gate.open_by_hand()
    assert not gate.open_by_hand()


def test_a_bare_file_counts_as_closed_by_hand(gate: Gate) -> None:
    gate.file.touch()
    assert not gate.supervise()
    assert gate.file.exists()


def test_nobody_opens_the_gate_of_a_living_job(lock: FileLock, gate: Gate) -> None:
    with lock.hold("gc") as lease, gate.closed(lease, "gc"):
        assert not gate.supervise()
        with pytest.raises(GateError, match="by itself"):
            gate.open_by_hand()


def test_a_gate_opened_by_somebody_else_is_noticed(lock: FileLock, gate: Gate) -> None:
    with lock.hold("gc") as lease, gate.closed(lease, "gc") as closed:
        gate.file.unlink()
        with pytest.raises(GateError, match="somebody else"):
            closed.check()


def test_the_supervisor_opens_a_dead_jobs_gate_once_it_is_safe(tmp_path: Path, lock: FileLock) -> None:
    safe = [False]

    def settle() -> None:
        if not safe[0]:
            raise OpsError("redis does not answer")

    (tmp_path / "gate").mkdir()
    gate = Gate(tmp_path / "gate/closed", lock, settle)
    with pytest.raises(LockLostError), lock.hold("gc") as lease, gate.closed(lease, "gc"):
        lease.end()
        _dead(lock)
        lease._expires = time.monotonic()
    assert gate.file.exists()
    with pytest.raises(OpsError, match="redis"):
        gate.supervise()
    assert gate.file.exists(), "not safe yet"
    safe[0] = True
    assert gate.supervise()
    assert not gate.file.exists()


def _left_closed(gate: Gate) -> None:
    """As a job that was killed leaves it."""
    gate.file.write_text(json.dumps({"reason": "gc", "token": "of a dead job", "since": 1}))


def test_a_waiting_job_opens_a_dead_jobs_gate_before_it_begins(lock: FileLock, gate: Gate) -> None:
    """It may work for hours before it closes the gate itself, or never do."""
    with lock.hold("gc"):
        _left_closed(gate)
        _dead(lock)
        with gate.job("retention", wait_seconds=1):
            assert not gate.file.exists()


def test_a_gate_closed_by_hand_is_none_of_a_jobs_business(gate: Gate) -> None:
    gate.close_by_hand()
    with gate.job("retention"):
        assert gate.file.exists()


def test_the_next_closing_recovers_a_dead_jobs_gate(lock: FileLock, gate: Gate) -> None:
    with lock.hold("gc") as lease:
        _left_closed(gate)
        with gate.closed(lease, "gc") as closed:
            closed.check()
    assert not gate.file.exists()


def test_every_job_takes_the_lock_through_the_gate() -> None:
    """A job that takes the lock alone would work with a dead job's gate closed."""
    sources = Path(ops.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "lock.hold(" in path.read_text()] == ["gate.py"]
