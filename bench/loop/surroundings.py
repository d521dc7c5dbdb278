"""What the commands run with: an environment, a stack file, enough disk."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from bench.figures import BenchError

PREFIX = "private-registry"
# Of the shell that runs the bench nothing must decide where state goes or what is asked. DOCKER_HOST stays: both sides use that engine.
_NOT_INHERITED = ("PULUMI_", "PYTEST_", "GIT_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE")
_NOT_INHERITED_NAMES = frozenset({"ARGS", "STACK", "ACCOUNT", "REGISTRY_TEST_RUN"})
_CACHES = {
    "XDG_CACHE_HOME": "cache",
    "GOCACHE": "go-build",
    "GOMODCACHE": "go-mod",
    "GOPATH": "go",
    "PIP_CACHE_DIR": "pip",
    "UV_CACHE_DIR": "uv",
    "npm_config_cache": "npm",
}


def environment(inherited: Mapping[str, str], checkout: Path, folder: Path, *, cold: bool) -> dict[str, str]:
    """The environment of make in a clone. State, logins and pulumi's home lie in `folder`; with `cold` all caches as well.

    Settings that say where downloads come from (pip's, Go's, apt's) stay. `checkout` runs the bench: its commands leave PATH.
    """
    kept = {key: value for key, value in inherited.items() if not key.startswith(_NOT_INHERITED) and key not in _NOT_INHERITED_NAMES}
    path = inherited.get("PATH", os.defpath).split(os.pathsep)
    own = {
        "PATH": os.pathsep.join(entry for entry in path if not Path(entry).is_relative_to(checkout)),
        "PULUMI_HOME": str(folder / "pulumi-home"),
        "DOCKER_CONFIG": str(folder / "docker"),
    }
    caches = {name: str(folder / "caches" / place) for name, place in _CACHES.items()} if cold else {}
    return {**kept, **own, **caches}


def stack_file(dev: str, port: int) -> str:
    """The stack file to measure, made of the text of Pulumi.dev.yaml: another port, and nothing protected, so that all of it goes away."""
    content: dict[str, dict[str, object]] = yaml.safe_load(dev)
    content["config"] |= {f"{PREFIX}:port": port, f"{PREFIX}:allowDestroy": True}
    return yaml.safe_dump(content, sort_keys=False)


def require_disk(folder: Path, gib: float, free: int | None = None) -> None:
    """Raises BenchError unless `folder` has this much room. `free` in bytes, where it is known."""
    found = (shutil.disk_usage(folder).free if free is None else free) / 2**30
    if found < gib:
        raise BenchError(f"{found:.1f} GiB are free in {folder}; expected are {gib:g}: make room, or set TMPDIR to a folder with more")


def remove_tree(folder: Path) -> None:
    """Removes a folder. Go makes the folders of its module cache read-only."""
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(parent) / name
            if not path.is_symlink():
                path.chmod(0o700)
    if folder.exists():
        shutil.rmtree(folder)
