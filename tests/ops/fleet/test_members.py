"""Heartbeats, the lease of the edge, and who counts as live."""

import threading
import time

import pytest

from ops.fleet import scripts
from ops.fleet.heart import margin
from ops.fleet.host import Host
from ops.redis import RedisError
from tests.ops.fleet.member import SETTLE, Member, alive
from tests.ops.fleet.redis_server import LEASE, RedisServer
from tests.ops.gc.fleet import until

pytestmark = pytest.mark.live


@pytest.fixture
def member(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Member:
    return Member(tmp_path_factory.mktemp("hosts"), server, "one").joins()


@pytest.fixture
def other(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Member:
    return Member(tmp_path_factory.mktemp("hosts"), server, "two").joins()


def test_the_edges_lease_ends_before_the_others_stop_to_count_with_the_host(member: Member) -> None:
    member.heart.beat()
    snapshot = member.agreement.read()
    host = snapshot.hosts["one"]
    others = host.seen + host.lease - snapshot.now
    # Looked at a moment after the other, so the moment only makes it shorter.
    assert member.leased() <= others - margin(LEASE), "and there is time left for an edge that is slow to see it"
    until(lambda: member.leased() < 0, "the edge's lease is over", 60)
    member.heart.beat()
    assert member.leased() > 0


def test_a_heartbeat_that_does_not_arrive_gives_no_lease(member: Member) -> None:
    until_before = member.places.lease.read_text()
    member.server.stop()
    with pytest.raises(RedisError):
        member.heart.beat()
    assert member.places.lease.read_text() == until_before


def test_a_slow_answer_gives_a_shorter_lease(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    real = member.heart._agreement.heartbeat

    def slow() -> object:
        time.sleep(1)
        return real()

    monkeypatch.setattr(member.heart._agreement, "heartbeat", slow)
    member.heart.beat()
    assert member.leased() < LEASE - margin(LEASE) - 0.9


def test_a_host_that_was_lost_does_what_the_record_says_before_its_edge_takes_writes(member: Member, other: Member) -> None:
    member.server.lost(member.name, LEASE + 1)
    with other.gate.job("gc") as lease:
        member.server.lost(member.name, 3 * LEASE)
        with other.gate.closed(lease, "gc"):
            member.places.lease.unlink()
            member.heart.beat()
            assert member.closed
            assert member.leased() > 0
    member.heart.beat()
    assert not member.closed


def test_a_new_host_waits_while_nothing_is_recorded(server: RedisServer, member: Member) -> None:
    with server.client() as client:
        client.flush()
    server.age(100)
    late = Member(member.places.root.parent, server, "late")
    late.joins()
    assert late.leased() < 0
    member.heart.beat()
    assert member.leased() > 0, "one that was never lost goes on as it was"
    assert member.gate.supervise()
    late.heart.beat()
    assert late.leased() > 0


def test_a_lost_host_waits_until_a_new_redis_is_old_enough(server: RedisServer, member: Member) -> None:
    server.restart()
    member.gate.close_by_hand()
    member.gate.open_by_hand()
    late = Member(member.places.root.parent, server, "late").joins()
    assert late.leased() < 0
    server.age(SETTLE + 1)
    late.heart.beat()
    assert late.leased() > 0


def test_who_was_never_lost_goes_on_with_a_new_redis_and_who_was_lost_waits(server: RedisServer, member: Member) -> None:
    server.restart()
    member.heart.beat()
    assert member.heart.membership.member
    member.gate.close_by_hand()
    member.gate.open_by_hand()
    server.lost(member.name, LEASE + 1)
    member.places.lease.unlink()
    member.heart.beat()
    assert not member.heart.membership.member
    assert member.leased() < 0
    member.heart.beat()
    assert member.leased() < 0, "one heartbeat more changes nothing"
    server.age(SETTLE + 1)
    member.heart.beat()
    assert member.leased() > 0


def test_a_host_that_leaves_is_missed_by_nobody(member: Member, other: Member) -> None:
    member.marks("stop")
    assert member.publisher.leave(1)
    assert set(other.agreement.read().hosts) == {"two"}
    with alive(other):
        other.journal.collect()
    other.journal.require(time.time() - 100)


def test_a_host_whose_edge_goes_on_does_not_leave(member: Member, other: Member) -> None:
    assert not member.publisher.leave(0.2)
    assert set(other.agreement.read().hosts) == {"one", "two"}


def test_a_host_whose_edge_starts_again_does_not_leave(member: Member, other: Member) -> None:
    member.marks("stop")
    host = Host(member.heart, member.follower, member.publisher, member.places.lease, LEASE)
    leaving = threading.Thread(target=host.leave)
    leaving.start()
    until(lambda: member.leased() < 0, "no edge may take writes any more", 3)
    member.edge_starts()
    leaving.join()
    assert set(other.agreement.read().hosts) == {"one", "two"}


def test_quarantine_does_not_get_old_by_a_hosts_clock_that_is_ahead(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("ops.fleet.gate.time.time", lambda: now + 10_000)
    assert abs(member.gate.now() - now) < 10


def test_a_host_that_was_lost_long_ago_is_forgotten(member: Member, other: Member) -> None:
    member.server.lost(member.name, 1000)
    other.follower._trimmed = float("-inf")
    other.turns()
    assert "one" in other.agreement.read().hosts, "its journal still matters"
    member.server.lost(member.name, 10)
    other.follower._trimmed = float("-inf")
    other.turns()
    assert set(other.agreement.read().hosts) == {"two"}


def test_a_redis_without_some_of_the_data_began_anew(server: RedisServer, member: Member) -> None:
    born = member.agreement.read().born
    assert member.agreement.read().born == born
    for key in scripts.KEYS:
        with server.client() as client:
            client.command("DEL", key)
        now = member.agreement.read()
        assert now.born > born, f"{key} was thrown away"
        born = now.born
