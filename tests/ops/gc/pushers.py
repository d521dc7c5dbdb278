"""Clients that push, promote, overwrite and delete at random, and hold the registry to every 201 that it gave."""

import contextlib
import functools
import math
import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from tests.ops.gc.client import Client, Image, PushError, index, sha256
from tests.ops.gc.promises import Checkers, Ledger, Promise

LAYERS_SHARED = 60
"""Layers that all clients draw from: they become garbage and come back again and again."""
MOST_KEPT = 50
"""Images that one client keeps at most."""
KEPT_FOR_GOOD = 0.05
"""The share of images that nobody deletes while there is room."""


@functools.lru_cache(maxsize=1000)
def shared_layer(number: int, size: int) -> bytes:
    """The same bytes for the same number, in every process."""
    return random.Random(number).randbytes(size)  # noqa: S311 - test data


class Pusher(threading.Thread):
    """One client with two repositories of its own; deletes most images after a while of `longest_life` seconds at most."""

    def __init__(
        self,
        url: str,
        number: int,
        ledger: Ledger,
        checkers: Checkers,
        stop: threading.Event,
        *,
        longest_life: float,
        pause: float = 0.05,
    ) -> None:
        super().__init__(name=f"pusher-{number}", daemon=True)
        self._client = Client(url)
        self._number = number
        self._ledger = ledger
        self._checkers = checkers
        self._stopping = stop
        self._longest_life = longest_life
        self._pause = pause
        self._random = random.Random(1000 + number)  # noqa: S311 - test data
        self.kept: list[Promise] = []
        self.at_work = threading.Lock()
        """Held from the first to the last request of a push or a deletion."""
        self.error: BaseException | None = None

    def _image(self, serial: str) -> Image:
        layers = [shared_layer(self._random.randrange(LAYERS_SHARED), 2000 + 37 * self._random.randrange(3)) for _ in range(4)]
        if self._random.random() < 0.3:
            layers.append(f"own layer {serial}".encode())
        return Image(tuple(layers), f'{{"serial":"{serial}"}}'.encode())

    def run(self) -> None:
        try:
            serial = 0
            while not self._stopping.is_set():
                serial += 1
                with self.at_work:
                    self._turn(f"{self._number}-{serial}")
                time.sleep(self._pause * self._random.random())
        except BaseException as error:  # noqa: BLE001 - shown by the test
            self.error = error
        finally:
            self._ledger.add_client(self._client)

    def _repositories(self) -> list[str]:
        return [f"team{self._number % 4}/app{self._number}-{part}" for part in range(2)]

    def _new(self, serial: str) -> tuple[str, tuple[Image, ...], str]:
        """Repository, images (two for an index), and the repository to mount from."""
        promoted = self._random.choice(self.kept) if self.kept and self._random.random() < 0.1 else None
        if promoted:
            # The same image from one of the own repositories to the other, as a promotion from stage to stage does.
            (target,) = (name for name in self._repositories() if name != promoted.repository)
            if not any((other.repository, other.digest) == (target, promoted.digest) for other in self.kept):
                return target, promoted.images, promoted.repository
        repository = self._random.choice(self._repositories())
        # From anywhere: a mount that works and one that the registry turns into an upload are both wanted.
        source = f"team{self._random.randrange(4)}/app{self._random.randrange(8)}-{self._random.randrange(2)}"
        parts = ("-a", "-b") if self._random.random() < 0.3 else ("",)
        return repository, tuple(self._image(serial + part) for part in parts), source

    def _turn(self, serial: str) -> None:
        repository, images, source = self._new(serial)
        tag = "latest" if self._random.random() < 0.2 else f"v{serial}"
        old = next((promise for promise in self.kept if (promise.repository, promise.tag) == (repository, tag)), None)
        if old:
            self._let_go(old)
        try:
            if len(images) > 1:
                digest = self._client.push_index(repository, tag, images, source)
                assert digest == sha256(index(image.manifest for image in images))
            else:
                digest = self._client.push(repository, tag, next(iter(images)), source)
        except PushError as error:
            with self._ledger.lock:
                self._ledger.failed.append(str(error))
            return
        lives = math.inf if self._random.random() < KEPT_FOR_GOOD else self._random.random() * self._longest_life
        promise = Promise(repository, tag, digest, images, time.monotonic() + lives)
        self.kept.append(promise)
        with self._ledger.lock:
            self._ledger.pushed += 1
            self._ledger.overwritten += old is not None
        self._checkers.add(promise)
        self._delete_old()

    def _delete_old(self) -> None:
        by_age = sorted(self.kept, key=lambda promise: promise.expires)
        for number, promise in enumerate(by_age):
            if promise.expires > time.monotonic() and len(by_age) - number <= MOST_KEPT:
                return
            self._let_go(promise)
            self._client.delete(promise.repository, promise.digest)
            with self._ledger.lock:
                self._ledger.deleted += 1

    def _let_go(self, promise: Promise) -> None:
        """The last check before the image is deleted or overwritten; nobody checks it afterwards."""
        with promise.lock:
            self._ledger.check(self._client, promise)
            promise.gone = True
        self.kept.remove(promise)


class Crowd:
    """Pushers and checkers at work."""

    def __init__(self, url: str | Sequence[str], count: int, longest: float, pause: float = 0.05) -> None:
        """`longest`: seconds that pass at most before a push is pulled again, and that most images live at most.

        `pause`: seconds that a client waits at most after a push.

        `url`: one edge, or several that clients and checkers are spread over.
        """
        self.ledger = Ledger()
        urls = [url] if isinstance(url, str) else list(url)
        self._url = urls[0]
        self._stop = threading.Event()
        self._checkers = Checkers(urls, self.ledger, longest)
        self._pushers = [
            Pusher(urls[number % len(urls)], number, self.ledger, self._checkers, self._stop, longest_life=longest, pause=pause)
            for number in range(count)
        ]

    def start(self) -> None:
        """Starts all."""
        self._checkers.start()
        for pusher in self._pushers:
            pusher.start()

    def stop(self) -> None:
        """Ends all. Raises what a pusher or a checker stumbled over."""
        self._stop.set()
        for pusher in self._pushers:
            pusher.join(120)
        self._checkers.stop()
        errors = [*(pusher.error for pusher in self._pushers if pusher.error), *self._checkers.errors]
        if errors:
            raise errors[0]

    @contextlib.contextmanager
    def between_pushes(self) -> Iterator[None]:
        """Nobody is in the middle of a push during the block."""
        with contextlib.ExitStack() as stack:
            for pusher in self._pushers:
                stack.enter_context(pusher.at_work)
            yield

    def check_all(self) -> int:
        """Pulls everything that still must be there; returns the number of images."""
        client = Client(self._url)
        alive = list(self._alive())
        for promise in alive:
            self.ledger.check(client, promise)
        self.ledger.add_client(client)
        return len(alive)

    def _alive(self) -> Iterable[Promise]:
        return (promise for pusher in self._pushers for promise in pusher.kept)
