"""A host without edge and replicas: its heartbeat and its follower, moved by the test, and a journal that the test writes."""

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.fleet.follower import Follower
from ops.fleet.gate import FleetGate
from ops.fleet.heart import Heart
from ops.fleet.journal import FleetJournal
from ops.fleet.local_gate import LocalGate
from ops.fleet.lock import RedisLock
from ops.fleet.publisher import Publisher
from ops.gc.database import Database
from ops.settings import Places
from tests.ops.fleet.redis_server import LEASE, RedisServer

SETTLE = 15.0


class Member:
    """One host."""

    def __init__(self, root: Path, server: RedisServer, name: str, *, lease: int = LEASE, linger: float = LEASE) -> None:
        self.name = name
        self.places = Places(root / name)
        for folder in ("gate", "journal", "var/lib/ops"):
            (root / name / folder).mkdir(parents=True, exist_ok=True)
        self.server = server
        self.flushes = 0
        self.local = LocalGate(self.places.gate)
        self.agreement = server.agreement(name, lease)
        self.heart = Heart(server.agreement(name, lease), self.local, self.places.lease, SETTLE)
        self.database = Database(self.places.state / "gc.sqlite")
        self.publisher = Publisher(self.places.journal, Database(self.places.state / "own-journal.sqlite"), server.agreement(name, lease))
        self.follower = Follower(server.agreement(name, lease), self.local, self.publisher, (), keep_seconds=1000, keep_pushes=1000)
        self.lock = RedisLock(server.agreement(name, lease), SETTLE)
        self.gate = FleetGate(
            self.places.gate, self.lock, lambda: None, agreement=self.agreement, flush=self._flush, linger_seconds=linger
        )  # fmt: skip
        self.journal = FleetJournal(
            self.places.journal, self.database, 1000, agreement=self.agreement, sync_seconds=1, linger_seconds=linger
        )  # fmt: skip

    def _flush(self) -> None:
        self.flushes += 1

    @property
    def closed(self) -> bool:
        """Whether its own edge finds the gate's file."""
        return self.places.gate.exists()

    def leased(self) -> float:
        """For how many seconds more its edge takes writes; negative when it does not."""
        if not self.places.lease.exists():
            return -1
        _, _, until = self.places.lease.read_text().split()
        return int(until) / 100 - time.clock_gettime(time.CLOCK_BOOTTIME)

    # The edge.

    def edge_starts(self, previous: str = "", *, clean: bool = False) -> None:
        """The first mark of its journal."""
        mark = {"at": int(time.time()), "marker": "segment", "segment": secrets.token_hex(4), "previous": previous, "clean": clean}
        (self.places.journal / "journal.log").write_text(json.dumps(mark) + "\n")
        self.marks("alive", at=time.time() + 600)

    def marks(self, kind: str, at: float | None = None) -> None:
        """A mark of the edge."""
        self.line({"at": at or time.time(), "marker": kind})

    def serves(self, method: str, uri: str, status: int = 200, digest: str = "") -> None:
        """A request that came through its edge to a replica."""
        entry = {"at": time.time(), "method": method, "status": status, "uri": uri, "digest": digest, "upstreamDigest": digest}
        self.line({**entry, "upstream": str(status)})

    def line(self, content: dict[str, object]) -> None:
        """One line of the journal."""
        with (self.places.journal / "journal.log").open("a") as file:
            file.write(json.dumps(content) + "\n")

    # ops.

    def joins(self) -> "Member":
        """Starts to be a member."""
        self.edge_starts()
        self.publisher.join()
        self.heart.beat()
        self.follower.turn()
        return self

    def turns(self) -> None:
        """A heartbeat and a look at the agreement."""
        self.heart.beat()
        self.follower.turn()


@contextmanager
def alive(*members: Member) -> Iterator[None]:
    """Their main loops, for the block."""
    stop = threading.Event()
    threads = [threading.Thread(target=part.run, args=(stop,)) for member in members for part in (member.heart, member.follower)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
