"""Pushes, permanent deletions and runs of jobs, known on every host."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops import cron, schedule
from ops.fleet.claims import PATIENCE_SECONDS, Claim, Claims
from ops.fleet.for_good import FleetForGood
from ops.fleet.pushes import FleetPushes
from ops.gc.database import remember
from ops.retention.image import Image
from tests.ops.fleet.member import Member, alive
from tests.ops.fleet.redis_server import LEASE, RedisServer
from tests.ops.gc.fleet import until

pytestmark = pytest.mark.live

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
DUE = datetime(2024, 1, 1, 3, 17, tzinfo=UTC)


@pytest.fixture
def members(server: RedisServer, tmp_path: Path) -> list[Member]:
    return [Member(tmp_path, server, name).joins() for name in ("one", "two")]


def _image(digest: str) -> Image:
    return Image("team/a", digest, ("v1",), created=1.0)


def _pushes(member: Member) -> FleetPushes:
    return FleetPushes(member.database, [], member.agreement, lambda: None)


def test_a_push_through_one_host_is_known_on_the_others(members: list[Member], server: RedisServer, tmp_path: Path) -> None:
    _, two = members
    server.age(10_000_000)
    two.serves("PUT", "/v2/team/a/manifests/v1", 201, DIGEST)
    two.turns()
    with alive(two), server.client() as client:
        until(lambda: client.command("ZCOUNT", "fleet:pushed", 1, "+inf") == 1, "the others can know of the push", 60)
    late = Member(tmp_path, server, "late").joins()
    (image,) = _pushes(late).add_to([_image(DIGEST)])
    assert image.pushed is not None
    assert abs(image.pushed - time.time()) < 10


def test_an_unknown_push_may_have_been_when_redis_began_anew(members: list[Member], server: RedisServer) -> None:
    server.age(5000)
    (image,) = _pushes(members[0]).add_to([_image(OTHER)])
    assert image.pushed is not None
    assert 5000 < time.time() - image.pushed < 6000


def test_an_unknown_push_may_have_been_what_a_lost_host_could_not_publish(members: list[Member], server: RedisServer) -> None:
    one, two = members
    server.age(5000)
    with server.client() as client:
        client.command("HSET", "fleet:agreement", f"seen:{two.name}", f"{round((time.time() - 700) * 1_000_000)} {LEASE * 1_000_000}")
    (image,) = _pushes(one).add_to([_image(OTHER)])
    assert image.pushed is not None
    assert 690 < time.time() - image.pushed < 700


def test_an_unknown_push_may_have_been_a_moment_ago_on_a_host_that_does_not_answer(members: list[Member], server: RedisServer) -> None:
    one, _ = members
    server.age(5000)
    with alive(one):
        (image,) = FleetPushes(one.database, [], one.agreement, one.journal.ask).add_to([_image(OTHER)])
        assert image.pushed is not None
        assert time.time() - image.pushed < 10
    with alive(*members):
        (image,) = FleetPushes(one.database, [], one.agreement, one.journal.ask).add_to([_image(OTHER)])
        assert image.pushed is not None
        assert time.time() - image.pushed > 5000


def test_a_later_push_than_the_known_one_may_have_been_what_a_lost_host_could_not_publish(
    members: list[Member], server: RedisServer
) -> None:
    one, two = members
    server.age(5000)
    with server.client() as client:
        client.command("ZADD", "fleet:pushed", round((time.time() - 3000) * 1_000_000), json.dumps(["team/a", DIGEST]))
    server.lost(two.name, 700)
    (image,) = _pushes(one).add_to([_image(DIGEST)])
    assert image.pushed is not None
    assert 690 < time.time() - image.pushed < 700
    two.turns()
    (image,) = _pushes(one).add_to([_image(DIGEST)])
    assert image.pushed is not None
    assert 2990 < time.time() - image.pushed < 3010


def test_an_unknown_push_may_have_been_one_that_was_forgotten(members: list[Member], server: RedisServer) -> None:
    one, _ = members
    server.age(5000)
    with server.client() as client:
        client.command("ZADD", "fleet:pushed", round((time.time() - 3000) * 1_000_000), json.dumps(["team/a", DIGEST]))
    one.follower._trimmed = float("-inf")
    one.turns()
    (image,) = _pushes(one).add_to([_image(DIGEST)])
    assert image.pushed is not None
    assert 990 < time.time() - image.pushed < 1010, "the member keeps pushes for 1000 s"


def test_an_unknown_push_may_have_been_a_moment_ago_on_a_host_whose_journal_has_a_problem(
    members: list[Member], server: RedisServer
) -> None:
    one, two = members
    server.age(5000)
    with two.publisher._database.change() as connection:
        remember(connection, "alive", repr(time.time() - 100))
    two.publisher.publish(1, 0)
    (image,) = _pushes(one).add_to([_image(OTHER)])
    assert image.pushed is not None
    assert time.time() - image.pushed < 10


def test_what_undo_brings_back_counts_as_pushed_everywhere(members: list[Member], server: RedisServer) -> None:
    one, two = members
    server.age(5000)
    _pushes(one).record("team/a", DIGEST)
    (image,) = _pushes(two).add_to([_image(DIGEST)])
    assert image.pushed is not None
    assert time.time() - image.pushed < 10


def test_what_was_deleted_for_good_on_one_host_is_known_on_the_other(members: list[Member]) -> None:
    one, two = members
    FleetForGood(one.database, one.agreement).note([("team/a", DIGEST), ("team/b", OTHER)])
    assert FleetForGood(two.database, two.agreement).manifests() == {("team/a", DIGEST), ("team/b", OTHER)}
    two.serves("PUT", "/v2/team/a/manifests/v1", 201, DIGEST)
    with alive(*members):
        two.journal.collect()
    assert FleetForGood(two.database, two.agreement).manifests() == {("team/b", OTHER)}, "what was pushed again is like any other"


def test_each_run_of_a_job_is_one_hosts(members: list[Member]) -> None:
    one, two = (Claims(member.agreement) for member in members)
    assert one.claim("gc", DUE, DUE) is Claim.RUN
    assert two.claim("gc", DUE, DUE) is Claim.DONE
    assert one.leads()
    assert not two.leads()
    later = DUE + timedelta(days=1)
    assert two.claim("gc", later, later) is Claim.WAIT, "the first one has the record of what is garbage since when"
    assert one.claim("gc", later, later + timedelta(seconds=3)) is Claim.RUN
    assert two.claim("gc", later, later + timedelta(seconds=4)) is Claim.DONE


def test_another_host_takes_over_when_the_first_is_busy_for_long_or_gone(members: list[Member], server: RedisServer) -> None:
    one, two = (Claims(member.agreement) for member in members)
    assert one.claim("gc", DUE, DUE) is Claim.RUN
    assert two.claim("empty-bin", DUE, DUE + timedelta(seconds=PATIENCE_SECONDS)) is Claim.RUN
    assert one.leads(), "busy is not gone"
    with server.client() as client:
        client.command("HSET", "fleet:agreement", "seen:one", f"{round((time.time() - 100) * 1_000_000)} {LEASE * 1_000_000}")
    later = DUE + timedelta(days=1)
    assert two.claim("gc", later, later) is Claim.RUN
    assert two.leads()
    assert not one.leads() or members[0].agreement.read().leader == "two"


def test_a_run_is_not_taken_from_a_leader_that_has_the_lock(members: list[Member], server: RedisServer) -> None:
    one, two = (Claims(member.agreement) for member in members)
    assert one.claim("gc", DUE, DUE) is Claim.RUN
    late = DUE + timedelta(seconds=10 * PATIENCE_SECONDS)
    with members[0].gate.job("gc"):
        assert two.claim("retention", DUE, late) is Claim.WAIT
        assert two.claim("verify", DUE, late, locks=False) is Claim.RUN
    assert one.claim("retention", DUE, late) is Claim.RUN
    assert two.claim("retention", DUE, late) is Claim.DONE


def test_a_claim_whose_answer_got_lost_is_answered_again(members: list[Member]) -> None:
    one, two = members
    assert Claims(one.agreement).claim("gc", DUE, DUE) is Claim.RUN
    asks = Claims(one.agreement)
    assert asks.claim("gc", DUE, DUE) is Claim.RUN
    assert asks.claim("gc", DUE, DUE) is Claim.DONE, "it was told: the clock was set back"
    assert Claims(two.agreement).claim("gc", DUE, DUE) is Claim.DONE


@pytest.mark.parametrize(
    ("job", "code", "leads"),
    [("gc", 1, False), ("gc", 6, False), ("gc", 5, True), ("gc", -9, False), ("gc", 143, True), ("verify", 1, True)],
)
def test_a_host_whose_collection_fails_leads_no_more(members: list[Member], job: str, code: int, *, leads: bool) -> None:
    one, two = (Claims(member.agreement) for member in members)
    assert one.claim("gc", DUE, DUE) is Claim.RUN
    two.ended("gc", 1)
    one.ended(job, code)
    later = DUE + timedelta(days=1)
    assert two.claim("gc", later, later) is (Claim.WAIT if leads else Claim.RUN)


def test_a_host_whose_clock_is_ahead_runs_nothing_and_keeps_nobody_from_it(members: list[Member], server: RedisServer) -> None:
    one, two = (Claims(member.agreement) for member in members)
    due = datetime.now(UTC).replace(microsecond=0)
    ahead = due + timedelta(hours=2)
    assert one.claim("gc", ahead, ahead) is Claim.DONE
    assert two.claim("gc", due, due) is Claim.RUN
    with server.client() as client:
        later = {"job": ahead.strftime("%Y-%m-%dT%H:%M"), "due": round(ahead.timestamp() * 1_000_000)}
        client.command("HSET", "fleet:agreement", *(word for name, value in later.items() for word in (f"{name}:gc", value)))
    soon = due + timedelta(minutes=30)
    assert two.claim("gc", soon, soon) is Claim.RUN, "Redis's clock was ahead then"


def test_without_redis_a_job_waits_for_a_while(members: list[Member], server: RedisServer) -> None:
    claims = Claims(members[0].agreement)
    server.stop()
    assert claims.claim("gc", DUE, DUE) is Claim.WAIT
    assert claims.claim("gc", DUE, DUE + timedelta(hours=1)) is Claim.DONE


def _at_the_same_minute(member: Member, monkeypatch: pytest.MonkeyPatch, *, looks: int) -> list[str]:
    """The main loop of a host while its clock goes from the minute before to the one after; returns the jobs that it ran."""
    monkeypatch.setattr(schedule, "SUPERVISE_SECONDS", 0)
    clock = [DUE - timedelta(seconds=40)]
    ran = member.places.root / "ran"
    job = schedule.Job("gc", (), cron.parse("17 3 * * *"))

    def supervise() -> None:
        clock[0] += timedelta(seconds=30)
        if clock[0] > DUE + timedelta(seconds=30 * looks):
            loop.stop()

    command = ("sh", "-c", f"echo {member.name} >>{ran}")
    loop = schedule.Loop([job], supervise, member.places.root / "reports", command, now=lambda: clock[0])
    claims = Claims(member.agreement)
    loop.claim = lambda job, due: claims.claim(job.name, due, clock[0])
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        loop.run()
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
            signal.signal(number, handler)
    return ran.read_text().split() if ran.exists() else []


def test_a_job_that_is_due_on_two_hosts_runs_on_one(members: list[Member], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = members
    assert _at_the_same_minute(one, monkeypatch, looks=2) == ["one"]
    assert _at_the_same_minute(two, monkeypatch, looks=10) == []


def test_a_host_waits_for_the_one_that_leads_and_then_runs_the_job_itself(members: list[Member], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = members
    yesterday = DUE - timedelta(days=1)
    assert Claims(one.agreement).claim("gc", yesterday, yesterday) is Claim.RUN
    assert _at_the_same_minute(two, monkeypatch, looks=1) == []
    assert _at_the_same_minute(two, monkeypatch, looks=10) == ["two"]
