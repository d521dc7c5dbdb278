"""A client that pushes small images at an even pace while something else is measured."""

import threading

from tests.ops.gc.client import Client, Image, PushError

PAUSE_SECONDS = 0.1


class CountingClient(Client):
    """Counts the requests that were answered."""

    answered: int = 0

    def request(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, dict[str, str], bytes]:
        """One request, tried again while the gate is closed."""
        self.answered += 1
        return super().request(method, path, body, kind)


class Writer(threading.Thread):
    """Pushes until it is stopped; `with Writer(...)` waits for its end."""

    def __init__(self, url: str) -> None:
        super().__init__(name="writer", daemon=True)
        self._client = CountingClient(url)
        self._stopping = threading.Event()
        self.pushed: list[tuple[str, str]] = []
        """Repository and digest of what was answered 201."""
        self.failed: list[str] = []

    @property
    def requests(self) -> int:
        """Requests that reached a replica."""
        return self._client.answered

    @property
    def refused(self) -> int:
        """Requests that the gate refused; each was sent again."""
        return self._client.refused

    def run(self) -> None:
        serial = 0
        while not self._stopping.wait(PAUSE_SECONDS):
            serial += 1
            repository = f"meanwhile/app{serial % 10}"
            image = Image((b"the base layer " * 100, f"layer {serial} ".encode() * 50), f'{{"serial":{serial}}}'.encode())
            try:
                self.pushed.append((repository, self._client.push(repository, f"v{serial}", image)))
            except PushError as error:
                self.failed.append(str(error))

    def __enter__(self) -> "Writer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self.join()

    def lost(self) -> list[str]:
        """Pulls everything that was pushed; returns what is wrong."""
        return [fault.text for repository, digest in self.pushed for fault in self._client.pull(repository, digest)]
