"""Runs other programs; a failure becomes one readable line plus the last lines that the program said."""

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from offline.kit.errors import KitError

_TAIL = 15


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    why: str,
    timeout: float | None = None,
    stdin: str = "",
) -> str:
    """Runs a command with `stdin` as its input and returns its standard output.

    `env` is added to this process's environment; `timeout` is in seconds; `why` starts the error line.
    Raises KitError when the program is missing, fails, or runs out of time.
    """
    words = [os.fspath(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise KitError(f"{why}: `{words[0]}` is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise KitError(f"{why}: `{shlex.join(words)}` did not finish within {timeout:.0f} s") from error
    if done.returncode != 0:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-_TAIL:])
        raise KitError(f"{why}: `{shlex.join(words)}` exited {done.returncode}:\n{said}")
    return done.stdout
