"""Pulls in the background, without a pause, while a test does something to the registry."""

import http.client
import threading
import time
from dataclasses import dataclass
from typing import Self

from tests.blackbox.background import Background
from tests.blackbox.images import Image
from tests.blackbox.oci import Account, ContentError, RegistryClient, StatusError
from tests.blackbox.target import RegistryTarget
from tests.blackbox.waiting import wait_for

STOP_SECONDS = 60


@dataclass(frozen=True)
class FailedPull:
    """A pull that did not come through: seconds since the load began, HTTP status (0 where there was no answer), what was said."""

    at: float
    status: int
    message: str
    thread: str


class PullLoad(Background):
    """Threads that pull an image and check every digest, from entering the context to leaving it.

    Half of the threads keep their connection, as container tools do while they pull; the other half opens a new one for each request, so
    that a moment without anyone listening shows. `account` must exist as long as the load runs.
    """

    def __init__(self, target: RegistryTarget, repository: str, image: Image, *, threads: int = 4, account: Account | None = None) -> None:
        super().__init__(STOP_SECONDS)
        self._target = target
        self._repository = repository
        self._image = image
        self._account = account or target.account
        self._started = time.monotonic()
        self.pulls = 0
        self.failures: list[FailedPull] = []
        self._threads = [threading.Thread(target=self._run, args=(number,), name=f"puller-{number}") for number in range(threads)]

    def _run(self, number: int) -> None:
        client = RegistryClient(
            self._target.url, ca_file=self._target.ca_file, account=self._account, timeout=30, keep_alive=number % 2 == 0
        )
        while not self._stop.is_set():
            status = 0
            message = ""
            try:
                client.pull(self._repository, "latest", self._image.digest)
            except StatusError as error:
                status, message = error.status, str(error)
            except (OSError, http.client.HTTPException, ContentError) as error:
                message = f"{type(error).__name__}: {error}"
            with self._lock:
                if message:
                    self.failures.append(FailedPull(time.monotonic() - self._started, status, message, threading.current_thread().name))
                else:
                    self.pulls += 1
            if message:
                client.close()
                # A registry that is gone would fill the report with the same line.
                self._stop.wait(0.2)
        client.close()

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        return super().__enter__()

    def wait_begun(self) -> None:
        """See Background."""
        self.more(len(self._threads))

    def judge(self) -> None:
        """See Background."""
        self.assert_none_failed()

    def more(self, count: int, seconds: float = 60) -> None:
        """Waits until this many more pulls have ended, well or not."""
        before = self.ended
        wait_for(f"{count} more pulls", lambda: self.ended - before >= count, seconds=seconds)

    @property
    def ended(self) -> int:
        """Pulls that have ended, well or not."""
        with self._lock:
            return self.pulls + len(self.failures)

    def assert_none_failed(self) -> None:
        """Raises AssertionError that lists the failed pulls."""
        with self._lock:
            failures = list(self.failures)
            pulls = self.pulls
        lines = [f"  {f.at:7.2f} s  status {f.status}  {f.thread}  {f.message[:300]}" for f in failures[:20]]
        more = f"\n  and {len(failures) - 20} more" if len(failures) > 20 else ""
        assert not failures, f"{len(failures)} pulls failed, {pulls} came through:\n" + "\n".join(lines) + more
        assert pulls, "not one pull came through: the load proves nothing"
