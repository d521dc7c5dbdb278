"""The list of images in use: whatever may not be the whole list is refused."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ops import in_use
from ops.api import Registry
from ops.delete import Deleter, Target
from ops.errors import UNREACHABLE, OpsError
from ops.moments import Moment
from tests.ops.fake_registry import Content, serving


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


LIST = "".join(f"registry.example/app@{digest(number)}\n" for number in range(12)).encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"# running\n{digest(1)}\n\nregistry.example/apps/web@{digest(2)}  # in two clusters\r\n", {digest(1), digest(2)}),
        (f"app@{digest(1)} other@{digest(2)}", {digest(1), digest(2)}),
        (f'{{"items": [{{"image": "a:1", "imageID": "docker://{digest(3)}"}}], "checksum": "sha256:abc"}}', {digest(3)}),
        (f"sha512:{'a' * 128}", {f"sha512:{'a' * 128}"}),
        ("# none\n", set()),
    ],
)
def test_what_a_list_holds(text: str, expected: set[str]) -> None:
    assert in_use.parse(text, "list") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "# running:\n",
        "[]",
        "{}",
        '{"items": []}',
        '["registry.example/app:1"]',
        "<html>Not found</html>",
        f"{digest(1)}\nregistry.example/app:latest\n",
        f"{digest(1)}\n{digest(2)[:-1]}",
        f"{digest(1)} app@{digest(2)[:-9]}",
        f"{digest(1)}\nsha256:",
        f"{digest(1)}0",
        f'{{"items": ["{digest(1)}", "{digest(2)}',
        f'["{digest(1)}"',
    ],
)
def test_what_may_not_be_the_whole_list_is_refused(text: str) -> None:
    with pytest.raises(OpsError, match="nothing is deleted with it") as caught:
        in_use.parse(text, "list")
    assert caught.value.exit_code == UNREACHABLE


@contextmanager
def _answering(answer: bytes) -> Iterator[str]:
    """A server that sends these bytes to every request and hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Silent."""

        def do_GET(self) -> None:
            self.wfile.write(answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/running?token=secret"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _head(status: str, **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    "answer",
    [
        _head("200 OK", Content_Length=len(LIST)) + LIST,
        _head("200 OK", Transfer_Encoding="chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(LIST), LIST),
    ],
    ids=["length", "chunks"],
)
def test_a_whole_answer(answer: bytes) -> None:
    with _answering(answer) as url:
        assert len(in_use.read(url)) == 12


@pytest.mark.parametrize(
    "answer",
    [
        _head("200 OK", Content_Length=len(LIST)) + LIST[: 3 * len(LIST) // 12],
        _head("200 OK", Content_Length=len(LIST)),
        _head("200 OK", Transfer_Encoding="chunked") + b"%x\r\n%s" % (len(LIST), LIST[: len(LIST) // 12]),
        _head("200 OK", Transfer_Encoding="chunked") + b"%x\r\n%s\r\n" % (len(LIST), LIST),
        _head("200 OK") + LIST,
        _head("204 No Content"),
        _head("206 Partial Content", Content_Length=len(LIST)) + LIST,
        _head("404 Not Found", Content_Length=len(LIST)) + LIST,
        _head("200 OK", Content_Length=4) + b"\xff\xfe12",
        b"",
    ],
    ids=["cut", "nothing sent", "cut in a chunk", "last chunk missing", "no length", "204", "206", "404", "binary", "hung up"],
)
def test_an_answer_that_may_not_be_whole_is_refused_without_the_address_query(answer: bytes) -> None:
    with _answering(answer) as url, pytest.raises(OpsError, match="in-use list") as caught:
        in_use.read(url)
    assert caught.value.exit_code == UNREACHABLE
    assert "secret" not in str(caught.value)


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "running"
    file.write_bytes(LIST)
    assert in_use.read(str(file)) == in_use.read(f"file://{file}") == {digest(number) for number in range(12)}
    assert in_use.read("") == frozenset()
    with pytest.raises(OpsError, match="nothing is deleted without it"):
        in_use.read(str(tmp_path / "missing"))
    with pytest.raises(OpsError, match="without an account") as caught:
        in_use.read("https://me:hunter2@example.com/running")
    assert "hunter2" not in str(caught.value)


def test_what_starts_to_run_after_the_plan_was_made_stays() -> None:
    """The list is read again right before each batch."""
    content = Content()
    target = Target("a", content.add("a", "1", "2026-01-01T00:00:00Z"), ("1",), "test", runs_as=frozenset({digest(7)}))
    with serving(content) as url, Registry([url], None) as registry:

        @contextmanager
        def moments(_: str) -> Iterator[Moment]:
            yield Moment(lambda: None, time.monotonic() + 5)

        for running in (digest(7), target.digest):
            deleter = Deleter(registry, 3, moments, bin_time=None, in_use=lambda running=running: frozenset({running}))
            (outcome,) = deleter.delete([target])
            assert (outcome.done, outcome.message) == (False, "kept: it is in use")
    assert not content.requests, "nothing was even asked"
