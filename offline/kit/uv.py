"""uv, which installs the virtual environment's packages in a tenth of pip's time. pip fetches it by its hash, into the cache."""

import ast
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from offline.kit.command import run
from offline.kit.lock import locked
from offline.kit.places import REPO, cache

_PIN = "offline/uv/requirements.txt"
_SECONDS = 600.0
# Settings of pip that change nothing about which files are installed, or that we set ourselves.
_WITHOUT_EFFECT = frozenset(
    {
        "break-system-packages",
        "cache-dir",
        "compile",
        "default-timeout",
        "disable-pip-version-check",
        "no-cache-dir",
        "no-color",
        "no-compile",
        "no-input",
        "no-warn-script-location",
        "prefer-binary",
        "progress-bar",
        "quiet",
        "require-virtualenv",
        "retries",
        "root-user-action",
        "timeout",
        "user",
        "verbose",
    }
)


def pip_settings(listed: str) -> dict[str, str]:
    """The settings out of what `pip config list` prints (`global.index-url='https://...'`). Those of the environment (`:env:`) win."""
    found: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, equals, value = line.partition("=")
        if equals:
            found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return found


def environment(pip: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str] | None:
    """What uv has to be told so that it takes packages from where pip would: a closed network has its mirrors in pip's settings.

    None when pip has a setting that uv cannot be told: then pip must do it. Variables of uv that are `given` already stay.
    """
    told: dict[str, str] = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    for name, value in pip.items():
        match name:
            case "index-url":
                told["UV_DEFAULT_INDEX"] = value
            case "extra-index-url":
                # pip looks at all of them for the pinned version; uv by default only at the first that knows the package.
                told |= {"UV_INDEX": " ".join(value.split()), "UV_INDEX_STRATEGY": "unsafe-best-match"}
            case "find-links":
                # pip passes over a folder that is not there.
                there = [place for place in value.split() if "://" in place or Path(place).is_dir()]
                told |= {"UV_FIND_LINKS": ",".join(there)} if there else {}
            case "cert":
                told["SSL_CERT_FILE"] = value
            case _ if name not in _WITHOUT_EFFECT:
                return None
    return {name: value for name, value in told.items() if name not in given}


def prepared(python: Path) -> tuple[Path, dict[str, str]] | None:
    """The program and its environment; None when pip's settings can't be passed on. `python` has pip.

    Raises KitError when pip cannot fetch it, as where there is no file of it for this machine.
    """
    settings = pip_settings(run([python, "-m", "pip", "config", "list"], why="reading pip's settings failed", timeout=_SECONDS))
    told = environment(settings, os.environ)
    return None if told is None else (_program(python), told)


def _program(python: Path) -> Path:
    pin = (REPO / _PIN).read_bytes()
    home = cache() / "uv" / hashlib.sha256(pin).hexdigest()[:12]
    program = home / "bin" / "uv"
    if program.exists():
        return program
    with locked(cache() / "uv.lock", "fetching uv"):
        if not program.exists():
            home.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=home.parent) as folder:
                # A file that somebody can run, never code that would have to be compiled.
                options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--no-compile", "--only-binary=:all:"]
                fetch = [python, "-m", "pip", "install", *options, "--require-hashes", "--target", f"{folder}/uv", "-r", REPO / _PIN]
                run(fetch, why="fetching uv failed", timeout=_SECONDS)
                (Path(folder) / "uv").replace(home)
    return program
