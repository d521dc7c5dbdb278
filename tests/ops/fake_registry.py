"""A registry as small as can be, with the odd answers that real ones give; counts the requests."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from ops.api import sha256
from ops.images import OCI_INDEX, OCI_MANIFEST


@dataclass
class Content:
    """What the registry holds, and how it behaves."""

    repositories: dict[str, dict[str, str] | None] = field(default_factory=dict)
    """Repository -> tag -> digest. None: the repository was emptied; it is still in the catalog."""
    manifests: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, set[str]] = field(default_factory=dict)
    """Repository -> its manifests, with a tag or without."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    stored_as: dict[str, str] = field(default_factory=dict)
    """A blob's digest of another kind -> the SHA-256 one that its data has."""
    page: int = 1000
    empty_is_404: bool = False
    failures: dict[str, list[int]] = field(default_factory=dict)
    """Path -> statuses to answer before the real answer; 0 breaks the connection off."""
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    bucket: str = ""
    """Address of object storage (another of these servers) that blobs are fetched from: the answer is a redirect to `data_path` there."""
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """The headers of each request, names in lower case."""
    on_delete: Callable[[str, str], None] = lambda _repository, _reference: None
    """Called before a DELETE is carried out; holds it up as long as it likes."""

    def delete(self, repository: str, reference: str) -> bool:
        """Deletes a tag, or a manifest with all its tags. False when there is none."""
        self.on_delete(repository, reference)
        tags = self.repositories.get(repository) or {}
        if ":" not in reference:
            return tags.pop(reference, None) is not None
        there = reference in self.links.get(repository, ()) and reference in self.manifests
        self.links.get(repository, set()).discard(reference)
        for tag in [tag for tag, digest in tags.items() if digest == reference]:
            del tags[tag]
        return there

    def add(self, repository: str, tag: str, created: str, subject: str | None = None) -> str:
        """An image with a config of its own, about `subject`; returns its digest."""
        config = json.dumps({"created": created, "name": f"{repository}:{tag}"}).encode()
        self.blobs[sha256(config)] = config
        kind = "application/vnd.oci.image.config.v1+json"
        entry = {"mediaType": kind, "digest": sha256(config), "size": len(config)}
        about = {"subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": 1}} if subject else {}
        return self.put(repository, tag, {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": entry, "layers": [], **about})

    def add_index(self, repository: str, tag: str, children: Sequence[str]) -> str:
        """An index of manifests that are there; returns its digest."""
        entries = [{"mediaType": OCI_MANIFEST, "digest": child, "size": len(self.manifests[child])} for child in children]
        return self.put(repository, tag, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})

    def put(self, repository: str, tag: str, manifest: dict[str, object]) -> str:
        """Any manifest; returns its digest."""
        return self.store(repository, tag, json.dumps(manifest).encode())

    def store(self, repository: str, reference: str, body: bytes) -> str:
        """A manifest's bytes under a tag, or by digest; returns the digest."""
        digest = sha256(body)
        self.manifests[digest] = body
        self.links.setdefault(repository, set()).add(digest)
        tags = self.repositories.get(repository)
        if tags is None:
            tags = self.repositories[repository] = {}
        if ":" not in reference:
            tags[reference] = digest
        return digest


def data_path(digest: str) -> str:
    """Where object storage has a blob's data, as the registry lays it out."""
    value = digest.removeprefix("sha256:")
    return f"/docker/registry/v2/blobs/sha256/{value[:2]}/{value}/data"


def _handler(content: Content) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Silent."""

        def _send(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _list(self, key: str, values: list[str] | None, query: str) -> None:
            asked = parse_qs(query)
            last = asked.get("last", [""])[0]
            left = [value for value in sorted(values or []) if value > last]
            page = left[: content.page]
            body = json.dumps({key: None if values is None else page}).encode()
            path = urlsplit(self.path).path
            more = {"Link": f'<{path}?n={content.page}&last={page[-1]}>; rel="next"'} if len(left) > len(page) else {}
            self._send(200, body, **more)

        def do_GET(self) -> None:
            path, query = urlsplit(self.path).path, urlsplit(self.path).query
            content.requests[self.command, path] += 1
            content.headers.append({name.lower(): value for name, value in self.headers.items()})
            statuses = content.failures.get(path)
            if statuses:
                status = statuses.pop(0)
                if status == 0:
                    self.close_connection = True
                    return
                self._send(status, b"busy")
                return
            self._answer(path, query)

        do_HEAD = do_GET  # noqa: N815 - the base class's name

        def do_PUT(self) -> None:
            """A manifest."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            repository, _, reference = self.path.removeprefix("/v2/").partition("/manifests/")
            self._send(201, b"", Docker_Content_Digest=content.store(repository, unquote(reference), body))

        def do_DELETE(self) -> None:
            """A tag, or a manifest with all its tags."""
            repository, _, reference = self.path.removeprefix("/v2/").partition("/manifests/")
            reference = unquote(reference)
            self._send(202 if content.delete(repository, unquote(reference)) else 404, b"")

        def do_POST(self) -> None:
            """Mounts a blob: all blobs are everybody's here."""
            self._send(201, b"")

        def _answer(self, path: str, query: str) -> None:
            name, _, reference = path.removeprefix("/v2/").rpartition("/")
            if path == "/v2/_catalog":
                self._list("repositories", list(content.repositories), query)
            elif path.endswith("/tags/list"):
                tags = content.repositories.get(path.removeprefix("/v2/").removesuffix("/tags/list"))
                if tags is None and content.empty_is_404:
                    self._send(404, b'{"errors": [{"code": "NAME_UNKNOWN"}]}')
                else:
                    self._list("tags", None if tags is None else list(tags), query)
            elif name.endswith("/manifests"):
                tags = content.repositories.get(name.removesuffix("/manifests")) or {}
                digest = tags.get(reference, reference)
                linked = digest in content.links.get(name.removesuffix("/manifests"), ())
                body = content.manifests.get(digest) if linked else None
                if body is None:
                    detail = {"Name": name.removesuffix("/manifests"), "Revision": digest} if linked else {}
                    self._send(404, json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN", "detail": detail}]}).encode())
                else:
                    kind = json.loads(body).get("mediaType", OCI_MANIFEST)
                    self._send(200, body, Content_Type=kind, Docker_Content_Digest=digest)
            elif reference == "data":
                stored = f"sha256:{name.rpartition('/')[2]}"
                self._blob(stored, content.blobs.get(stored))
            else:
                stored = content.stored_as.get(reference, reference)
                if stored in content.blobs and content.bucket:
                    self._send(307, b"", Location=f"{content.bucket}{data_path(stored)}?signature=of-this-request")
                else:
                    self._blob(stored, content.blobs.get(stored))

        def _blob(self, stored: str, body: bytes | None) -> None:
            if body is None:
                self._send(404, b"")
            elif self.headers.get("Range") == "bytes=-1":
                self._send(206, body[-1:], Content_Range=f"bytes {len(body) - 1}-{len(body) - 1}/{len(body)}")
            else:
                self._send(200, body, Docker_Content_Digest=stored)

    return Handler


@contextmanager
def serving(content: Content) -> Iterator[str]:
    """The address of a server with this content, for the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(content))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
