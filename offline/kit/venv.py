"""The checkout's virtual environment: made from the requirement files, made anew when they change."""

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from offline.kit import apt
from offline.kit.command import run
from offline.kit.errors import KitError
from offline.kit.files import write_whole
from offline.kit.lock import locked
from offline.kit.places import REPO, STATE, VENV, VENV_PYTHON
from offline.kit.progress import step

OLDEST = (3, 11)
RUNTIME = ("requirements.txt", "offline/requirements.txt")
DEVELOPMENT = ("requirements-dev.txt",)
_CONSTRAINTS = "constraints.txt"
_PIP_SECONDS = 1800.0


def fingerprint(contents: Sequence[bytes], python: str) -> str:
    """Names what the environment was made from: the files' contents and the Python."""
    return hashlib.sha256(b"\0".join([*contents, python.encode()])).hexdigest()


def _inputs(files: Sequence[str]) -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return fingerprint([(REPO / name).read_bytes() for name in (*files, _CONSTRAINTS)], python)


def _is_current(stamp: Path, inputs: str) -> bool:
    return VENV_PYTHON.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == inputs


def _python_with_pip() -> None:
    """Makes sure that this Python can create an environment: Debian keeps `ensurepip` in a package of its own."""
    if importlib.util.find_spec("ensurepip"):
        return
    own = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    apt.install(["python3-venv"], f"{sys.executable} cannot make a virtual environment without it")
    importlib.invalidate_caches()
    if not importlib.util.find_spec("ensurepip"):
        raise KitError(f"{sys.executable} has no `ensurepip` and python3-venv did not bring it (a package {own} might)")


def ensure(*, development: bool) -> None:
    """Makes .venv ready. `development` adds what checks and tests need. Quick when nothing changed.

    Raises KitError when Python is too old, or pip fails.
    """
    if sys.version_info[:2] < OLDEST:
        raise KitError(f"Python {'.'.join(map(str, OLDEST))} or newer is needed; this is {sys.version.split()[0]}")
    runtime, all_files = _inputs(RUNTIME), _inputs((*RUNTIME, *DEVELOPMENT))
    # The stamps lie inside, so that they go away with the environment.
    stamp, full_stamp = VENV / "made-from", VENV / "made-from-dev"
    wanted = (full_stamp, all_files) if development else (stamp, runtime)
    if _is_current(*wanted):
        return
    with locked(STATE / "venv.lock", "the virtual environment"):
        if _is_current(*wanted):
            return
        what = "virtual environment .venv" + (" with the tools for checks and tests" if development else "")
        with step(f"making the {what} with pip"):
            if not _is_current(stamp, runtime):
                _python_with_pip()
                if VENV.is_symlink():
                    # `--clear` would empty the folder that the link leads to, which is not ours.
                    VENV.unlink()
                run([sys.executable, "-m", "venv", "--clear", VENV], why="making the virtual environment failed", timeout=_PIP_SECONDS)
                _pip(RUNTIME)
                write_whole(stamp, runtime)
            if development:
                _pip(DEVELOPMENT)
                write_whole(full_stamp, all_files)


def _pip(files: Sequence[str]) -> None:
    command = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-c", _CONSTRAINTS]
    for name in files:
        command += ["-r", name]
    run(command, cwd=REPO, why="installing Python packages failed", timeout=_PIP_SECONDS)
