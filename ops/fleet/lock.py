"""The one lock of all jobs on all hosts of a fleet."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict

from ops.fleet import scripts
from ops.fleet.agreement import MICROSECONDS, Agreement, object_of
from ops.lock import Lock, LockHeldError, Owner
from ops.output import log
from ops.redis import RedisError


class RedisLock(Lock):
    """The lock in the agreement. A lease is judged by our own clock, counted from before Redis was asked.

    `settle_seconds`: a Redis that began anew may have forgotten a holder, so it gives the lock to nobody before whatever the last one
    ordered has ended.
    """

    def __init__(self, agreement: Agreement, settle_seconds: float) -> None:
        self.here = agreement.host
        self.lease_seconds = agreement.lease_seconds
        self.settle_seconds = settle_seconds
        self._agreement = agreement
        self.held = ""
        """The token under which this object holds the lock; empty when it does not."""

    def owner(self) -> Owner | None:
        """See Lock. `expires` says nothing on another host. Raises RedisError."""
        return _owner(self._agreement.read().lock_owner)

    def _obstacle(self) -> str | None:
        snapshot = self._agreement.read()
        holder = _owner(snapshot.lock_owner)
        if holder:
            return f"another job holds the lock: {holder}"
        left = snapshot.born + self.settle_seconds - snapshot.now
        return f"Redis began anew: in {left:.0f} s, when nothing from before can be running, there is a lock again" if left > 0 else None

    def _try(self, name: str) -> Owner | None:
        owner = self._new_owner(name, time.monotonic() + self.lease_seconds)
        lease, settle = round(self.lease_seconds * MICROSECONDS), round(self.settle_seconds * MICROSECONDS)
        taken = self._agreement.run(scripts.TAKE_LOCK, owner.token, json.dumps(asdict(owner)), lease, settle)
        if taken != 1:
            return None
        self.held = owner.token
        return owner

    def renew(self, owner: Owner) -> float | None:
        """See Lock."""
        expires = time.monotonic() + self.lease_seconds
        renewed = self._agreement.run(scripts.RENEW_LOCK, owner.token, round(self.lease_seconds * MICROSECONDS))
        return expires if renewed == 1 else None

    def _free(self, owner: Owner) -> None:
        self.held = ""
        try:
            self._agreement.run(scripts.FREE_LOCK, owner.token)
        except RedisError as error:
            log("the lock could not be given back", error=str(error), then="it is free when its lease is over")

    @contextlib.contextmanager
    def guarded(self) -> Iterator[bool]:
        """See Lock. Here it needs no disk, so it is the lock itself."""
        try:
            with self.hold("guard"):
                yield True
        except LockHeldError:
            yield False


def _owner(text: str) -> Owner | None:
    try:
        return Owner(**object_of(text))  # type: ignore[arg-type]
    except TypeError:
        return None
