"""What `make test`, `make test-fast` and `make lint` run, inside the virtual environment."""

import argparse
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from offline.kit import apt, engine_start, gobuild, places
from offline.kit.errors import KitError
from offline.kit.progress import fail, say
from offline.kit.tools_for_tests import ACTIONLINT
from tests.leftovers import remove_leftovers

FAST = "not engine and not docker and not live"
NOT_FAST = ("engine", "fleet", "live", "storage")
"""Folders below tests/ whose conftest file marks every test as one of those: nothing of them has to be imported."""
WORKERS = "3"
"""Of the fast tests: one more than a small machine has cores, because some tests wait."""
WORKERS_OF_ALL = "4"
"""Of all tests: two for each core of a small machine. Most wait: for containers, for graces, for clocks."""


def _environment() -> dict[str, str]:
    """PATH with the kit's pulumi (where it provides one), the test clients and the environment's own commands."""
    folders = [str(places.BIN), str(places.TOOLS), str(places.VENV / "bin"), os.environ.get("PATH", os.defpath)]
    return {**os.environ, "PATH": os.pathsep.join(folders)}


def _run(name: str, command: Sequence[str]) -> bool:
    """Runs one check with its output shown; returns whether it passed."""
    say(f"{name} ...")
    started = time.monotonic()
    code = subprocess.run(command, cwd=places.REPO, env=_environment(), stdin=subprocess.DEVNULL, check=False).returncode
    say(f"{name}: {'passed' if code == 0 else f'failed with code {code}'} after {time.monotonic() - started:.0f} s")
    return code == 0


def is_shell(path: Path) -> bool:
    """Whether a file is a shell script, by its name or its first line. A template is none before it is rendered."""
    if path.suffix in {".sh", ".j2"}:
        return path.suffix == ".sh"
    with path.open("rb") as file:
        first = file.readline(64)
    return first.startswith(b"#!") and first.split()[-1].rpartition(b"/")[2] in {b"sh", b"bash", b"dash"}


def shell_files() -> list[str]:
    """The shell scripts among the files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=places.REPO, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.splitlines() if (places.REPO / name).is_file() and is_shell(places.REPO / name)]


def lint() -> bool:
    """All checks that run nothing. Every one runs, so that one failure does not hide the next."""
    if not shutil.which("shellcheck"):
        apt.install(["shellcheck"], "shell scripts are checked with it")
    python = sys.executable
    checks = {
        "ruff check": [python, "-m", "ruff", "check"],
        "ruff format": [python, "-m", "ruff", "format", "--check"],
        "pyright": [python, "-m", "pyright"],
        "shellcheck": ["shellcheck", *shell_files()],
        # Checks the shell in workflows with shellcheck, too. Named, so that a shellcheck that isn't there is an error.
        "actionlint": [str(gobuild.build(ACTIONLINT)), "-shellcheck", shutil.which("shellcheck") or "shellcheck", "-pyflakes="],
    }
    passed = [_run(name, command) for name, command in checks.items()]
    return all(passed)


def fast(arguments: Sequence[str]) -> bool:
    """The tests that need no Docker, no pulumi and no network."""
    ignored = [f"--ignore=tests/{folder}" for folder in NOT_FAST]
    spread = ["-n", WORKERS, "--dist", "worksteal"]
    command = [sys.executable, "-m", "pytest", "-q", *spread, "--hypothesis-profile=fast", "-m", FAST, *ignored]
    return _run("fast tests", [*command, *arguments])


def _stop_engine(running: IO[bytes]) -> None:
    """Stops an engine that was started for tests, unless another test run is using it: that one stops it."""
    try:
        fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another test run is using the Docker engine: it stays")
    else:
        engine_start.stop("test")


@contextmanager
def _lint_beside() -> Iterator[Callable[[], bool]]:
    """Runs the checks in a process of their own. The block gets a function that waits for them, shows what they print, and says whether
    they passed."""
    with tempfile.TemporaryFile() as output:
        say("checks of style and types run beside the tests; what they print follows at the end")
        command = [sys.executable, "-m", "tests.run", "lint"]
        beside = subprocess.Popen(command, cwd=places.REPO, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)

        def result() -> bool:
            code = beside.wait()
            output.seek(0)
            shutil.copyfileobj(output, sys.stdout.buffer)
            sys.stdout.flush()
            return code == 0

        try:
            yield result
        finally:
            # After Ctrl-C it has got the signal too.
            beside.wait()


def _tests(arguments: Sequence[str]) -> bool:
    """Runs the tests that the arguments name, by default all; side by side, see tests/scheduling.py."""
    spread = ["-n", WORKERS_OF_ALL, "--dist", "loadgroup", "--no-loadscope-reorder"]
    return _run("tests", [sys.executable, "-m", "pytest", *spread, "--durations=25", *arguments])


def everything(arguments: Sequence[str]) -> bool:
    """Checks and all tests; afterwards what they may have left behind is removed, and an engine that was started for them is stopped."""
    places.cache().mkdir(parents=True, exist_ok=True)
    with (places.cache() / "tests.lock").open("wb") as running:
        fcntl.flock(running, fcntl.LOCK_SH)
        try:
            with _lint_beside() as result:
                tested = _tests(arguments)
                linted = result()
        finally:
            remove_leftovers()
            _stop_engine(running)
    say(f"checks: {'passed' if linted else 'failed'}; tests: {'passed' if tested else 'failed'}")
    if not tested:
        say('run those that failed again, alone: make test ARGS="--last-failed --last-failed-no-failures none"')
    return linted and tested


def main(arguments: Sequence[str]) -> int:
    """Runs one of the three; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__)
    parser.add_argument("what", choices=["all", "fast", "lint"])
    options, rest = parser.parse_known_args(arguments)
    try:
        passed = {"all": lambda: everything(rest), "fast": lambda: fast(rest), "lint": lint}[options.what]()
    except KitError as error:
        fail(str(error))
        return 1
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
