"""Removes what the kit and the checkout have made, but never the state of a stack that still exists."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from offline.kit import engine_start, places
from offline.kit.engine_api import Address, Engine
from offline.kit.progress import say, warn

_CACHES = (".pytest_cache", ".ruff_cache", ".hypothesis")


def live_stacks(state: Path) -> list[str]:
    """Names of the stacks whose state lies in the local backend: without it their resources could not be managed any more."""
    return sorted(file.stem for file in state.glob("backend/.pulumi/stacks/*/*.json"))


def encrypted_files(repo: Path) -> list[str]:
    """Names of the stack files that say how their secrets are encrypted."""
    return [file.name for file in sorted(repo.glob("Pulumi.*.yaml")) if "\nencryptionsalt:" in f"\n{file.read_text(encoding='utf-8')}"]


def _kept(encrypted: list[str]) -> set[Path]:
    """What of the local state must stay although no stack lives in it; says why."""
    kept: set[Path] = set()
    if encrypted and _passphrase().exists():
        warn(f"kept: {_passphrase()}, because {', '.join(encrypted)} may hold values that were encrypted with it")
        kept.add(_passphrase())
    servers = places.STATE / "s3-server"
    if servers.exists() and any(servers.iterdir()):
        warn(f"kept: {servers}, because the objects of local S3 servers lie there (first: make s3-server-delete)")
        kept |= {servers, places.STATE / "local"}
    return kept


def _passphrase() -> Path:
    return places.STATE / "passphrase"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_all(what: str, paths: Iterable[Path]) -> None:
    """Removes those that exist, and says so in one line."""
    found = [path for path in paths if path.exists() or path.is_symlink()]
    for path in found:
        _remove(path)
    if found:
        say(f"removed {what}")


def clean() -> None:
    """Removes the virtual environment, caches, the kit's cache and, when no stack lives in it, the local state.

    Stops an engine that the kit started, unless something runs on it.
    """
    live = live_stacks(places.STATE)
    encrypted = encrypted_files(places.REPO)
    if live:
        warn(f"kept: {places.STATE} holds the state and passphrase of {', '.join(live)} (first: make down STACK={live[0]})")
        _remove_all("the kit's links in .state", (places.BIN, places.TOOLS, places.PULUMI_HOME, places.STATE / "prepared"))
        _remove_all("the image of make up's example", (places.STATE / places.EXAMPLE_IMAGE,))
    elif kept := _kept(encrypted):
        _remove_all("the local state, which holds no stack", (path for path in places.STATE.iterdir() if path not in kept))
    else:
        _remove_all(f"the local state {places.STATE}, which holds no stack", (places.STATE,))
    _remove_all("the virtual environment .venv", (places.VENV,))
    _remove_all("caches of checks and tests", (places.REPO / name for name in _CACHES))
    _remove_all("compiled Python", _bytecode(places.REPO))
    # While an engine of ours runs, its log and process id lie there.
    if _stop_idle_engine():
        _remove_all(f"the kit's builds {places.cache()}", (places.cache(),))
    else:
        builds = (path for path in places.cache().iterdir() if path.is_dir())
        _remove_all(f"the kit's builds in {places.cache()}", builds)


def _stop_idle_engine() -> bool:
    """Stops an engine that the kit started by hand. Returns whether none is left."""
    if not engine_start.started_by_hand():
        return True
    running = Engine(Address()).running_containers()
    if running:
        warn(f"the Docker engine that was started by hand stays: {running} containers run on it")
        return False
    return engine_start.stop()


def _bytecode(repo: Path) -> list[Path]:
    folders = [folder for folder in repo.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    return [repo / "__pycache__", *(found for folder in folders for found in folder.rglob("__pycache__"))]
