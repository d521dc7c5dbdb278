"""A server process of our own: started in the background, found again by its process id, and ended."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from offline.kit.errors import KitError

START_SECONDS = 60.0
STOP_SECONDS = 20.0
_LOG_LINES = 8


class ServerProcess:
    """One process; its id and its log lie in `folder`, so that a later command finds it.

    It outlives the command that started it. Nothing here looks for processes by name: only the noted id is ever ended, and only while it
    still runs the noted program.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Everything the server has said."""
        return self._folder / f"{self.name}.log"

    @property
    def _note(self) -> Path:
        return self._folder / f"{self.name}.pid"

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        try:
            number, program = self._note.read_text(encoding="utf-8").split(maxsplit=1)
            command = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return None
        # The number may belong to another program by now; a process that has ended has no command line.
        return int(number) if command == program.strip() else None

    def start(self, command: Sequence[str | os.PathLike[str]], environment: Mapping[str, str], ready: Callable[[], bool]) -> None:
        """Starts it and returns when `ready` says so. Does nothing when it runs. Raises KitError when it ends or takes too long."""
        if self.pid is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        words = [os.fspath(word) for word in command]
        with self.log.open("ab") as output:
            self._child = subprocess.Popen(
                words, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self._note.write_text(f"{self._child.pid} {words[0]}\n", encoding="utf-8")
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            if self._child.poll() is not None:
                self._note.unlink(missing_ok=True)
                raise KitError(f"{self.name} ended with code {self._child.returncode}:\n{self._last_lines()}")
            if time.monotonic() > deadline:
                self.kill()
                raise KitError(f"{self.name} was not ready within {START_SECONDS:.0f} s:\n{self._last_lines()}")
            time.sleep(0.1)

    def stop(self) -> bool:
        """Asks it to end and waits; kills it when it does not. Returns whether there was one."""
        return self._end(signal.SIGTERM)

    def kill(self) -> bool:
        """Ends it without a warning (SIGKILL), as a crash does. Returns whether there was one."""
        return self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> bool:
        pid = self.pid
        if pid is None:
            return False
        os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while self._runs():
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline += STOP_SECONDS
            time.sleep(0.05)
        self._note.unlink(missing_ok=True)
        return True

    def _runs(self) -> bool:
        if self._child:
            # Also takes the ended child's exit code, so that no zombie stays.
            return self._child.poll() is None
        return self.pid is not None

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])
