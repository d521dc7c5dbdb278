"""Does on this host what the record of the gate says, and publishes its journal."""

import sqlite3
import threading
import time
from collections.abc import Sequence

from ops import metrics
from ops.drain import manifests_in_flight
from ops.fleet import scripts
from ops.fleet.agreement import MICROSECONDS, Agreement, GateRecord, Snapshot
from ops.fleet.local_gate import LocalGate
from ops.fleet.publisher import Publisher
from ops.moments import CLOSE_GRACE_SECONDS
from ops.output import log
from ops.settings import DAY_SECONDS

POLL_SECONDS = 0.1
DRAIN_POLL_SECONDS = 0.03
PUBLISH_SECONDS = 1.0
TRIM_SECONDS = 60.0
FOR_GOOD_DAYS = 90
ACK = "ack"


class Closing:
    """One closing of the gate on this host: closed, then seen without manifests being written, then without any write.

    A replica that was idle once stays idle while the gate is closed.
    """

    def __init__(self, epoch: int, debug: Sequence[str]) -> None:
        self.epoch = epoch
        self._since = time.monotonic()
        self._manifests, self._writes = set(debug), set(debug)
        self._busy = "waits for its replicas"
        self._said: dict[str, object] = {}

    def look(self) -> None:
        """Looks at the replicas that still wrote the last time."""
        if time.monotonic() - self._since < CLOSE_GRACE_SECONDS:
            return
        busy: list[str] = []
        for url in sorted(self._writes):
            try:
                writes = metrics.scrape(url)
                manifests = manifests_in_flight(url) if writes else 0
            except OSError as error:
                busy.append(f"{url} does not answer: {error}")
                continue
            if not manifests:
                self._manifests.discard(url)
            if writes:
                busy.append(f"{url} has {writes} writes in flight")
            else:
                self._writes.discard(url)
        self._busy = "; ".join(busy)

    @property
    def done(self) -> bool:
        """Whether there is nothing more to look at."""
        return not self._writes and time.monotonic() - self._since >= CLOSE_GRACE_SECONDS

    def news(self) -> dict[str, object] | None:
        """What to tell the others; None when they know."""
        over = time.monotonic() - self._since >= CLOSE_GRACE_SECONDS
        now: dict[str, object] = {
            "epoch": self.epoch,
            "closed": True,
            "manifests": over and not self._manifests,
            "writes": over and not self._writes,
            "busy": self._busy,
        }
        if now == self._said:
            return None
        self._said = now
        return now


class Follower:
    """Looks at the agreement several times a second. `keep_seconds`, `keep_pushes`: how long the fleet remembers touches and pushes."""

    def __init__(
        self,
        agreement: Agreement,
        gate: LocalGate,
        publisher: Publisher,
        debug: Sequence[str],
        *,
        keep_seconds: float,
        keep_pushes: float,
    ) -> None:
        self._agreement = agreement
        self._gate = gate
        self._publisher = publisher
        self._debug = debug
        self._keep = keep_seconds
        self._keep_pushes = keep_pushes
        self._closing: Closing | None = None
        self._published = float("-inf")
        self._answered = (0.0, -1)
        """The request to publish that was answered last; in a Redis that began anew the numbers begin again too."""
        self._trimmed = float("-inf")

    def turn(self) -> float:
        """One look. Returns after how many seconds the next is due. Raises OpsError, OSError and sqlite3.Error."""
        snapshot = self._agreement.read()
        record = snapshot.gate
        self._gate.apply(record)
        if record is None:
            self._remind()
        pause = self._follow(record)
        asked = (snapshot.born, snapshot.sync)
        if asked != self._answered or time.monotonic() - self._published > PUBLISH_SECONDS:
            # Only a job asks how many writes there are, and only now and then: a scrape is work for a replica.
            self._publish(snapshot.sync, self._writes_in_flight() if snapshot.lock_owner else 0)
            self._answered, self._published = asked, time.monotonic()
        if time.monotonic() - self._trimmed > TRIM_SECONDS:
            self._trim(snapshot)
            self._trimmed = time.monotonic()
        return pause

    def _publish(self, sync: int, busy: int | None) -> None:
        try:
            self._publisher.publish(sync, busy)
        except sqlite3.Error as error:
            if not self._publisher.begin_anew(error):
                raise
            self._publisher.join()

    def _follow(self, record: GateRecord | None) -> float:
        if record is None or not record.closed:
            self._closing = None
            return POLL_SECONDS
        if self._closing is None or self._closing.epoch != record.epoch:
            # A person who closes the gate waits for nothing.
            self._closing = Closing(record.epoch, self._debug if record.token else ())
        if not self._closing.done:
            self._closing.look()
        news = self._closing.news()
        if news:
            self._agreement.set(ACK, news)
        return POLL_SECONDS if self._closing.done else DRAIN_POLL_SECONDS

    def _remind(self) -> None:
        """A gate that a person closed stays closed when Redis forgot it."""
        here = self._gate.closed_for()
        if here is not None and not here.token:
            self._agreement.run(scripts.CLOSE, "", here.reason)

    def _writes_in_flight(self) -> int | None:
        try:
            return sum(metrics.scrape(url) for url in self._debug)
        except OSError:
            return None

    def _trim(self, snapshot: Snapshot) -> None:
        lengths = (self._keep, self._keep_pushes, FOR_GOOD_DAYS * DAY_SECONDS)
        self._agreement.run(scripts.TRIM, *(round(length * MICROSECONDS) for length in lengths))
        for host in snapshot.hosts.values():
            if snapshot.now - host.seen > host.lease + self._keep:
                self._agreement.run(scripts.FORGET_HOST, host.name, host.raw_seen)
                log("a host that was lost long ago is forgotten", host=host.name)

    def run(self, stop: threading.Event) -> None:
        """Follows until `stop`."""
        failing = ""
        while not stop.is_set():
            try:
                pause = self.turn()
                failing = ""
            except Exception as error:  # noqa: BLE001 - whatever it is, it must go on: it closes and opens the gate
                if str(error) != failing:
                    problem = f"{type(error).__name__}: {error}"
                    log("this host does not follow the fleet", error=problem, then="the others wait for it, or sweep nothing")
                failing, pause = str(error), 0.5
            stop.wait(pause)
