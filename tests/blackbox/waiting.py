"""Waiting with a deadline: a test that waits says for what, and says so when it didn't come."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class DeadlineError(AssertionError):
    """The deadline passed."""


def wait_for(what: str, check: Callable[[], Found | None], *, seconds: float = 30, interval: float = 0.2) -> Found:
    """Asks again and again until the answer is true, and returns it. Raises DeadlineError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise DeadlineError(f"waited {seconds:g} s for {what}; last answer: {found!r}")
        time.sleep(interval)
