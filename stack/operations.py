"""Runs the `ops` tool of a deployed stack."""

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from offline.kit.errors import KitError
from stack.session import open_session


def ops_command(outputs: Mapping[str, Any], stack: str, arguments: Sequence[str]) -> list[str]:
    """The command line: the stack's output opsCommand, then the arguments. Raises KitError when the stack has none."""
    command = outputs.get("opsCommand")
    if not command:
        raise KitError(f"stack {stack} has no output opsCommand: deploy it with `make up STACK={stack}` first")
    return [*shlex.split(str(command)), *(arguments or ["--help"])]


def ops(stack: str, arguments: Sequence[str]) -> int:
    """Runs `ops ARGUMENTS` on the stack's host with its output shown; returns its exit code."""
    return subprocess.run(ops_command(open_session(stack).outputs(), stack, arguments), check=False).returncode
