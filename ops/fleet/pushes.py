"""When tags were last pushed, through whichever host."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import cast

from ops.fleet import scripts
from ops.fleet.agreement import Agreement
from ops.fleet.publisher import PUSHED
from ops.fleet.record import entries
from ops.gc.database import Database
from ops.journal import JournalError
from ops.output import log
from ops.pushes import Pushes
from ops.retention.image import Image
from ops.retention.rules import Rule


class FleetPushes(Pushes):
    """The record that all hosts publish to, besides what this host's own state knows.

    An image counts as pushed when the record may last have missed a push, unless one is on record since then: Redis began anew, or a host
    was lost with what it had not published. Rather too late than too early; that is also why the record goes back twice as far as any rule
    asks.
    """

    def __init__(self, database: Database, rules: Iterable[Rule], agreement: Agreement, ask: Callable[[], None]) -> None:
        """`ask`: makes every live host publish what it has (FleetJournal.ask)."""
        super().__init__(database, rules)
        self._agreement = agreement
        self._ask = ask

    def record(self, repository: str, digest: str) -> None:
        """See Pushes."""
        super().record(repository, digest)
        self._agreement.run(scripts.PUBLISH, PUSHED, json.dumps([repository, digest]))

    def known(self) -> dict[tuple[str, str], float]:
        """See Pushes."""
        found = super().known()
        for member, at in entries(self._agreement, PUSHED):
            repository, name = cast("list[str]", json.loads(member))
            found[repository, name] = max(at, found.get((repository, name), 0))
        return found

    def complete_since(self) -> float:
        """Since when no push is missing in the record (wall clock)."""
        try:
            self._ask()
        except JournalError as error:
            log("pushes of the last moments may be missing", why=str(error), then="what has no push on record stays")
            return time.time()
        snapshot = self._agreement.read()
        gaps = [snapshot.born, snapshot.forgotten_pushes, min(snapshot.missed, snapshot.now)]
        for host in snapshot.hosts.values():
            complete = host.state.get("complete")
            if host.live(snapshot.now) and host.state.get("problem"):
                # What it served lately it can't tell.
                gaps.append(snapshot.now)
            elif host.live(snapshot.now) and isinstance(complete, int | float) and complete <= snapshot.now:
                gaps.append(float(complete))
            else:
                gaps.append(min(host.seen + host.lease, snapshot.now))
        return max(gaps) + snapshot.offset

    def add_to(self, images: Iterable[Image]) -> list[Image]:
        """See Pushes."""
        # Before the record is read, so that all of what was asked for is in it.
        since = self.complete_since()
        return [replace(image, pushed=since if image.pushed is None else max(image.pushed, since)) for image in super().add_to(images)]
