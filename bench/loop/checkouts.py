"""The two checkouts that are compared. What is measured are fresh clones of them, so that neither is touched."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.figures import BenchError

_MARKS = ("Makefile", "Pulumi.dev.yaml", "offline/__main__.py")
_SECONDS = 300.0


@dataclass(frozen=True)
class Source:
    """A checkout to clone: its folder, its commit, and whether it has changes that the commit does not have."""

    folder: Path
    commit: str
    changed: bool

    @property
    def label(self) -> str:
        """The commit as people write it."""
        return self.commit[:7]


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # git's own variables (set inside a hook, for one) would lead it to another repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=_SECONDS)


def find(folder: Path) -> Source:
    """Looks at a checkout. Raises BenchError when there is none."""
    if not folder.is_dir():
        raise BenchError(f"{folder}: no such folder; expected is a checkout of this project")
    missing = [name for name in _MARKS if not (folder / name).exists()]
    if missing:
        raise BenchError(f"{folder} is no checkout of this project: it has no {', '.join(missing)}")
    head, top = _git(folder, "rev-parse", "HEAD"), _git(folder, "rev-parse", "--show-toplevel")
    if head.returncode or top.returncode or Path(top.stdout.strip()).resolve() != folder.resolve():
        raise BenchError(
            f"{folder} is no git checkout with a commit, and its commit is what is measured: {(head.stderr or top.stderr).strip()}"
        )
    changed = bool(_git(folder, "status", "--porcelain", "--untracked-files=no").stdout.strip())
    return Source(folder.resolve(), head.stdout.strip(), changed)


def find_pair(here: Path, against: Path | None) -> tuple[Source, Source]:
    """Both checkouts. Raises BenchError when the other one is not given, not there, or this one."""
    how = "for example: git worktree add --detach ../before COMMIT, then --against ../before"
    if against is None:
        raise BenchError(f"--against is missing: the checkout to compare with; {how}")
    if here.resolve() == against.resolve():
        raise BenchError(f"--against {against} is this checkout itself; expected is another one; {how}")
    return find(here), find(against)


def clone(source: Source, folder: Path) -> None:
    """Clones the commit. Raises BenchError with git's words."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for arguments in (
        ("clone", "--quiet", str(source.folder), str(folder)),
        ("-C", str(folder), "checkout", "--quiet", "--detach", source.commit),
    ):
        done = _git(folder.parent, *arguments)
        if done.returncode:
            raise BenchError(f"cloning {source.folder} failed: {done.stderr.strip()}")


def notes(here: Source, against: Source) -> list[str]:
    """What a reader must know of the two."""
    found = [f"uncommitted changes in {source.folder} are not in the figures" for source in (here, against) if source.changed]
    if here.commit == against.commit:
        found.append("both are the same commit: the ratio shows nothing but the noise of this machine")
    return found
