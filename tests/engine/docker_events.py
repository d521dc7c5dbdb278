"""What happened to a stack's containers, and when."""

import json
import subprocess
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Event:
    """Something that happened to a service's container; the time in seconds since 1970."""

    time: float
    service: str
    action: str


class ContainerEvents:
    """Listens to the engine from entering the context to leaving it."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix}-"
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.events: list[Event] = []

    def _read(self) -> None:
        process = self._process
        if process is None or process.stdout is None:
            raise AssertionError("not started")
        for line in process.stdout:
            found = json.loads(line)
            name = found["Actor"]["Attributes"].get("name", "")
            if name.startswith(self._prefix):
                self.events.append(Event(found["timeNano"] / 1e9, name.removeprefix(self._prefix), found["Action"]))

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            # The engine keeps its last events: none is missed that happens before we listen.
            ["docker", "events", f"--since={time.time():.6f}", "--filter", "type=container", "--format={{json .}}"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name="docker-events")
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
        if self._reader:
            self._reader.join(10)

    def first(self, service: str, *actions: str) -> float:
        """When one of these happened to the service for the first time. Raises AssertionError when none did."""
        for event in self.events:
            if event.service == service and event.action in actions:
                return event.time
        raise AssertionError(f"none of {', '.join(actions)} happened to {service}:\n{self}")

    def __str__(self) -> str:
        shown = [event for event in self.events if not event.action.startswith("exec_")]
        return "\n".join(f"  {event.time:.2f} {event.service} {event.action}" for event in shown)
