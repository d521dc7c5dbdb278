"""Run a Pulumi program: the host starts this file with the program's own interpreter, and the settings as JSON on standard input.

It imports nothing from the kit, since that interpreter may have nothing but `pulumi`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

EXIT_REPORTED = 32
"""The exit code after an error that the user has been told about."""

_MONITOR_GONE = "Resource monitor has terminated"  # the SDK's words (pulumi/runtime/settings.py)
_THREADS_FOR_EACH = 4  # resource that the engine handles at the same time, as the SDK's automation server has it
_MOST_THREADS = 1024  # made as needed; without --parallel the engine gives a very large number


def main() -> int:
    """Run the program that the settings name. Return the exit code."""
    settings: dict[str, Any] = json.load(sys.stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())  # the settings are nobody else's to read
    given = Path(settings["program"]).resolve()
    program = given / "__main__.py" if given.is_dir() else given
    # Python puts this file's folder first. The program's own belongs there, and has to stay: callbacks import late.
    own = str(Path(__file__).resolve().parent)
    sys.path[:] = [str(program.parent), *(entry for entry in sys.path if entry != own)]
    sys.argv = [str(program), *settings["arguments"]]

    from pulumi import log, runtime  # noqa: PLC0415 - only after the path is set
    from pulumi.errors import RunError  # noqa: PLC0415

    runtime.set_all_config(settings["config"], settings["config_secret_keys"])
    runtime.configure(
        runtime.Settings(
            project=settings["project"],
            stack=settings["stack"],
            organization=settings["organization"],
            root_directory=settings["root_directory"],
            dry_run=settings["dry_run"],
            parallel=settings["parallel"],
            monitor=settings["monitor"],
            engine=settings["engine"],
        )
    )
    # What asyncio has to say about the SDK's own tasks tells a user nothing.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if not program.exists():
        log.error(f"there is no program at {program}")
        return EXIT_REPORTED
    try:
        _run_in_stack(runtime.run_in_stack, program, settings["parallel"])
    except RunError as error:
        # Once an update has failed, the engine ends the monitor, and has said why.
        tell = log.debug if str(error).startswith(_MONITOR_GONE) else log.error
        tell(str(error))
        return EXIT_REPORTED
    except Exception as error:  # noqa: BLE001 - whatever a program raises is reported
        log.error("the program failed with an unhandled exception:\n" + _describe(error, program.parent))
        return EXIT_REPORTED
    return 0


def _run_in_stack(run_in_stack: Callable[..., Any], program: Path, parallel: int) -> None:
    """Run the program's module, then wait for everything that it started.

    The SDK keeps a thread busy for each call to the engine. Python would give it a handful, and a few slow containers would hold up
    everything else.
    """

    async def wait_for_all() -> None:
        threads = min(max(parallel, 1) * _THREADS_FOR_EACH, _MOST_THREADS)
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=threads))
        await run_in_stack(lambda: _run_module(program))

    asyncio.run(wait_for_all())


def _run_module(program: Path) -> None:
    runpy.run_path(str(program), run_name="__main__")


def _describe(error: BaseException, folder: Path) -> str:
    """Format a traceback from the program's first line on; what lies above it is this file and the SDK."""
    start: TracebackType | None = error.__traceback__
    while start and not Path(start.tb_frame.f_code.co_filename).is_relative_to(folder):
        start = start.tb_next
    if start is None and isinstance(error, SyntaxError):  # it names file and line by itself
        return "".join(traceback.format_exception_only(error)).rstrip()
    return "".join(traceback.format_exception(type(error), error, start or error.__traceback__)).rstrip()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)
