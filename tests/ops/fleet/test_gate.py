"""The gate of a fleet: closed everywhere or not at all, and open again whoever dies."""

import contextlib
import time
from pathlib import Path

import pytest

from ops.api import TIMEOUT_SECONDS
from ops.errors import OpsError
from ops.fleet import scripts
from ops.fleet.agreement import GateRecord
from ops.fleet.drain import FleetDrain
from ops.fleet.local_gate import LocalGate
from ops.gate import GateError
from ops.lock import Lease, LockHeldError
from ops.moments import closed_moments
from tests.ops.fleet.member import SETTLE, Member, alive
from tests.ops.fleet.redis_server import LEASE, RedisServer
from tests.ops.gc.fleet import until

pytestmark = pytest.mark.live


@pytest.fixture
def members(server: RedisServer, tmp_path: Path) -> list[Member]:
    return [Member(tmp_path, server, name).joins() for name in ("one", "two", "three")]


def _dies_with_the_gate_closed(member: Member, *, moving: float = 0) -> None:
    """A job of this host that holds the lock, closes the gate, and is never heard of again."""
    owner = member.lock._try("gc")
    assert owner
    member.gate._close("gc", owner.token)
    if moving:
        member.gate.announce(moving)


def _waited_for(member: Member) -> list[str]:
    """The hosts whose writes may still go on, as this one sees it."""
    return [line.split(":")[0] for line in member.gate.drained("writes", 0)]


def test_every_host_closes_and_opens(members: list[Member]) -> None:
    one, *_ = members
    with alive(*members):
        with one.gate.job("gc") as lease, one.gate.closed(lease, "gc") as closed:
            assert one.gate.drained("writes", time.monotonic() + 60) == []
            assert [member.closed for member in members] == [True] * 3
            closed.check()
            assert closed.elapsed() < 2 * LEASE - 2, "nobody was waited for until it counted as gone"
        until(lambda: not any(member.closed for member in members), "all gates are open", 60)


def test_a_host_that_does_not_answer_is_named_and_the_gate_opens_again(members: list[Member]) -> None:
    one, two, _ = members
    with alive(one, two):
        with one.gate.job("gc") as lease, one.gate.closed(lease, "gc"):
            until(lambda: _waited_for(one) == ["host three"], "the others have answered", 60)
        until(lambda: not one.closed and not two.closed, "the gates are open", 60)


def test_one_that_dies_is_waited_for_until_its_writes_have_ended_and_no_longer(members: list[Member]) -> None:
    one, two, _ = members
    with alive(one, two), one.gate.job("gc", 0) as lease, one.gate.closed(lease, "gc"):
        until(lambda: _waited_for(one) == ["host three"], "the others have answered", 60)
        one.server.lost("three", LEASE + 1)
        assert [line.split(" was lost")[0] for line in _waited_for(one)] == ["host three"], "its lease is over, its writes may not be"
        one.server.lost("three", LEASE)
        assert _waited_for(one) == []


def test_a_host_that_joins_during_a_closing_is_closed_before_its_edge_takes_writes(members: list[Member], tmp_path: Path) -> None:
    one = members[0]
    with alive(*members), one.gate.job("gc") as lease, one.gate.closed(lease, "gc") as closed:
        assert one.gate.drained("writes", time.monotonic() + 60) == []
        late = Member(tmp_path, one.server, "late")
        late.edge_starts()
        late.publisher.join()
        late.heart.beat()
        assert late.closed
        assert late.leased() > 0
        with pytest.raises(GateError, match="late"):
            closed.check()
        until(lambda: late.follower.turn() > 0 and not one.gate.drained("writes", 0), "the new host has done the same", 60)
        closed.check()


def test_a_dead_jobs_gate_is_opened_by_another_host_when_nothing_moves_any_more(members: list[Member]) -> None:
    one, two, _ = members
    started = time.monotonic()
    _dies_with_the_gate_closed(one, moving=LEASE + 2)
    two.turns()
    assert two.closed
    with pytest.raises(LockHeldError), two.gate.job("gc"):
        pass
    assert not two.gate.supervise(), "its lease is not over"
    until(two.gate.supervise, "another host opens the gate", 60)
    assert time.monotonic() - started > LEASE + 1.9
    assert two.flushes == 1
    two.turns()
    assert not two.closed


def test_a_deletion_that_a_replica_may_still_work_on_keeps_the_gate_closed(members: list[Member]) -> None:
    one, two, _ = members
    owner = one.lock._try("retention")
    assert owner
    dead = contextlib.ExitStack()
    with alive(*members):
        lease = Lease(one.lock, owner)
        moments = closed_moments(one.gate, lease, FleetDrain(one.agreement, one.gate), 5)
        moment = dead.enter_context(moments("deleting images"))
        record = one.agreement.read().gate
        assert record
        assert record.until == 0
        before = one.agreement.read().now
        moment.check()
        after = one.agreement.read().now
        lease.end()
    one.server.end_lock()
    started = time.monotonic()
    assert not two.gate.supervise()
    assert time.monotonic() - started < TIMEOUT_SECONDS / 2, "it does not wait for it"
    snapshot = two.agreement.read()
    assert snapshot.gate
    assert before + TIMEOUT_SECONDS <= snapshot.gate.until <= after + TIMEOUT_SECONDS
    with one.server.client() as client:
        client.command("HSET", "fleet:agreement", "gate.until", 1)
    assert two.gate.supervise()
    with pytest.raises(GateError):
        moment.check()
    dead.close()


def test_what_was_ordered_late_by_one_who_lost_the_lock_does_not_begin(members: list[Member]) -> None:
    one, two, _ = members
    _dies_with_the_gate_closed(one)
    one.server.end_lock()
    assert two.gate.supervise()
    with pytest.raises(GateError):
        one.gate.announce(5)
    with two.gate.job("gc") as lease, two.gate.closed(lease, "gc"), pytest.raises(GateError):
        one.gate.announce(5)


def test_a_gate_that_a_person_closed_stays_closed_on_every_host(members: list[Member]) -> None:
    one, two, _ = members
    with alive(*members):
        one.gate.close_by_hand("moving house")
        assert two.gate.missing(3) == []
        assert all(member.closed for member in members)
        assert not two.gate.supervise()
        with two.gate.job("gc") as lease, pytest.raises(GateError), two.gate.closed(lease, "gc"):
            pass
        assert two.gate.open_by_hand()
        until(lambda: not any(member.closed for member in members), "all gates are open", 60)


def test_a_gate_that_a_person_closed_survives_a_redis_that_forgot_it(server: RedisServer, members: list[Member]) -> None:
    members[0].gate.close_by_hand("moving house")
    for member in members:
        member.turns()
    server.restart()
    members[1].turns()
    state = members[2].gate.state()
    assert state
    assert (state.reason, state.token) == ("moving house", "")


def test_a_redis_that_lost_its_data_opens_no_gate_in_the_middle_of_a_sweep(server: RedisServer, members: list[Member]) -> None:
    one, two, _ = members
    _dies_with_the_gate_closed(one)
    two.turns()
    assert two.closed
    server.restart()
    two.turns()
    assert two.closed, "no record is no reason to open"
    with pytest.raises(LockHeldError, match="Redis began anew"), two.gate.job("gc"):
        pass
    assert not two.gate.supervise()
    server.age(SETTLE + 1)
    assert two.gate.supervise()
    assert two.flushes == 1
    two.turns()
    assert not two.closed


def test_a_redis_that_came_back_with_older_data_opens_no_gate(server: RedisServer, members: list[Member]) -> None:
    one, two, _ = members
    before = one.agreement.read().gate
    assert before
    _dies_with_the_gate_closed(one)
    two.turns()
    fields = {"epoch": before.epoch, "state": "open", "token": "", "reason": ""}
    with server.client() as client:
        client.command("HSET", "fleet:agreement", *(word for name, value in fields.items() for word in (f"gate.{name}", value)))
    two.turns()
    assert two.closed


def _fails_over_without(server: RedisServer, lost: GateRecord, record: GateRecord) -> None:
    """Another server takes over before it got `lost`: it still has `record`."""
    assert lost.epoch > record.epoch
    fields = {"epoch": record.epoch, "state": "closed" if record.closed else "open", "token": record.token, "reason": record.reason}
    with server.client() as client:
        client.command("HSET", "fleet:agreement", *(word for name, value in fields.items() for word in (f"gate.{name}", value)))
    server.fail_over()


def test_a_closing_that_a_failover_lost_does_not_leave_the_gates_closed(server: RedisServer, members: list[Member]) -> None:
    one, two, _ = members
    before = one.agreement.read().gate
    assert before
    with one.gate.job("gc") as lease, one.gate.closed(lease, "gc"):
        for member in members:
            member.turns()
        closed = one.agreement.read().gate
        assert closed
        _fails_over_without(server, closed, before)
        two.turns()
        assert two.closed, "nobody knows whether something moves"
    for member in members:
        member.turns()
    assert not two.gate.supervise()
    server.age(SETTLE + 1)
    assert two.gate.supervise()
    assert two.flushes == 1
    for member in members:
        member.turns()
    assert [member.closed for member in members] == [False] * 3


def test_a_gate_that_a_person_closed_survives_a_failover_that_lost_it(server: RedisServer, members: list[Member]) -> None:
    one, two, three = members
    before = one.agreement.read().gate
    assert before
    one.gate.close_by_hand("moving house")
    for member in members:
        member.turns()
    closed = one.agreement.read().gate
    assert closed
    _fails_over_without(server, closed, before)
    two.turns()
    state = three.gate.state()
    assert state
    assert (state.reason, state.token) == ("moving house", "")
    assert three.gate.open_by_hand()
    for member in members:
        member.turns()
    assert [member.closed for member in members] == [False] * 3


def test_a_job_whose_lock_redis_forgot_stops(server: RedisServer, members: list[Member]) -> None:
    one = members[0]
    with pytest.raises(OpsError), one.gate.job("gc") as lease, one.gate.closed(lease, "gc") as closed:
        server.restart()
        with pytest.raises(GateError):
            one.gate.announce(5)
        closed.check()


def test_epochs_grow_whatever_the_clock_says(server: RedisServer, members: list[Member]) -> None:
    one = members[0]
    future = (time.time() + 1000) * 1_000_000
    with server.client() as client:
        client.command("HSET", "fleet:agreement", "gate.epoch", round(future))
    with one.gate.job("gc") as lease, one.gate.closed(lease, "gc"):
        record = one.agreement.read().gate
        assert record
        assert record.epoch == round(future) + 1


def test_the_file_on_a_host_is_nobodys_to_open_but_the_fleets(tmp_path: Path) -> None:
    from ops.gate import Gate  # noqa: PLC0415
    from ops.lock import FileLock  # noqa: PLC0415

    file = tmp_path / "closed"
    LocalGate(file).apply(GateRecord(7, True, "a job's", "gc", time.time(), 0))
    alone = Gate(file, FileLock(tmp_path))
    assert not alone.supervise()
    with alone.job("gc"):
        assert file.exists()
    LocalGate(file).apply(GateRecord(6, False, "", "", 0, 0))
    assert file.exists()
    LocalGate(file).apply(GateRecord(8, False, "", "", 0, 0))
    assert not file.exists()


def test_closing_is_obeyed_whatever_came_before(tmp_path: Path) -> None:
    file = tmp_path / "closed"
    local = LocalGate(file)
    for epoch, closed in ((7, True), (9, False), (8, True)):
        local.apply(GateRecord(epoch, closed, "a job's", "gc", time.time(), 0))
        assert file.exists() is closed
    file.unlink()
    local.apply(GateRecord(8, True, "a job's", "gc", time.time(), 0))
    assert file.exists(), "somebody removed it"


def test_a_host_that_cannot_close_its_gate_does_not_say_so(members: list[Member], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = members

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(two.local, "_close", full)
    with alive(*members), one.gate.job("gc") as lease, one.gate.closed(lease, "gc"):
        until(lambda: [line.split(":")[0] for line in one.gate.drained("closed", 0)] == ["host two"], "the others have closed theirs", 60)
        until(lambda: two.leased() < 0, "its edge takes no writes", 60)


def test_a_job_on_a_host_that_is_no_member_closes_nothing_for_long(members: list[Member], tmp_path: Path, server: RedisServer) -> None:
    outsider = Member(tmp_path, server, "outsider")
    with alive(*members), outsider.gate.job("gc") as lease, outsider.gate.closed(lease, "gc"):
        assert "no member" in outsider.gate.drained("closed", time.monotonic() + 1)[0]


def test_a_clock_of_redis_that_was_set_makes_nobody_seem_gone(members: list[Member], server: RedisServer) -> None:
    one = members[0]
    with one.gate.job("gc") as lease, one.gate.closed(lease, "gc") as closed:
        for member in members:
            server.lost(member.name, 1000)
        with pytest.raises(GateError, match="no member"):
            closed.check()


def test_a_closing_whose_answer_got_lost_is_no_obstacle_to_its_own_job(members: list[Member]) -> None:
    one, two, _ = members
    with one.gate.job("gc") as lease:
        assert one.agreement.run(scripts.CLOSE, lease.token, "gc") == 1
        record = one.agreement.read().gate
        assert one.agreement.run(scripts.CLOSE, lease.token, "gc") == 1
        assert one.agreement.read().gate == record, "it is the same closing"
        assert two.agreement.run(scripts.CLOSE, "another", "gc") == 0
        one.server.end_lock()
        assert two.lock._try("gc")
        assert one.agreement.run(scripts.CLOSE, lease.token, "gc") == 0, "the lock is somebody else's by now"


def test_only_the_holder_of_the_lock_closes_the_gate(members: list[Member]) -> None:
    one = members[0]
    assert one.agreement.run(scripts.CLOSE, "a token of long ago", "gc") == 0
