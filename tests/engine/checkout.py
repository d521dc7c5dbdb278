"""A copy of the program for one test, so that nothing of the user's stacks, state or files is touched."""

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.blackbox.command import Done, run

REPO = Path(__file__).resolve().parents[2]
COPIED = (
    "Pulumi.yaml",
    "__main__.py",
    "requirements.txt",
    "constraints.txt",
    "components",
    "bundle",
    "policies",
    "offline",
    "host",
    "ops",
    "stack",
    "Makefile",
    "requirements-dev.txt",
    "pyproject.toml",
)
NOT_COPIED = shutil.ignore_patterns("__pycache__", ".*")


def engine_path() -> str:
    """PATH with the pulumi command line on it: the one that is on it already, or the one that this checkout's kit has made."""
    path = os.environ.get("PATH", os.defpath)
    if shutil.which("pulumi", path=path):
        return path
    return f"{REPO / '.state' / 'bin'}{os.pathsep}{path}"


@dataclass(frozen=True)
class Checkout:
    """Folder with the program, and a pulumi home, backend and passphrase of its own beside it."""

    folder: Path
    passphrase: str

    @classmethod
    def copy(cls, base: Path) -> "Checkout":
        """A new copy below `base`."""
        folder = base / "checkout"
        folder.mkdir(parents=True)
        for name in COPIED:
            source = REPO / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=NOT_COPIED)
            elif source.exists():
                shutil.copy(source, folder / name)
        # The tests run in an environment that has everything the program needs.
        (folder / ".venv").symlink_to(sys.prefix)
        for name in ("home", "state"):
            (base / name).mkdir()
        return cls(folder, secrets.token_hex(16))

    @property
    def home(self) -> Path:
        return self.folder.parent / "home"

    @property
    def state(self) -> Path:
        return self.folder.parent / "state"

    @property
    def environment(self) -> dict[str, str]:
        """What pulumi is to be run with."""
        own = {
            "PATH": engine_path(),
            "PULUMI_HOME": str(self.home),
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "PULUMI_CONFIG_PASSPHRASE": self.passphrase,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Gives `--event-log`, which says exactly what was done to which resource.
            "PULUMI_DEBUG_COMMANDS": "true",
        }
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "PYTEST_"))}
        return {**inherited, **own}

    def pulumi(
        self,
        *args: str,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float = 300,
        check: bool = True,
    ) -> Done:
        """Runs the pulumi command line in the copy. `env` is added to the environment; an empty value takes a variable away."""
        merged = {**self.environment, **(env or {})}
        kept = {key: value for key, value in merged.items() if value}
        return run(
            "pulumi", *args, "--non-interactive", "--color=never", stdin=stdin, env=kept, cwd=self.folder, seconds=seconds, check=check
        )
