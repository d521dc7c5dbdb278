"""A Redis whose memory is full: the hosts go on, because only what a collection frees can end it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.fleet import scripts
from ops.fleet.agreement import FULL
from ops.fleet.claims import Claim, Claims
from ops.fleet.publisher import TOUCHED
from ops.redis import RedisError
from tests.ops.fleet.member import Member
from tests.ops.fleet.redis_server import RedisServer

pytestmark = pytest.mark.live

DIGEST = "sha256:" + "a" * 64
DUE = datetime(2024, 1, 1, 3, 17, tzinfo=UTC)


@pytest.fixture
def member(server: RedisServer, tmp_path: Path) -> Member:
    joined = Member(tmp_path, server, "one").joins()
    server.fill()
    with server.client() as client, pytest.raises(RedisError, match=FULL):
        client.command("SET", "x", "y")
    return joined


def _cached(server: RedisServer) -> int:
    with server.client(0) as client:
        size = client.command("DBSIZE")
    assert isinstance(size, int)
    return size


def test_heartbeats_the_lock_the_gate_and_the_schedule_go_on(member: Member, server: RedisServer) -> None:
    member.heart.beat()
    assert member.leased() > 0
    assert Claims(member.agreement).claim("gc", DUE, DUE) is Claim.RUN
    with member.gate.job("gc") as lease, member.gate.closed(lease, "gc"):
        member.gate.announce(0)
        assert member.lock.renew(lease.owner)
        assert member.agreement.run(scripts.SYNC)
        member.agreement.set("ack", {"epoch": 1})
        member.heart.beat()
        assert member.closed
    member.agreement.run(scripts.TRIM, 1, 1, 1)
    member.agreement.run(scripts.LEAVE, member.name, 1)
    assert _cached(server) > 0, "nothing of it needed room"


def test_the_cache_makes_room_for_the_journal(member: Member, server: RedisServer, capsys: pytest.CaptureFixture[str]) -> None:
    member.agreement.run(scripts.PUBLISH, TOUCHED, DIGEST)
    assert _cached(server) == 0
    assert '"redis is full"' in capsys.readouterr().err


def test_room_is_not_made_again_and_again(member: Member, server: RedisServer) -> None:
    member.agreement.run(scripts.PUBLISH, TOUCHED, DIGEST)
    server.fill()
    with pytest.raises(RedisError, match=FULL):
        member.agreement.run(scripts.PUBLISH, TOUCHED, DIGEST)
    assert _cached(server) > 0
