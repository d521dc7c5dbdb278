"""Runs other programs; a failure becomes one readable line plus the last lines that the program said."""

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from offline.kit.errors import KitError

_TAIL = 15
_END_SECONDS = 15.0
"""How long a program may take to end after it was asked to."""


class StoppedError(KitError):
    """A program was ended because something else failed, or somebody pressed Ctrl-C: no problem of its own."""


class _Running:
    """The programs that run now, in whatever thread, and whether all of them are to end."""

    def __init__(self) -> None:
        self.stopping = False
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def start(self, words: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None, *, finish: bool) -> subprocess.Popen[str]:
        with self._lock:
            if self.stopping:
                raise StoppedError(f"`{words[0]}` was not started any more")
            pipe = subprocess.PIPE
            process = subprocess.Popen(words, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace")
            if not finish:
                self._processes.add(process)
        return process

    def ended(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            self._processes.discard(process)

    def stop(self) -> None:
        with self._lock:
            self.stopping = True
            for process in self._processes:
                # As Ctrl-C does it: `go` then ends its compilers, pip and mmdebstrap tidy up.
                process.send_signal(signal.SIGINT)
                timer = threading.Timer(_END_SECONDS, process.kill)
                timer.daemon = True
                timer.start()


_all = _Running()


def stop_all() -> None:
    """Ends the programs that run, and starts no more. They have 15 s to end by themselves.

    Those that `run` was told to let finish go on.
    """
    _all.stop()


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    why: str,
    timeout: float | None = None,
    stdin: str = "",
    finish: bool = False,
) -> str:
    """Runs a command with `stdin` as its input and returns its standard output.

    `env` is added to this process's environment; `timeout` is in seconds; `why` starts the error line; `finish` is for a program that must
    not be ended half-way.
    Raises KitError when the program is missing, fails, or runs out of time, and StoppedError when `stop_all` ended it.
    """
    words = [os.fspath(word) for word in command]
    try:
        process = _all.start(words, cwd, {**os.environ, **env} if env else None, finish=finish)
    except FileNotFoundError as error:
        raise KitError(f"{why}: `{words[0]}` is not installed") from error
    with process:
        try:
            output, complaint = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise KitError(f"{why}: `{shlex.join(words)}` did not finish within {timeout:.0f} s") from error
        except BaseException:
            process.kill()
            raise
        finally:
            _all.ended(process)
    if process.returncode != 0:
        if _all.stopping and not finish:
            raise StoppedError(f"{why}: stopped")
        said = "\n".join((complaint.strip() or output.strip()).splitlines()[-_TAIL:])
        raise KitError(f"{why}: `{shlex.join(words)}` exited {process.returncode}:\n{said}")
    return output
