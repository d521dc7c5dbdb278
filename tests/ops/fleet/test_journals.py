"""The journals of all hosts: what each of them served, and what may be missing."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.fleet import publisher
from ops.fleet.follower import Follower
from ops.fleet.pushes import FleetPushes
from ops.gc.database import remember
from ops.journal import JournalError
from ops.journal_lines import Written
from tests.ops.fleet.member import Member, alive
from tests.ops.fleet.redis_server import LEASE, RedisServer
from tests.ops.gc.fleet import until

pytestmark = pytest.mark.live

BLOB, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
LONG_AGO = 100


@pytest.fixture
def members(server: RedisServer, tmp_path: Path) -> list[Member]:
    return [Member(tmp_path, server, name).joins() for name in ("one", "two")]


def _refused(member: Member, since: float) -> str:
    with pytest.raises(JournalError) as caught:
        member.journal.require(since)
    return str(caught.value)


def test_what_one_host_served_is_known_on_the_other_when_it_asks(members: list[Member]) -> None:
    one, two = members
    with alive(*members):
        one.journal.collect()
        mark = one.journal.position()
        two.serves("HEAD", f"/v2/team/a/blobs/{BLOB}")
        two.serves("PUT", "/v2/team/a/manifests/v1", 201, OTHER)
        one.journal.collect()
        assert one.journal.touched(float("inf"), mark) == {BLOB, OTHER}
        assert one.journal.written(float("inf"), mark) == {Written("team/a", "v1", OTHER)}
        assert one.journal.last_write() > mark
        mark = one.journal.position()
        two.serves("GET", f"/v2/team/a/blobs/{BLOB}")
        one.journal.collect()
        assert one.journal.touched(float("inf"), mark) == {BLOB}
        assert one.journal.last_write() <= mark
        assert one.journal.touched(time.time() - 50, one.journal.position()) == {BLOB, OTHER}
        assert one.journal.touched(time.time() + 50, one.journal.position()) == set()
    one.journal.require(time.time() - LONG_AGO)


def test_more_than_a_page_arrives_whole(members: list[Member], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = members
    monkeypatch.setattr("ops.fleet.journal.PAGE", 7)
    monkeypatch.setattr(publisher, "AT_ONCE", 5)
    digests = {f"sha256:{number:064x}" for number in range(40)}
    for digest in sorted(digests):
        two.serves("HEAD", f"/v2/team/a/blobs/{digest}")
    with alive(*members):
        one.journal.collect()
    assert one.journal.touched(0, 0) == digests


def test_a_host_that_does_not_publish_is_named(members: list[Member]) -> None:
    one, _ = members
    with alive(one), pytest.raises(JournalError, match="two"):
        one.journal.collect()


def test_what_could_not_be_published_is_published_later(members: list[Member], server: RedisServer) -> None:
    one, two = members
    two.serves("HEAD", f"/v2/team/a/blobs/{BLOB}")
    port = server.port
    server.stop()
    assert Follower.turn
    with pytest.raises(Exception, match=str(port)):
        two.publisher.collect()
    server.start()
    server.open_gate()
    with alive(*members):
        one.journal.collect()
    assert one.journal.touched(0, 0) == {BLOB}


def test_a_new_host_is_no_hole(members: list[Member], server: RedisServer, tmp_path: Path) -> None:
    late = Member(tmp_path, server, "late").joins()
    with alive(*members, late):
        members[0].journal.collect()
    members[0].journal.require(time.time() - LONG_AGO)


def test_a_host_that_lost_what_it_knew_is_one(members: list[Member], server: RedisServer, tmp_path: Path) -> None:
    one, two = members
    again = Member(tmp_path / "new disk", server, "two").joins()
    with alive(one, again):
        one.journal.collect()
    assert "begins here" in _refused(one, time.time() - LONG_AGO)
    one.journal.require(time.time() + 2)
    assert two.name == again.name


def test_a_host_with_the_disk_of_another_begins_anew(members: list[Member], server: RedisServer) -> None:
    one, two = members
    with two.publisher._database.change() as connection:
        remember(connection, "joined_as", "somebody")
    two.publisher.join()
    two.follower.turn()
    with alive(*members):
        one.journal.collect()
    assert "begins here" in _refused(one, time.time() - LONG_AGO)


def test_a_crash_of_one_edge_is_a_hole_for_all(members: list[Member]) -> None:
    one, two = members
    two.line({"at": int(time.time()), "marker": "trouble"})
    with alive(*members):
        one.journal.collect()
    assert "host two has a hole" in _refused(one, time.time() - LONG_AGO)
    one.journal.require(time.time() + 2)


def _pushes_since(member: Member) -> float:
    return FleetPushes(member.database, [], member.agreement, lambda: None).complete_since()


def test_a_hole_stays_on_record_when_its_host_leaves(members: list[Member]) -> None:
    one, two = members
    two.server.age(10_000)
    hole = int(time.time()) - 20
    two.line({"at": hole, "marker": "trouble"})
    two.marks("stop")
    assert two.publisher.leave(1)
    assert set(one.agreement.read().hosts) == {"one"}
    with alive(one):
        one.journal.collect()
    assert "no member any more" in _refused(one, time.time() - LONG_AGO)
    one.journal.require(hole + 2)
    assert hole <= _pushes_since(one) <= hole + 2


def test_what_a_forgotten_host_may_have_taken_is_no_known_push(members: list[Member]) -> None:
    one, two = members
    two.server.age(10_000)
    lost = time.time() - 2000
    two.server.lost(two.name, 2000)
    one.follower._trimmed = float("-inf")
    one.turns()
    assert set(one.agreement.read().hosts) == {"one"}
    assert lost <= _pushes_since(one) <= lost + 2 * LEASE + 2


def test_a_silent_edge_is_a_problem(members: list[Member]) -> None:
    one, two = members
    with two.publisher._database.change() as connection:
        remember(connection, "alive", repr(time.time() - 100))
    with alive(*members):
        one.journal.collect()
    assert "is it running" in _refused(one, time.time() - LONG_AGO)


def test_a_lost_host_is_a_hole_until_what_it_served_is_older_than_what_is_asked_for(members: list[Member]) -> None:
    one, two = members
    two.server.lost(two.name, LEASE + 50)
    with alive(one):
        one.journal.collect()
    assert "host two was lost" in _refused(one, time.time() - LONG_AGO)
    # With a lease and as much again for what it still had to do. Redis and this machine have the same clock.
    safe = one.agreement.read().hosts[two.name].seen + 2 * LEASE
    one.journal.require(safe + 1)
    assert _refused(one, safe - 1)
    two.turns()
    with alive(*members):
        one.journal.collect()
    one.journal.require(time.time() - LONG_AGO)


@pytest.mark.parametrize("how", ["restarted", "emptied", "another server"])
def test_a_redis_that_began_anew_is_a_hole_and_is_read_again(members: list[Member], server: RedisServer, how: str) -> None:
    one, two = members
    two.serves("HEAD", f"/v2/team/a/blobs/{BLOB}")
    with alive(*members):
        one.journal.collect()
    if how == "restarted":
        server.restart()
    elif how == "emptied":
        with server.client() as client:
            client.flush()
    else:
        with server.client() as client:
            client.command("HSET", "fleet:agreement", "born", "0123 1000000")
    two.serves("HEAD", f"/v2/team/a/blobs/{OTHER}")
    mark = one.journal.position()
    with alive(*members):
        one.journal.collect()
    assert OTHER in one.journal.touched(float("inf"), mark)
    assert one.journal.touched(0, 0) == {BLOB, OTHER}, "what was read before is still known"
    assert "Redis began anew" in _refused(one, time.time() - LONG_AGO)
    one.journal.require(time.time() + 2)


def test_a_server_whose_clock_is_behind_is_read_from_the_beginning(members: list[Member]) -> None:
    one, two = members
    with one.database.change() as connection:
        for cursor in ("fleet_touched", "fleet_written"):
            remember(connection, cursor, str(round((time.time() + 1000) * 1_000_000)))
    two.serves("PUT", "/v2/team/a/manifests/v1", 201, OTHER)
    with alive(*members):
        one.journal.collect()
    assert one.journal.touched(0, 0) == {OTHER}
    assert one.journal.written(0, 0) == {Written("team/a", "v1", OTHER)}


def test_a_database_that_cannot_be_read_is_set_aside_and_is_a_hole(members: list[Member]) -> None:
    one, two = members
    file = two.publisher._database.file
    for path in file.parent.glob(f"{file.name}*"):
        path.write_bytes(b"no database" * 1000)
    with alive(*members):
        until(lambda: any(file.parent.glob("*broken*")), "it is set aside", 5)
        until(lambda: not _fails(one.journal.collect), "the journal is read again", 5)
    assert "begins here" in _refused(one, time.time() - LONG_AGO)


def _fails(work: Callable[[], None]) -> bool:
    try:
        work()
    except JournalError:
        return True
    return False


def test_what_was_trimmed_is_not_vouched_for(members: list[Member], server: RedisServer) -> None:
    one, _ = members
    server.age(10_000)
    one.follower._keep = 50
    one.follower._trimmed = float("-inf")
    one.turns()
    with alive(*members):
        one.journal.collect()
    assert "forgotten" in _refused(one, time.time() - LONG_AGO)
    one.journal.require(time.time() - 40)


def test_old_entries_go(members: list[Member], server: RedisServer) -> None:
    one, two = members
    with server.client() as client:
        client.command("ZADD", "fleet:touched", 1000, BLOB)
        client.command("ZADD", "fleet:written", 1000, json.dumps(["team/a", "v1", BLOB]))
    two.serves("HEAD", f"/v2/team/a/blobs/{OTHER}")
    one.follower._trimmed = float("-inf")
    one.turns()
    with alive(*members):
        one.journal.collect()
    assert one.journal.touched(0, 0) == {OTHER}
    assert one.journal.written(0, 0) == set()


def test_an_unknown_state_of_redis_stops_a_collection(members: list[Member], server: RedisServer) -> None:
    one, _ = members
    server.stop()
    with pytest.raises(JournalError, match="not known"):
        one.journal.collect()
    assert "not known" in _refused(one, time.time() - LONG_AGO)
