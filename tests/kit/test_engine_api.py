"""The kit's own Docker client, against a small HTTP server on a Unix socket."""

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from offline.kit import engine_api
from offline.kit.engine_api import Address, Engine
from offline.kit.errors import KitError


class _Handler(http.server.BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}
    seen: ClassVar[list[tuple[str, bytes]]] = []
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.seen.append((self.path, self.rfile.read(length)))
        status, body = self.answers.get(self.path.partition("?")[0], (404, b'{"message":"no such thing"}'))
        self.send_response(status)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401
        pass

    def address_string(self) -> str:
        return "local"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "docker.sock"
    _Handler.answers, _Handler.seen = {"/_ping": (200, b"OK")}, []
    with socketserver.ThreadingUnixStreamServer(str(path), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Engine(Address(f"unix://{path}"))
        server.shutdown()


def test_presence_of_an_image(engine: Engine) -> None:
    _Handler.answers["/v1.41/images/redis%3A8/json"] = (200, b"{}")
    assert engine.has_image("redis:8")
    assert not engine.has_image("redis:9")


def test_a_pull_reports_an_error_that_comes_inside_the_stream(engine: Engine) -> None:
    stream = b'{"status":"Pulling"}\r\n{"error":"manifest unknown"}\r\n'
    _Handler.answers["/v1.41/images/create"] = (200, stream)
    assert engine.pull("redis:8") == "manifest unknown"
    _Handler.answers["/v1.41/images/create"] = (500, b'{"message":"no such host"}')
    assert engine.pull("redis:8") == "no such host"
    _Handler.answers["/v1.41/images/create"] = (200, b'{"status":"done"}\n')
    assert engine.pull("redis:8") is None


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("redis:8", [("fromImage", "redis"), ("tag", "8")]),
        ("host:5000/redis", [("fromImage", "host:5000/redis"), ("tag", "latest")]),
        ("host:5000/redis:8", [("fromImage", "host:5000/redis"), ("tag", "8")]),
        ("redis@sha256:00", [("fromImage", "redis@sha256:00")]),
    ],
)
def test_image_names_are_split_for_the_pull(name: str, query: list[tuple[str, str]]) -> None:
    assert engine_api._pull_query(name) == query


def test_the_newest_image_with_a_label(engine: Engine) -> None:
    images = [
        {"Created": 1, "RepoTags": ["a:1"]},
        {"Created": 2, "RepoTags": ["localhost:5443/demo:1", "a:2"]},
        {"Created": 3, "RepoTags": None},
        {"Created": 4, "RepoTags": ["elsewhere/a:3"]},
    ]
    _Handler.answers["/v1.41/images/json"] = (200, json.dumps(images).encode())
    assert engine.image_with_label("k=v", "a") == "a:2"


def test_an_import_sends_the_file_and_the_changes(engine: Engine, tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    archive.write_bytes(b"tar" * 1000)
    _Handler.answers["/v1.41/images/create"] = (200, b'{"status":"sha256:0"}')
    engine.import_image(archive, "offline/x:1", ['CMD ["sh"]'])
    path, body = _Handler.seen[-1]
    assert body == b"tar" * 1000
    assert "repo=offline%2Fx&tag=1&changes=CMD+%5B%22sh%22%5D" in path
    _Handler.answers["/v1.41/images/create"] = (200, b'{"error":"bad tar"}')
    with pytest.raises(KitError, match="importing image offline/x:1 failed: bad tar"):
        engine.import_image(archive, "offline/x:1", [])
