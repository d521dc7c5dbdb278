"""How a command ends: the exit codes and the error that carries one."""

OK = 0
FAILED = 1
USAGE = 2
"""argparse's own code: the command line is wrong."""
DAMAGED = 3
"""`verify` found images with something missing or wrong."""
BUSY = 4
"""Somebody else holds the lock."""
STOPPED = 5
"""Stopped on purpose, nothing more was changed: a plan over maxDeletePercent, a journal with a hole, writes that don't drain."""
UNREACHABLE = 6
"""The registry (or Redis, or a list at a URL) does not answer or refuses the account."""


class OpsError(Exception):
    """A failure with a message for people and the exit code of the command."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
