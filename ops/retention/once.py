"""Asks for each thing once, however many threads want it at the same time."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from ops.errors import OpsError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Answers by key, kept for as long as this object lives. Failures are not kept: who asks next tries again."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: dict[K, Future[V]] = {}

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """The answer; `ask` is called unless it is known or somebody is asking just now. Raises what `ask` raises."""
        while True:
            with self._guard:
                found = self._known.get(key)
                if found is None:
                    mine: Future[V] = Future()
                    self._known[key] = mine
                    break
            try:
                return found.result()
            except OpsError:
                continue  # theirs failed; what was theirs is forgotten by now
        try:
            answer = ask()
        except BaseException as error:
            with self._guard:
                del self._known[key]
            mine.set_exception(error if isinstance(error, OpsError) else OpsError(f"asking for {key} was broken off: {error!r}"))
            raise
        mine.set_result(answer)
        return answer
