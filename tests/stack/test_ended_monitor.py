"""A failed update's own message is not buried in tracebacks, whichever language host runs the program. Real asyncio, no host."""

import subprocess
import sys

from offline.kit.places import REPO

PROGRAM = """
import asyncio, gc
import pulumi
from components import ended_monitor

{0}

async def fail(error):
    raise error

async def main():
    for error in ({1}):
        task = asyncio.ensure_future(fail(error))
        await asyncio.wait([task])
        del task
    gc.collect()

asyncio.run(main())
"""
ENDED = 'pulumi.RunError("Resource monitor has terminated, shutting down")'
QUIET = "ended_monitor.leave_to_the_engine()"


def _said(prepared: str, errors: str) -> str:
    program = [sys.executable, "-c", PROGRAM.format(prepared, errors)]
    return subprocess.run(program, cwd=REPO, capture_output=True, text=True, check=True, timeout=60).stderr


def test_tasks_that_an_ended_update_leaves_say_nothing() -> None:
    assert "Traceback" in _said("", f"{ENDED},"), "without it asyncio prints one"
    assert _said(QUIET, f"{ENDED}, {ENDED}") == ""


def test_another_error_that_nobody_awaits_is_shown() -> None:
    said = _said(QUIET, f'{ENDED}, ValueError("a mistake in the program")')
    assert "a mistake in the program" in said
    assert said.count("Traceback") == 1
