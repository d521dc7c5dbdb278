"""Pushes in the background while a test does something to the registry, and afterwards asks for everything that was acknowledged."""

import http.client
import threading
from dataclasses import dataclass

from tests.blackbox.background import Background
from tests.blackbox.images import Image, build_image
from tests.blackbox.names import fresh
from tests.blackbox.oci import ContentError, StatusError
from tests.blackbox.target import RegistryTarget
from tests.blackbox.waiting import wait_for

STOP_SECONDS = 120


@dataclass(frozen=True)
class Acknowledged:
    """An image whose push the registry answered with 201."""

    repository: str
    image: Image


class PushLoad(Background):
    """Threads that push new images, from entering the context to leaving it.

    A push that is refused or cut off is honest: the client knows. One that was acknowledged must be there: leaving the context pulls
    every one of them and raises AssertionError for those that are not.
    """

    def __init__(self, target: RegistryTarget, *, threads: int = 2) -> None:
        super().__init__(STOP_SECONDS)
        self._target = target
        self.acknowledged: list[Acknowledged] = []
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._run, name=f"pusher-{number}") for number in range(threads)]

    def _run(self) -> None:
        client = self._target.client(timeout=30)
        while not self._stop.is_set():
            repository = fresh("push-load")
            image = build_image(repository, (5000, 50_000))
            try:
                client.push(repository, "v1", image)
            except (StatusError, OSError, http.client.HTTPException) as error:
                client.close()
                with self._lock:
                    self.refused.append(f"{type(error).__name__}: {error}")
                self._stop.wait(0.2)
            else:
                with self._lock:
                    self.acknowledged.append(Acknowledged(repository, image))
        client.close()

    def wait_begun(self) -> None:
        """See Background."""
        self.more(len(self._threads))

    def judge(self) -> None:
        """See Background."""
        self.assert_all_there()

    def more(self, count: int, seconds: float = 60) -> None:
        """Waits until this many more pushes were acknowledged."""
        before = len(self.acknowledged)
        wait_for(f"{count} more acknowledged pushes", lambda: len(self.acknowledged) - before >= count, seconds=seconds)

    def assert_all_there(self) -> None:
        """Raises AssertionError that lists acknowledged images which can't be pulled."""
        client = self._target.client()
        lost: list[str] = []
        for push in self.acknowledged:
            try:
                client.pull(push.repository, "v1", push.image.digest)
            except (StatusError, ContentError) as error:
                lost.append(f"  {push.repository}: {error}")
        print(f"{len(self.acknowledged)} pushes acknowledged, {len(self.refused)} refused; {self.refused[:3]}")
        assert not lost, f"{len(lost)} of {len(self.acknowledged)} acknowledged images can't be pulled:\n" + "\n".join(lost[:20])
        assert self.acknowledged, "not one push was acknowledged: the load proves nothing"
