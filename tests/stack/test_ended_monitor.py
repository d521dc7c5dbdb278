"""A failed update's own message is not buried in tracebacks, whichever language host runs the program. Real asyncio, no host."""

import asyncio
import gc
import logging
from collections.abc import Iterator

import pulumi
import pytest

from components import ended_monitor

LOGGERS = ("asyncio", "concurrent.futures")


@pytest.fixture
def filters() -> Iterator[None]:
    """Restores them: the loggers are the process's: what the program adds is taken away again."""
    before = {name: list(logging.getLogger(name).filters) for name in LOGGERS}
    yield
    for name, found in before.items():
        logging.getLogger(name).filters[:] = found


@pytest.fixture
def quiet(filters: None) -> None:
    ended_monitor.leave_to_the_engine()


def _ended() -> Exception:
    return pulumi.RunError("Resource monitor has terminated, shutting down")


def _leave_unanswered(*errors: Exception) -> None:
    """Tasks that fail, and that nobody awaits."""

    async def fail(error: Exception) -> None:
        raise error

    async def start() -> None:
        await asyncio.wait([asyncio.ensure_future(fail(error)) for error in errors])

    asyncio.run(start())
    gc.collect()


def _answer_to_a_closed_loop(logger: str) -> None:
    """What Pythons up to some 3.11 log, in their form; 3.11.7 no longer does."""
    try:
        try:
            raise _ended()
        except pulumi.RunError:
            raise RuntimeError("Event loop is closed")  # noqa: B904 - chained as Python does it
    except RuntimeError:
        logging.getLogger(logger).exception("exception calling callback")


def test_without_it_there_are_tracebacks(caplog: pytest.LogCaptureFixture) -> None:
    _leave_unanswered(_ended())
    _answer_to_a_closed_loop("concurrent.futures")
    assert caplog.text.count("Traceback") == 3, "one for the task, two chained ones for the thread"


@pytest.mark.usefixtures("quiet")
def test_what_an_ended_update_leaves_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    _leave_unanswered(_ended(), _ended())
    for logger in LOGGERS:
        _answer_to_a_closed_loop(logger)
    assert caplog.text == ""


@pytest.mark.usefixtures("quiet")
def test_another_error_that_nobody_awaits_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    _leave_unanswered(_ended(), ValueError("a mistake in the program"))
    assert "a mistake in the program" in caplog.text
    assert caplog.text.count("Traceback") == 1
