"""Work on a registry in the background, while a test does something to it."""

import threading
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Background(ABC):
    """Threads that work from entering the context to leaving it. They look at `_stop`, and hold `_lock` for what they share.

    Leaving the context waits up to `stop_seconds` for each of them, and judges unless the test has failed already.
    """

    def __init__(self, stop_seconds: float) -> None:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._stop_seconds = stop_seconds
        self._threads: list[threading.Thread] = []

    @abstractmethod
    def wait_begun(self) -> None:
        """Returns when the work is going on."""

    @abstractmethod
    def judge(self) -> None:
        """Looks at the result when all have ended."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.wait_begun()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(self._stop_seconds)
        if error is None:
            self.judge()
