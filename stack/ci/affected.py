"""Which stacks a change touches."""

import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from offline.kit.errors import KitError

_STACK_FILE = re.compile(r"Pulumi\.(?P<stack>[^/]+)\.yaml")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""pulumi's own rule for stack names, and nothing that a shell, a path or a GitHub environment could misread."""

# Nothing here reaches a deployment. Whatever is in neither list counts as part of the program: a preview too many costs a minute, one too
# few lets a change through unseen.
_NO_DEPLOYMENT_FOLDERS = (".ci/", ".github/", "bench/", "docs/", "tests/")
_NO_DEPLOYMENT_FILES = (".gitignore", "LICENSE", "pyproject.toml", "requirements-dev.txt")
_GIT_SECONDS = 60
_NOTHING = "0" * 40
"""What GitHub gives as the commit before a branch existed."""


def check_name(stack: str) -> str:
    """The name itself. Raises KitError when it is no stack name."""
    if not _NAME.fullmatch(stack):
        raise KitError(f"{stack!r} is no stack name: letters, digits, `-`, `_` and `.` are allowed")
    return stack


def stacks_in(repo: Path) -> tuple[str, ...]:
    """The stacks that have a file in a checkout, sorted."""
    found = (_STACK_FILE.fullmatch(file.name) for file in repo.glob("Pulumi.*.yaml"))
    return tuple(sorted(match["stack"] for match in found if match and _NAME.fullmatch(match["stack"])))


def reaches_deployments(path: str) -> bool:
    """Whether a changed file can change what is deployed. `path` is relative to the top of the checkout."""
    if path.startswith(_NO_DEPLOYMENT_FOLDERS) or path in _NO_DEPLOYMENT_FILES:
        return False
    return not path.endswith(".md")


def affected(changed: Iterable[str], stacks: Sequence[str]) -> tuple[str, ...]:
    """Those of `stacks` that the changed files touch, in their order.

    A stack's own file touches that stack; anything else that reaches deployments touches all. The file of a stack that is not in `stacks`
    (deleted, or looked after by somebody else) touches none.
    """
    touched: set[str] = set()
    for path in changed:
        own = _STACK_FILE.fullmatch(path)
        if own:
            touched.add(own["stack"])
        elif reaches_deployments(path):
            return tuple(stacks)
    return tuple(stack for stack in stacks if stack in touched)


def changed_files(repo: Path, base: str, head: str) -> tuple[str, ...] | None:
    """The files that differ between where `head` left `base`, and `head`; a renamed file counts under both names.

    None when `base` is no commit that this checkout knows: then nothing can be said, and everything has to count as changed.
    """
    if not base or base == _NOTHING or _git(repo, "cat-file", "-e", f"{base}^{{commit}}") is None:
        return None
    listed = _git(repo, "diff", "--name-only", "--no-renames", "-z", f"{base}...{head}", "--")
    if listed is None:
        raise KitError(f"git cannot compare {base} with {head}: fetch both with their history (actions/checkout: fetch-depth: 0)")
    return tuple(name for name in listed.split("\0") if name)


def chosen(stacks: Sequence[str], only: str) -> tuple[str, ...]:
    """The stacks named in `only` (separated by spaces or commas), in that order. Raises KitError for one without a file."""
    names = tuple(dict.fromkeys(re.split(r"[\s,]+", only.strip()))) if only.strip() else ()
    for name in names:
        if check_name(name) not in stacks:
            raise KitError(f"CI_STACKS names {name}, but there is no Pulumi.{name}.yaml (there are: {', '.join(stacks) or 'none'})")
    return names


def _git(repo: Path, *arguments: str) -> str | None:
    """git's output, or None when it fails."""
    # A name from outside must not be taken for an option; paths are wanted as they are, without quotes.
    command = ["git", "-c", "core.quotePath=false", "-C", str(repo), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    return done.stdout if done.returncode == 0 else None
