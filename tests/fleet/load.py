"""Pushes and pulls through the balancer while hosts come and go, by clients that do what docker does: after a failure they try again.

Each attempt counts: one that fails is noted with its time, and a push or pull has failed for good when none of its attempts came through.
A write that is refused for the moment (429) has not failed: the client waits and tries again, and the longest wait is measured.
"""

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.blackbox.background import Background
from tests.blackbox.images import build_image
from tests.blackbox.names import fresh
from tests.blackbox.oci import ContentError, RegistryClient, StatusError
from tests.blackbox.push_load import Acknowledged
from tests.blackbox.target import RegistryTarget
from tests.blackbox.waiting import wait_for

ATTEMPTS = 5
"""As many as docker makes by default (`max-download-attempts`, `max-upload-attempts`: dockerd(8))."""
PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 60.0
"""How long a refused write (429) is tried again without counting as a failure."""
STOP_SECONDS = 180
CLIENT_SECONDS = 60


@dataclass(frozen=True)
class FailedAttempt:
    """One attempt that did not come through: monotonic seconds of its begin and end, what it was, and why."""

    began: float
    ended: float
    what: str
    why: str


class Load(Background):
    """Threads that push new images and pull acknowledged ones, from entering the context to leaving it.

    Half of the threads keep their connection, the other half opens a new one for each request. Leaving the context pulls everything that
    was acknowledged; `assert_...` then judge.
    """

    def __init__(self, target: RegistryTarget, *, pushers: int = 2, pullers: int = 3) -> None:
        super().__init__(STOP_SECONDS)
        self._target = target
        self.acknowledged: list[Acknowledged] = []
        self.pulls = 0
        self.attempts: list[FailedAttempt] = []
        self.failed: list[str] = []
        """Pushes and pulls of which no attempt came through."""
        self.refused = 0
        """Attempts that were refused for the moment."""
        self.longest_refusal = 0.0
        """Seconds from the first refusal of a push until it came through, at most."""
        self.lost: list[str] = []
        self._threads = [threading.Thread(target=self._push, args=(number,), name=f"pusher-{number}") for number in range(pushers)]
        self._threads += [threading.Thread(target=self._pull, args=(number,), name=f"puller-{number}") for number in range(pullers)]

    def _client(self, number: int) -> RegistryClient:
        target = self._target
        account = target.account
        return RegistryClient(target.url, ca_file=target.ca_file, account=account, timeout=CLIENT_SECONDS, keep_alive=number % 2 == 0)

    def _persist(self, client: RegistryClient, what: str, attempt: Callable[[], object]) -> bool:
        """Tries as often as docker does; whether it came through."""
        failures = 0
        refused_since: float | None = None
        while failures < ATTEMPTS:
            began = time.monotonic()
            try:
                attempt()
            except (StatusError, ContentError, OSError, http.client.HTTPException) as error:
                client.close()
                if isinstance(error, StatusError) and error.status == 429 and began - (refused_since or began) < PATIENCE_SECONDS:
                    refused_since = refused_since or began
                    with self._lock:
                        self.refused += 1
                else:
                    failures += 1
                    with self._lock:
                        self.attempts.append(FailedAttempt(began, time.monotonic(), what, f"{type(error).__name__}: {error}"[:300]))
                time.sleep(PAUSE_SECONDS)
            else:
                with self._lock:
                    self.longest_refusal = max(self.longest_refusal, began - (refused_since or began))
                return True
        with self._lock:
            self.failed.append(what)
        return False

    def _push(self, number: int) -> None:
        client = self._client(number)
        while not self._stop.is_set():
            repository = fresh("fleet-load")
            image = build_image(repository, (5000, 50_000, 400_000))
            if self._persist(client, f"push of {repository}", lambda repo=repository, one=image: client.push(repo, "v1", one)):
                with self._lock:
                    self.acknowledged.append(Acknowledged(repository, image))
        client.close()

    def _pull(self, number: int) -> None:
        client = self._client(number)
        turn = number
        while not self._stop.is_set():
            with self._lock:
                # Half of the pulls are of what was pushed last, through whichever host that was.
                choice = self.acknowledged[-1 if turn % 2 else turn % len(self.acknowledged)] if self.acknowledged else None
            turn += 1
            if choice is None:
                self._stop.wait(0.1)
            elif self._persist(
                client, f"pull of {choice.repository}", lambda one=choice: client.pull(one.repository, "v1", one.image.digest)
            ):
                with self._lock:
                    self.pulls += 1
        client.close()

    def wait_begun(self) -> None:
        """See Background."""
        self.more(4)

    def more(self, count: int, seconds: float = 180) -> None:
        """Waits until this many more pushes were acknowledged, and as many pulls came through."""
        pushes, pulls = len(self.acknowledged), self.pulls
        wait_for(
            f"{count} more pushes and pulls",
            lambda: len(self.acknowledged) - pushes >= count and self.pulls - pulls >= count,
            seconds=seconds,
        )

    def judge(self) -> None:
        """Pulls everything that was acknowledged."""
        client = self._client(0)
        for push in self.acknowledged:
            try:
                client.pull(push.repository, "v1", push.image.digest)
            except (StatusError, ContentError, OSError, http.client.HTTPException) as problem:
                client.close()
                self.lost.append(f"{push.repository}: {problem}")

    def text(self) -> str:
        """For people."""
        pushes = sum(attempt.what.startswith("push") for attempt in self.attempts)
        return (
            f"{len(self.acknowledged)} pushes acknowledged, {self.pulls} pulls; attempts that failed: {pushes} of pushes,"
            f" {len(self.attempts) - pushes} of pulls; failed for good: {len(self.failed)}; lost: {len(self.lost)};"
            f" refused for the moment: {self.refused}, for {self.longest_refusal:.1f} s at most"
        )

    def assert_nothing_failed_for_good(self) -> None:
        """Every push and pull came through in the end, and everything that was acknowledged is there."""
        print(self.text())
        assert not self.failed, f"failed for good: {self.failed[:10]}\n{self._attempts(self.attempts)}"
        assert not self.lost, f"{len(self.lost)} acknowledged images can't be pulled: {self.lost[:10]}"
        assert self.acknowledged, "not one push was acknowledged: the load proves nothing"

    def assert_no_attempt_failed(self) -> None:
        """Nobody noticed anything."""
        self.assert_nothing_failed_for_good()
        assert not self.attempts, f"{len(self.attempts)} attempts failed:\n{self._attempts(self.attempts)}"

    def assert_attempts_failed_only(self, begin: float, end: float, what: str) -> None:
        """Attempts failed only while `what` happened, between these monotonic seconds."""
        self.assert_nothing_failed_for_good()
        outside = [attempt for attempt in self.attempts if attempt.ended < begin or attempt.began > end]
        assert not outside, f"{len(outside)} attempts failed while nothing was wrong ({what}):\n{self._attempts(outside)}"

    @staticmethod
    def _attempts(attempts: list[FailedAttempt]) -> str:
        return "\n".join(f"  {one.began:.2f}-{one.ended:.2f} {one.what}: {one.why}" for one in attempts[:20])
