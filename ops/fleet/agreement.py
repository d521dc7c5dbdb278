"""The connection to what the hosts of a fleet agree on, and one look at all of it (ops/fleet/scripts.py says what there is)."""

import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from ops.fleet import scripts
from ops.output import log
from ops.redis import NoAnswerError, Redis, RedisError, Reply
from ops.settings import FleetSettings, Places, redis_login

MICROSECONDS = 1_000_000
FULL = "OOM command not allowed"
"""In Redis's answer when its memory is full."""
ROOM_SECONDS = 60.0
"""How often at most room is made."""
FREE_SECONDS = 0.3
"""How long Redis gets to free what it has forgotten."""


class _Server(Redis):
    """A connection that knows which run of which server it leads to."""

    run = ""

    def greet(self, connection: socket.socket) -> None:
        """See Redis."""
        information = self.ask(connection, "INFO", "server")
        found = re.search(rb"^run_id:([0-9a-f]+)", information if isinstance(information, bytes) else b"", re.MULTILINE)
        if not found:
            raise RedisError("redis does not tell its run_id (INFO server): whether it lost data can't be known")
        self.run = found[1].decode()


@dataclass(frozen=True)
class GateRecord:
    """The fleet's gate. `token` is the job's lease; empty when a person closed it. `until`: nothing moves any more after it."""

    epoch: int
    closed: bool
    token: str
    reason: str
    since: float
    until: float


@dataclass(frozen=True)
class HostRecord:
    """One host that ever joined and did not leave cleanly. Times in seconds of Redis's clock."""

    name: str
    seen: float
    lease: float
    raw_seen: str
    state: Mapping[str, object]
    ack: Mapping[str, object]

    def live(self, now: float) -> bool:
        """Whether it may take writes: then everybody waits for it."""
        return now - self.seen <= self.lease


@dataclass(frozen=True)
class Snapshot:
    """Everything at one moment. Times in seconds of Redis's clock; `offset` turns them into this machine's wall clock."""

    now: float
    offset: float
    born: float
    gate: GateRecord | None
    hosts: Mapping[str, HostRecord]
    lock_owner: str
    """As ops/lock.py's Owner in JSON; empty when the lock is free."""
    leader: str
    sync: int
    forgotten: float
    forgotten_pushes: float
    missed: float
    """Before this, something may be missing of what hosts served that are no members any more."""
    jobs: Mapping[str, str] = field(default_factory=dict[str, str])

    def live(self) -> list[HostRecord]:
        """The hosts that may take writes."""
        return [host for host in self.hosts.values() if host.live(self.now)]


def object_of(text: str) -> Mapping[str, object]:
    """A JSON object; empty for anything else."""
    try:
        value = cast(object, json.loads(text))
    except ValueError:
        return {}
    return cast(Mapping[str, object], value) if isinstance(value, dict) else {}


def texts(reply: Reply) -> list[str]:
    """A list of texts that Redis answered."""
    if not isinstance(reply, list):
        raise RedisError(f"redis: a list was expected, not {reply!r}")
    return [item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item) for item in reply]


def seconds(microseconds: str) -> float:
    """A time as scripts answer it, in seconds."""
    return float(microseconds) / MICROSECONDS


def connection_seconds(lease_seconds: float) -> float:
    """How long a connection is used."""
    return lease_seconds / 3


class Agreement:
    """One connection. Several threads may use it, one after the other."""

    def __init__(self, fleet: FleetSettings, password: str, ca: Path | None = None) -> None:
        self.host = fleet.host
        self.lease_seconds = float(fleet.lease_seconds)
        address = fleet.redis
        self._redis = _Server(address.host, address.port, password, tls=address.tls, ca=ca, database=address.database)
        self._guard = threading.Lock()
        self._opened = float("-inf")
        self._cache = fleet.cache and Redis(
            fleet.cache.host, fleet.cache.port, password, tls=fleet.cache.tls, ca=ca, database=fleet.cache.database
        )
        self._made_room = float("-inf")

    def close(self) -> None:
        """Ends the connection."""
        with self._guard:
            self._redis.close()

    def run(self, script: str, *arguments: str | int) -> Reply:
        """Runs a script as one step. Raises RedisError.

        Once more where a connection from before turns out to be broken: each script may run twice without harm. Also where Redis is full
        and the registry's cache could make room.
        """
        words = [str(argument) for argument in arguments]
        with self._guard:
            try:
                return self._run(script, words)
            except NoAnswerError:
                raise
            except RedisError as error:
                if FULL not in str(error) or not self._make_room():
                    raise
                return self._run(script, words)

    def _run(self, script: str, words: list[str]) -> Reply:
        # No connection is used for long: after a failover it may lead to a server that nobody else uses any more.
        used = time.monotonic() - self._opened <= connection_seconds(self.lease_seconds)
        try:
            return self._evaluate(script, words, fresh=not used)
        except NoAnswerError:
            if not used:
                raise
            return self._evaluate(script, words, fresh=True)

    def _make_room(self) -> bool:
        """Empties the registry's cache, which only costs the replicas some reads. Returns whether it did: not too often."""
        if self._cache is None or time.monotonic() - self._made_room < ROOM_SECONDS:
            return False
        self._made_room = time.monotonic()
        log("redis is full", level="alert", then="the registry's cache was emptied, so that the hosts can go on; give Redis more memory")
        try:
            self._cache.flush()
        finally:
            self._cache.close()
        time.sleep(FREE_SECONDS)
        return True

    def _evaluate(self, script: str, words: list[str], *, fresh: bool) -> Reply:
        try:
            if fresh:
                self._redis.close()
                self._redis.ping()
                self._opened = time.monotonic()
            return self._redis.script(scripts.PRELUDE + script, scripts.KEYS, [self._redis.run, *words])
        except RedisError:
            # The next connection asks the server for its run again.
            self._opened = float("-inf")
            raise

    def read(self) -> Snapshot:
        """Everything at this moment."""
        now, fields = cast("list[Reply]", self.run(scripts.READ))
        return _snapshot(_text(now), fields)

    def heartbeat(self) -> tuple[bool, Snapshot]:
        """Says that this host is there. Also returns whether it had not been heard of for longer than its lease."""
        now, lapsed, fields = cast("list[Reply]", self.run(scripts.HEARTBEAT, self.host, round(self.lease_seconds * MICROSECONDS)))
        return lapsed == 1, _snapshot(_text(now), fields)

    def set(self, name: str, value: Mapping[str, object]) -> None:
        """Sets a field of this host: `state` or `ack`."""
        self.run(scripts.SET, f"{name}:{self.host}", json.dumps(value))


def _text(reply: Reply) -> str:
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def _snapshot(now_text: str, reply: Reply) -> Snapshot:
    now = seconds(now_text)
    pairs = texts(reply)
    fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
    gate = None
    if "gate.state" in fields:
        gate = GateRecord(
            epoch=int(fields["gate.epoch"]),
            closed=fields["gate.state"] == "closed",
            token=fields["gate.token"],
            reason=fields["gate.reason"],
            since=seconds(fields["gate.since"]),
            until=seconds(fields["gate.until"]),
        )
    hosts: dict[str, HostRecord] = {}
    for name, value in fields.items():
        if not name.startswith("seen:"):
            continue
        host = name.removeprefix("seen:")
        at, _, lease = value.partition(" ")
        state, ack = object_of(fields.get(f"state:{host}", "")), object_of(fields.get(f"ack:{host}", ""))
        hosts[host] = HostRecord(host, seconds(at), seconds(lease), value, state, ack)
    held = "lock.until" in fields and now < seconds(fields["lock.until"])
    return Snapshot(
        now=now,
        offset=time.time() - now,
        born=seconds(fields["born"].rpartition(" ")[2]),
        gate=gate,
        hosts=hosts,
        lock_owner=fields.get("lock.owner", "") if held else "",
        leader=fields.get("leader", ""),
        sync=int(fields.get("sync", "0")),
        forgotten=seconds(fields.get("forgotten", "0")),
        forgotten_pushes=seconds(fields.get("forgotten.pushed", "0")),
        missed=seconds(fields.get("missed", "0")),
        jobs={name.removeprefix("job:"): value for name, value in fields.items() if name.startswith("job:")},
    )


def connect(fleet: FleetSettings, places: Places) -> Agreement:
    """A connection with the password and the certificate that the bundle puts there."""
    return Agreement(fleet, *redis_login(places))
