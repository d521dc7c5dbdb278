"""Which host runs a job of the schedule: each run once in the whole fleet, on the host that ran the last one if it lives.

The record of what is garbage since when is in one host's state volume, so another host would have to begin anew.
"""

from datetime import UTC, datetime
from enum import Enum

from ops.errors import BUSY, DAMAGED, OK, STOPPED
from ops.fleet import scripts
from ops.fleet.agreement import MICROSECONDS, Agreement
from ops.output import log
from ops.redis import RedisError

PATIENCE_SECONDS = 60
"""How long a host waits for the one that should run a job, which may still be busy with the one before."""
GIVE_UP_SECONDS = 900
COLLECTION = "gc"
_AHEAD = "ahead"
_NOT_FAILED = (OK, DAMAGED, BUSY, STOPPED, 130, 143, -2, -15)
"""Also what somebody ended with Ctrl-C or SIGTERM. One that was killed may have had too little memory."""


class Claim(Enum):
    """What to do about a job that is due."""

    RUN = "run"
    WAIT = "wait"
    DONE = "done"
    """Another host runs it or has run it."""


class Claims:
    """Asked before each run. `due` is when the schedule says, the same on each host."""

    def __init__(self, agreement: Agreement) -> None:
        self._agreement = agreement
        self._runs: dict[str, datetime] = {}
        """The last run of each job that is known to be this host's."""

    def claim(self, job: str, due: datetime, now: datetime | None = None, *, locks: bool = True) -> Claim:
        """Claims a run of a job for this host. `locks`: whether the job needs the lock."""
        if self._runs.get(job) == due:
            return Claim.DONE
        late = ((now or datetime.now(UTC)) - due).total_seconds()
        try:
            answer = self._agreement.run(
                scripts.CLAIM,
                job,
                due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"),
                self._agreement.host,
                "1" if late < PATIENCE_SECONDS else "0",
                "1" if locks else "0",
                round(due.timestamp() * MICROSECONDS),
            )
        except RedisError as error:
            if late < GIVE_UP_SECONDS:
                return Claim.WAIT
            log("a job is left out", job=job, why=str(error))
            return Claim.DONE
        text = answer.decode() if isinstance(answer, bytes) else "done"
        if text == _AHEAD:
            log("a job is left out", job=job, why="this host's clock is more than an hour ahead of Redis's", level="alert")
            return Claim.DONE
        claim = Claim(text)
        if claim is Claim.RUN:
            self._runs[job] = due
        return claim

    def ended(self, job: str, code: int) -> None:
        """A job of this host ended with this exit code. One that can't collect lets another host lead."""
        if job != COLLECTION or code in _NOT_FAILED:
            return
        try:
            if self._agreement.run(scripts.RESIGN, self._agreement.host) == 1:
                log("leads no more", why="the collection failed", code=code)
        except RedisError as error:
            log("could not let another host lead", error=str(error))

    def leads(self) -> bool:
        """Whether this host is the one that works between the jobs too. True also when there is none yet. Raises RedisError."""
        snapshot = self._agreement.read()
        leader = snapshot.hosts.get(snapshot.leader)
        return snapshot.leader == self._agreement.host or leader is None or not leader.live(snapshot.now)
