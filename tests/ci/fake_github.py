"""Stands in for GitHub's REST API: a server on this machine that keeps comments and issues, and notes every request."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "token-of-the-job"
REPOSITORY = "example/registry"
LONGEST = 65_536
BOT = {"login": "github-actions[bot]", "type": "Bot"}
PERSON = {"login": "someone", "type": "User"}


@dataclass
class FakeGitHub:
    """What is kept: entries with an id, a body and an author."""

    url: str = ""
    comments: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    issues: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    deployments: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    statuses: dict[int, list[dict[str, object]]] = field(default_factory=dict[int, list[dict[str, object]]])
    requests: list[str] = field(default_factory=list[str])
    refuse: int = 0
    """Answers everything with this status, when set."""

    @property
    def environment(self) -> dict[str, str]:
        """What GitHub Actions sets."""
        return {"GITHUB_API_URL": self.url, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, object]) -> tuple[int, object]:
        """The status and the content of one answer."""
        if self.refuse:
            return self.refuse, {"message": "Resource not accessible by integration"}
        if len(str(body.get("body", ""))) > LONGEST:
            return 422, {"message": "body is too long (maximum is 65536 characters)"}
        if method == "GET":
            return 200, _page(self._listed(path, query), query)
        return self._made(path, body) if method == "POST" else self._changed(path, body)

    def _made(self, path: str, body: dict[str, object]) -> tuple[int, object]:
        if path == "issues":
            entries, made = self.issues, {"number": len(self.issues) + 1, "state": "open", "user": BOT, **body}
        else:
            entries, made = self.comments, {"id": len(self.comments) + 1, "user": BOT, "on": path, **body}
        entries.append(made)
        return 201, made

    def _changed(self, path: str, body: dict[str, object]) -> tuple[int, object]:
        kind, wanted = path.rsplit("/", 1)
        entries, key = (self.comments, "id") if kind == "issues/comments" else (self.issues, "number")
        for entry in entries:
            if str(entry[key]) == wanted:
                entry.update(body)
                return 200, entry
        return 404, {"message": "Not Found"}

    def _listed(self, path: str, query: dict[str, list[str]]) -> list[dict[str, object]]:
        if path == "issues":
            return [issue for issue in self.issues if issue["state"] == query["state"][0]]
        if path == "deployments":
            return [entry for entry in self.deployments if entry["environment"] == query["environment"][0]]
        status = re.fullmatch(r"deployments/(\d+)/statuses", path)
        return self.statuses.get(int(status[1]), []) if status else self.comments


def _page(entries: list[dict[str, object]], query: dict[str, list[str]]) -> list[dict[str, object]]:
    size, number = int(query["per_page"][0]), int(query["page"][0])
    return entries[(number - 1) * size : number * size]


def _handler(fake: FakeGitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            split = urlsplit(self.path)
            path = split.path.removeprefix(f"/repos/{REPOSITORY}/")
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.requests.append(f"{self.command} {path}")
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, content = 401, {"message": "Bad credentials"}
            else:
                status, content = fake.answer(self.command, path, parse_qs(split.query), json.loads(raw or b"{}"))
            answer = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815 - the names that http.server asks for

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server uses
            """Says nothing: the requests are kept."""

    return Handler


@contextmanager
def serve() -> Iterator[FakeGitHub]:
    """Runs the server while the block runs."""
    fake = FakeGitHub()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake)) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join(timeout=10)
