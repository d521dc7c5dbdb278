"""What was deleted without the recycle bin, on whichever host: a secret that somebody removed for good must not turn up in it again."""

import json
from collections.abc import Iterable
from typing import cast

from ops.fleet import scripts
from ops.fleet.agreement import Agreement
from ops.fleet.publisher import AT_ONCE
from ops.fleet.record import entries
from ops.for_good import ForGood
from ops.gc.database import Database

FOR_GOOD = 5
"""The set's number in scripts.KEYS."""


class FleetForGood(ForGood):
    """The record in the agreement, copied into this host's own when it is asked for."""

    def __init__(self, database: Database, agreement: Agreement) -> None:
        super().__init__(database)
        self._agreement = agreement

    def note(self, manifests: Iterable[tuple[str, str]]) -> None:
        """See ForGood."""
        named = list(manifests)
        super().note(named)
        words = [word for one in named for word in (FOR_GOOD, json.dumps(list(one)))]
        for start in range(0, len(words), 2 * AT_ONCE):
            self._agreement.run(scripts.PUBLISH, *words[start : start + 2 * AT_ONCE])

    def manifests(self) -> frozenset[tuple[str, str]]:
        """See ForGood."""
        rows: list[tuple[str, str, float]] = []
        for member, at in entries(self._agreement, FOR_GOOD):
            repository, digest = cast("list[str]", json.loads(member))
            rows.append((repository, digest, at))
        self.learn(rows)
        return super().manifests()
