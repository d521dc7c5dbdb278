"""What the registry promised: every push that was answered 201, pulled again and digest-checked as long as nobody deleted it."""

import heapq
import itertools
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.ops.gc.client import Client, Fault, Image


@dataclass(eq=False)
class Promise:
    """A push that was answered 201. The lock keeps a check and the deletion of the image apart."""

    repository: str
    tag: str
    digest: str
    images: tuple[Image, ...]
    """One image, or the children of an index."""
    expires: float
    """Monotonic seconds when its pusher deletes it."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    checked: bool = False
    gone: bool = False
    """Deleted or overwritten by its own pusher."""


@dataclass
class Ledger:
    """What all clients did and found. Change it under `lock`."""

    pushed: int = 0
    """Pushes answered 201."""
    checked: int = 0
    """Pushes answered 201 that were pulled whole at least once, some time later."""
    pulls: int = 0
    """All pulls: many images are pulled more than once."""
    deleted: int = 0
    overwritten: int = 0
    failed: list[str] = field(default_factory=list[str])
    faults: list[Fault] = field(default_factory=list[Fault])
    refused: int = 0
    """Writes that the closed gate refused for the moment."""
    reads_refused: int = 0
    """Reads answered 429: a closed gate must let all of them through."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def lost(self) -> list[str]:
        """Images, manifests or blobs that could not be pulled."""
        return [fault.text for fault in self.faults if not fault.corrupt]

    @property
    def corrupt(self) -> list[str]:
        """What came with another digest than its own."""
        return [fault.text for fault in self.faults if fault.corrupt]

    def add_client(self, client: Client) -> None:
        """Adds a client's counts when it has done its work."""
        with self.lock:
            self.refused += client.refused
            self.reads_refused += client.reads_refused

    def check(self, client: Client, promise: Promise) -> None:
        """Pulls one image by tag and by digest, with every child, config and layer. The caller holds the promise's lock."""
        faults = client.pull(promise.repository, promise.digest, promise.tag)
        with self.lock:
            self.pulls += 1
            self.checked += not promise.checked
            self.faults += faults
        promise.checked = True


class Checkers:
    """Workers that pull each image some time after its push, when collections have come in between."""

    def __init__(self, urls: Sequence[str], ledger: Ledger, longest_delay: float, workers: int = 3) -> None:
        """`longest_delay` in seconds; each image is checked after a random part of it."""
        self._ledger = ledger
        self._longest = longest_delay
        self._due: list[tuple[float, int, Promise]] = []
        self._count = itertools.count()
        self._changed = threading.Condition()
        self._stopping = False
        self._random = random.Random(7)  # noqa: S311 - test data
        self.errors: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(urls[number % len(urls)],), name=f"checker-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Starts the workers."""
        for thread in self._threads:
            thread.start()

    def add(self, promise: Promise) -> None:
        """A push was answered 201."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + self._random.random() * self._longest, next(self._count), promise))
            self._changed.notify()

    def stop(self) -> None:
        """Ends the workers; what was not yet due is left to the last check."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(120)

    def _next(self) -> Promise | None:
        with self._changed:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
        return None

    def _run(self, url: str) -> None:
        client = Client(url)
        try:
            while promise := self._next():
                with promise.lock:
                    if not promise.gone:
                        self._ledger.check(client, promise)
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.errors.append(error)
        finally:
            self._ledger.add_client(client)
