"""A small registry client on the standard library.

Tests need exact control over single requests (a chunk, a header, a refused write), which no finished client gives; the suite uses
skopeo, podman, docker and crane as well.
"""

import base64
import hashlib
import http.client
import json
import select
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.blackbox.images import INDEX, MANIFEST, GeneratedBlob, Image, Index, digest_of

MANIFEST_TYPES = ", ".join(
    (
        MANIFEST,
        INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
READ_SIZE = 1024 * 1024

Body = bytes | Iterable[bytes] | None


@dataclass(frozen=True)
class Account:
    """Name and password of a registry account."""

    name: str
    password: str = field(repr=False)

    @property
    def header(self) -> str:
        return f"Basic {base64.b64encode(f'{self.name}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True)
class Response:
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def header(self, name: str) -> str:
        """A header's value; empty when there is none."""
        return self.headers.get(name) or ""

    @property
    def codes(self) -> list[str]:
        """The codes of an error body. Raises AssertionError when the body isn't in the registry's error format."""
        try:
            return [str(error["code"]) for error in json.loads(self.body)["errors"]]
        except (ValueError, KeyError, TypeError) as problem:
            raise AssertionError(f"the answer {self.status} has no error body in the registry's format: {self.body[:300]!r}") from problem


class StatusError(AssertionError):
    """The registry answered something else than the test needs."""

    def __init__(self, method: str, path: str, response: Response, wanted: tuple[int, ...]) -> None:
        self.status = response.status
        body = response.body[:500].decode(errors="replace")
        super().__init__(f"{method} {path} answered {response.status} instead of {' or '.join(map(str, wanted))}: {body}")


class ContentError(AssertionError):
    """What came down is not what its digest says."""


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """A context that verifies against this CA alone, or against the system's when there is none."""
    context = ssl.create_default_context()
    if ca_file:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca_file)
    return context


class RegistryClient:
    """Talks to one registry as one account. Not for use by several threads at once.

    With `keep_alive` the connection is used again unless the server has closed it meanwhile, and a request that fails on a used
    connection before an answer began is sent once more on a new one if it only reads: what Go's http client, and so every container
    tool, does.
    """

    def __init__(
        self,
        url: str,
        *,
        ca_file: Path | None = None,
        account: Account | None = None,
        timeout: float = 60,
        keep_alive: bool = True,
    ) -> None:
        parts = urlsplit(url)
        self.url = url
        self.secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.secure else 80)
        self.netloc = parts.netloc
        self._context = tls_context(ca_file) if self.secure else None
        self._account = account
        self._timeout = timeout
        self._keep_alive = keep_alive
        self._connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Ends the connection, if there is one."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self.secure:
            return http.client.HTTPSConnection(self.host, self.port, timeout=self._timeout, context=self._context)
        return http.client.HTTPConnection(self.host, self.port, timeout=self._timeout)

    @staticmethod
    def _closed_by_the_server(connection: http.client.HTTPConnection) -> bool:
        """Whether something can be read from a connection on which no answer is due: it is the end."""
        return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])

    def _headers(self, headers: Mapping[str, str] | None) -> dict[str, str]:
        found = {"Host": self.netloc, "Accept": MANIFEST_TYPES}
        if self._account:
            found["Authorization"] = self._account.header
        return {**found, **(headers or {})}

    def _send(self, method: str, target: str, body: Body, headers: dict[str, str]) -> http.client.HTTPResponse:
        if self._connection and self._closed_by_the_server(self._connection):
            self.close()
        used = self._connection is not None
        if self._connection is None:
            self._connection = self._connect()
        chunked = body is not None and not isinstance(body, bytes) and "Content-Length" not in headers
        try:
            self._connection.request(method, target, body=body, headers=headers, encode_chunked=chunked)
            return self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLEOFError):
            self.close()
            if not used or method not in ("GET", "HEAD"):
                raise
        self._connection = self._connect()
        self._connection.request(method, target, body=body, headers=headers)
        return self._connection.getresponse()

    @contextmanager
    def open(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Sends a request and gives the answer to read piece by piece. `path` may be a whole URL, as Location headers have it."""
        parts = urlsplit(path)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        all_headers = self._headers(headers)
        if body is not None and not isinstance(body, bytes) and "Content-Length" not in all_headers:
            all_headers["Transfer-Encoding"] = "chunked"
        done = False
        try:
            response = self._send(method, target, body, all_headers)
            yield response
            done = response.isclosed() and not response.will_close
        finally:
            if not done or not self._keep_alive:
                self.close()

    def request(
        self,
        method: str,
        path: str,
        body: Body = None,
        headers: Mapping[str, str] | None = None,
        want: tuple[int, ...] = (),
    ) -> Response:
        """Sends a request and reads the answer. Raises StatusError when `want` is given and the status isn't in it."""
        with self.open(method, path, body, headers) as answer:
            response = Response(answer.status, answer.headers, answer.read())
        if want and response.status not in want:
            raise StatusError(method, path, response, want)
        return response

    # Blobs

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the repository has the blob."""
        return self.request("HEAD", f"/v2/{repository}/blobs/{digest}", want=(200, 404)).status == 200

    def start_upload(self, repository: str, query: str = "") -> Response:
        """Begins an upload; its Location is where the content goes."""
        return self.request("POST", f"/v2/{repository}/blobs/uploads/{query}", b"", want=(202, 201))

    def _finish(self, location: str, digest: str, body: bytes = b"") -> None:
        joint = "&" if "?" in location else "?"
        headers = {"Content-Type": "application/octet-stream"}
        self.request("PUT", f"{location}{joint}digest={quote(digest)}", body, headers, want=(201,))

    def push_blob(self, repository: str, data: bytes) -> str:
        """Uploads a blob in one piece, unless the repository has it. Returns the digest."""
        digest = digest_of(data)
        if not self.has_blob(repository, digest):
            self._finish(self.start_upload(repository).header("Location"), digest, data)
        return digest

    def push_blob_in_chunks(self, repository: str, data: bytes, chunk: int) -> str:
        """Uploads a blob in pieces of `chunk` bytes, each a PATCH of its own. Returns the digest."""
        location = self.start_upload(repository).header("Location")
        for start in range(0, len(data), chunk):
            piece = data[start : start + chunk]
            headers = {"Content-Type": "application/octet-stream", "Content-Range": f"{start}-{start + len(piece) - 1}"}
            location = self.request("PATCH", location, piece, headers, want=(202,)).header("Location")
        digest = digest_of(data)
        self._finish(location, digest)
        return digest

    def push_generated(self, repository: str, blob: GeneratedBlob) -> str:
        """Uploads a blob as one stream of unknown length, as docker does. Returns the digest."""
        location = self.start_upload(repository).header("Location")
        hasher = hashlib.sha256()

        def stream() -> Iterator[bytes]:
            for piece in blob.pieces():
                hasher.update(piece)
                yield piece

        headers = {"Content-Type": "application/octet-stream"}
        location = self.request("PATCH", location, stream(), headers, want=(202,)).header("Location")
        digest = f"sha256:{hasher.hexdigest()}"
        self._finish(location, digest)
        return digest

    def mount_blob(self, repository: str, digest: str, source: str) -> Response:
        """Asks for a blob of another repository; 201 when the registry took it over without an upload."""
        return self.start_upload(repository, f"?mount={quote(digest)}&from={quote(source, safe='')}")

    def pull_blob(self, repository: str, digest: str) -> int:
        """Downloads a blob, checks its digest, and returns its size. Keeps nothing in memory."""
        path = f"/v2/{repository}/blobs/{digest}"
        hasher = hashlib.sha256()
        size = 0
        with self.open("GET", path) as answer:
            if answer.status != 200:
                raise StatusError("GET", path, Response(answer.status, answer.headers, answer.read()), (200,))
            while piece := answer.read(READ_SIZE):
                hasher.update(piece)
                size += len(piece)
        found = f"sha256:{hasher.hexdigest()}"
        if found != digest:
            raise ContentError(f"blob {digest} of {repository} came down as {found} ({size} bytes)")
        return size

    # Manifests

    def push_manifest(self, repository: str, reference: str, manifest: bytes, media_type: str = MANIFEST) -> Response:
        """Puts a manifest under a tag or its digest."""
        return self.request("PUT", f"/v2/{repository}/manifests/{reference}", manifest, {"Content-Type": media_type}, want=(201,))

    def manifest(self, repository: str, reference: str, want: tuple[int, ...] = (200,)) -> Response:
        """A manifest by tag or digest."""
        return self.request("GET", f"/v2/{repository}/manifests/{reference}", want=want)

    def manifest_status(self, repository: str, reference: str) -> int:
        """The status of a HEAD on a manifest."""
        return self.request("HEAD", f"/v2/{repository}/manifests/{reference}").status

    def delete_manifest(self, repository: str, digest: str) -> Response:
        """Deletes a manifest by digest."""
        return self.request("DELETE", f"/v2/{repository}/manifests/{digest}", want=(202,))

    def tags(self, repository: str) -> list[str]:
        """The repository's tags, sorted; empty also when the registry has forgotten the repository."""
        answer = self.request("GET", f"/v2/{repository}/tags/list", want=(200, 404))
        return sorted(json.loads(answer.body).get("tags") or []) if answer.status == 200 else []

    def repositories(self) -> list[str]:
        """All repositories, page by page."""
        found: list[str] = []
        path = "/v2/_catalog?n=100"
        while path:
            answer = self.request("GET", path, want=(200,))
            found += json.loads(answer.body)["repositories"] or []
            link = answer.header("Link")
            path = link[link.index("<") + 1 : link.index(">")] if "<" in link else ""
        return found

    # Whole images

    def push(self, repository: str, reference: str, image: Image | Index) -> str:
        """Pushes an image or a multi-arch image with all its content. Returns the digest."""
        if isinstance(image, Index):
            for child in image.children:
                self.push(repository, child.digest, child)
            self.push_manifest(repository, reference, image.manifest, INDEX)
        else:
            for blob in image.blobs:
                self.push_blob(repository, blob)
            self.push_manifest(repository, reference, image.manifest)
        return image.digest

    def pull(self, repository: str, reference: str, digest: str | None = None) -> str:
        """Downloads an image with all its content and checks every digest. Returns the digest.

        Raises ContentError when anything isn't what its digest says, StatusError when anything is missing.
        """
        body = self.manifest(repository, reference).body
        found = digest_of(body)
        wanted = digest or (reference if reference.startswith("sha256:") else found)
        if found != wanted:
            raise ContentError(f"manifest {repository}:{reference} came down as {found} instead of {wanted}")
        content = json.loads(body)
        for child in content.get("manifests", ()):
            self.pull(repository, child["digest"])
        blobs = [content["config"], *content["layers"]] if "config" in content else []
        for blob in blobs:
            size = self.pull_blob(repository, blob["digest"])
            if size != blob["size"]:
                raise ContentError(f"blob {blob['digest']} of {repository} has {size} bytes instead of {blob['size']}")
        return found
