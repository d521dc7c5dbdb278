"""A stand-in for a Docker engine on a Unix socket: answers what a test has written down, over the real HTTP."""

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any


@dataclass
class StandInEngine:
    """Its address, and its answers by path without the version. A missing path is answered with 404."""

    host: str
    answers: dict[str, Any] = field(default_factory=dict[str, Any])


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    engine: StandInEngine

    def get_request(self) -> tuple[Any, Any]:
        """The connection with an address in the form that http.server expects."""
        connection, _ = super().get_request()
        return connection, ("local", 0)


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride] - this handler runs in no other

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/v1.41")
        answer: Any = self.server.engine.answers.get(path)
        body = answer if isinstance(answer, bytes) else json.dumps({"message": "no such thing"} if answer is None else answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Nothing: a test's output is its own."""


@contextmanager
def stand_in_engine(folder: Path, answers: Mapping[str, Any] | None = None, *, name: str = "elsewhere") -> Iterator[StandInEngine]:
    """Serves until the end of the block. `name` is the machine that it says it runs on."""
    path = folder / "docker.sock"
    engine = StandInEngine(f"unix://{path}", {"/_ping": "OK", "/containers/json": [], "/info": {"Name": name}, **(answers or {})})
    with _Server(str(path), _Handler) as server:
        server.engine = engine
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield engine
        finally:
            server.shutdown()
            thread.join()
            path.unlink()
