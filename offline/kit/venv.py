"""The checkout's virtual environment: made from the requirement files, made anew when they change."""

import hashlib
import importlib.util
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from offline.kit import apt, uv
from offline.kit.command import StoppedError, run
from offline.kit.errors import KitError
from offline.kit.files import write_whole
from offline.kit.lock import locked
from offline.kit.places import REPO, STATE, VENV, VENV_PYTHON
from offline.kit.progress import step, warn

OLDEST = (3, 11)
RUNTIME = ("requirements.txt", "offline/requirements.txt")
DEVELOPMENT = ("requirements-dev.txt",)
_CONSTRAINTS = "constraints.txt"
_PIP_SECONDS = 1800.0
_LARGE = ("pulumi_aws", "pulumi_azure_native")
"""Nine tenths of all files, of which a stack imports a few, or none."""


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


def _stamps() -> tuple[tuple[Path, str], tuple[Path, str]]:
    """The files that say what the environment was made from, with what they should say: for use, and with the tools for tests."""
    # They lie inside, so that they go away with the environment.
    return (VENV / "made-from", _inputs(RUNTIME)), (VENV / "made-from-dev", _inputs((*RUNTIME, *DEVELOPMENT)))


def check_python() -> None:
    """Raises KitError when this Python is too old, for the environment and for the rest of the kit."""
    if sys.version_info[:2] < OLDEST:
        raise KitError(f"Python {'.'.join(map(str, OLDEST))} or newer is needed; this is {sys.version.split()[0]}")


def ensure(*, development: bool) -> None:
    """Makes .venv ready. `development` adds what checks and tests need. Quick when nothing changed.

    Raises KitError when Python is too old, or the packages cannot be installed.
    """
    check_python()
    (stamp, runtime), (full_stamp, all_files) = _stamps()
    wanted = (full_stamp, all_files) if development else (stamp, runtime)
    if _is_current(*wanted):
        return
    with locked(STATE / "venv.lock", "the virtual environment"):
        if _is_current(*wanted):
            return
        what = "virtual environment .venv" + (" with the tools for checks and tests" if development else "")
        with step(f"making the {what}"):
            if not _is_current(stamp, runtime):
                _python_with_pip()
                if VENV.is_symlink():
                    # `--clear` would empty the folder that the link leads to, which is not ours.
                    VENV.unlink()
                run([sys.executable, "-m", "venv", "--clear", VENV], why="making the virtual environment failed", timeout=_PIP_SECONDS)
                _install((*RUNTIME, *DEVELOPMENT) if development else RUNTIME)
                _compile(everything=False)
                write_whole(stamp, runtime)
            elif development:
                _install(DEVELOPMENT)
            if development:
                _compile(everything=True)
                write_whole(full_stamp, all_files)


def _install(files: Sequence[str]) -> None:
    """Installs the packages of requirement files, with uv where it can be had."""
    wanted = ["-c", _CONSTRAINTS, *(word for name in files for word in ("-r", name))]
    try:
        found = uv.prepared(VENV_PYTHON)
        if found:
            program, environment = found
            command = [program, "pip", "install", "--quiet", "--python", VENV_PYTHON, *wanted]
            run(command, cwd=REPO, env=environment, why="installing Python packages with uv failed", timeout=_PIP_SECONDS)
            return
    except StoppedError:
        raise
    except KitError as error:
        warn(f"{error}\ntrying pip instead, which takes longer")
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    run([VENV_PYTHON, "-m", "pip", "install", *options, *wanted], cwd=REPO, why="installing Python packages failed", timeout=_PIP_SECONDS)


def _compile(*, everything: bool) -> None:
    """Compiles the packages, where PYTHONDONTWRITEBYTECODE would have Python compile them again at each start.

    Of the large ones only the top, unless `everything` is asked for: they take half a minute.
    """
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV), "platbase": str(VENV)}))
    tops = ["-l", *(packages / name for name in _LARGE)]
    rest = ["-j0", "-x", f"/({'|'.join(_LARGE)})/", packages]
    # A file that can't be compiled, as templates for other versions of Python, is nobody's problem until it is imported.
    for what in [["-j0", packages]] if everything else [rest, tops]:
        command = [VENV_PYTHON, "-m", "compileall", "-qq", *what]
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_PIP_SECONDS)
        if ended.returncode not in {0, 1}:
            raise KitError(f"compiling Python packages ended with code {ended.returncode}")
