"""Runs other programs: with a deadline, everything captured, and nothing secret in the arguments."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    args: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both outputs."""
        return self.out + self.err


class CommandError(AssertionError):
    """A program ended with another exit code than 0, or not in time."""


def run(
    *args: str | Path,
    stdin: str | bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float = 120,
    check: bool = True,
) -> Done:
    """Runs a program to its end. Raises CommandError when it fails (unless `check` is off) or takes longer than `seconds`."""
    command = tuple(str(arg) for arg in args)
    data = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        ended = subprocess.run(command, input=data, env=env, cwd=cwd, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        said = (error.stdout or b"") + (error.stderr or b"")
        raise CommandError(f"{_shown(command)} did not end within {seconds:g} s; it said:\n{said.decode(errors='replace')}") from error
    done = Done(command, ended.returncode, ended.stdout.decode(errors="replace"), ended.stderr.decode(errors="replace"))
    if check and done.code != 0:
        raise CommandError(f"{_shown(command)} ended with exit code {done.code}:\n{done.text}")
    return done


def _shown(command: Sequence[str]) -> str:
    return " ".join(command)
