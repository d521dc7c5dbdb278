"""Child processes of the host: started, streamed, and stopped together with it."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal, TypeAlias

_PATIENCE_SECONDS = 3.0  # between asking a child to end and ending it
_CHUNK_BYTES = 16384

Stream: TypeAlias = Literal["stdout", "stderr"]
StopHook: TypeAlias = Callable[[Callable[[], None]], object]


class Children:
    """Keeps track of running children, so that none outlives the host."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, command: Sequence[str | Path], *, cwd: str | Path, env: Mapping[str, str], stdin: bytes, on_start: StopHook) -> int:
        """Run a child whose output goes where the host's goes; return its exit code, negative for a signal.

        `on_start` gets a function that stops the child, to be called when the caller loses interest.
        """
        process = self._start(command, cwd=cwd, env=env, stdin=subprocess.PIPE, output=None)
        on_start(lambda: stop_process(process))
        try:
            process.communicate(stdin)
        finally:
            self._forget(process)
        return process.returncode

    def stream(
        self, command: Sequence[str | Path], *, cwd: str | Path, env: Mapping[str, str], on_start: StopHook
    ) -> Iterator[tuple[Stream, bytes] | int]:
        """Run a child; yield pieces of its output as they come, then its exit code."""
        process = self._start(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, output=subprocess.PIPE)
        on_start(lambda: stop_process(process))
        pieces: queue.SimpleQueue[tuple[Stream, bytes] | None] = queue.SimpleQueue()
        for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            threading.Thread(target=_forward, args=(name, pipe, pieces), daemon=True).start()
        try:
            for _ in range(2):  # two ends of stream
                while (piece := pieces.get()) is not None:
                    yield piece
            yield process.wait()
        finally:
            stop_process(process)
            self._forget(process)

    def stop(self) -> None:
        """Stop every child, and start no more."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            stop_process(process)

    def _start(
        self, command: Sequence[str | Path], *, cwd: str | Path, env: Mapping[str, str], stdin: int, output: int | None
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise InterruptedError("the language host is stopping")
            process = subprocess.Popen(command, cwd=cwd, env=env, stdin=stdin, stdout=output, stderr=output)
            self._running.add(process)
        return process

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """End a child: politely, then for good. One that has ended already is left alone."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _forward(name: Stream, pipe: IO[bytes], pieces: queue.SimpleQueue[tuple[Stream, bytes] | None]) -> None:
    while piece := pipe.read1(_CHUNK_BYTES):  # pyright: ignore[reportAttributeAccessIssue] - a pipe is buffered
        pieces.put((name, piece))
    pieces.put(None)
