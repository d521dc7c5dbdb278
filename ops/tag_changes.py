"""Which tags may have changed since a moment, from the edge's journal: a closed gate need not wait until all are looked up again."""

import time
from dataclasses import dataclass
from typing import Protocol

from ops.journal import Journal, JournalError
from ops.journal_lines import Written
from ops.output import log


@dataclass(frozen=True)
class Mark:
    """A point in the journal, and when it was made (wall clock)."""

    position: int
    at: float


class TagChanges(Protocol):
    """Knows what was written since a mark."""

    def mark(self) -> Mark | None:
        """Now; None when nothing can be known."""
        ...

    def since(self, mark: Mark, repository: str) -> frozenset[str] | None:
        """The tags written since; None when that is not known. With the gate closed and writes ended nothing is missing."""
        ...


class JournalTagChanges:
    """From the edge's journal: every push comes through the edge, and ops itself pushes only under the lock."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def mark(self) -> Mark | None:
        """See TagChanges."""
        at = time.time()
        try:
            self._journal.collect()
            self._journal.require(at)
        except JournalError as error:
            log("journal not usable", why=str(error), then="all tags are looked up with the gate closed")
            return None
        return Mark(self._journal.position(), at)

    def since(self, mark: Mark, repository: str) -> frozenset[str] | None:
        """See TagChanges."""
        written = self.written(mark)
        return None if written is None else frozenset(entry.reference for entry in written if entry.repository == repository)

    def written(self, mark: Mark) -> frozenset[Written] | None:
        """All that was written since; None when that is not known."""
        try:
            self._journal.collect()
            self._journal.require(mark.at)
        except JournalError as error:
            log("journal not usable", why=str(error), then="all tags are looked up with the gate closed")
            return None
        return frozenset(self._journal.written(float("inf"), mark.position))
