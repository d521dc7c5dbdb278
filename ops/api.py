"""The registry's HTTP API (OCI distribution-spec v1.1, docs/content/spec/api.md of distribution), as far as ops needs it.

One object serves many threads: connections are kept open and pooled. Reads are tried again, on the next replica, when one does not answer.
"""

import hashlib
import http.client
import json
import queue
import re
import ssl
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar, cast
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from ops.errors import FAILED, UNREACHABLE, OpsError
from ops.images import ACCEPT

T = TypeVar("T")
R = TypeVar("R")

TIMEOUT_SECONDS = 60
ATTEMPTS = 4
PAUSE_SECONDS = 0.3
CATALOG_PAGE = 1000
"""The largest page that the registry allows unless it is configured otherwise."""
CHUNK = 1 << 20
MANIFEST_LIMIT = 8 << 20
"""Bytes. The registry itself takes manifests up to 4 MiB."""

_DATA = re.compile(r"/blobs/sha256/[0-9a-f]{2}/([0-9a-f]{64})/data$")
_RETRIED = (429, 500, 502, 503, 504)


class RegistryError(OpsError):
    """An answer that was not expected. `status` is HTTP's, `codes` are the registry's own (such as NAME_UNKNOWN)."""

    def __init__(self, message: str, status: int, codes: Sequence[str] = ()) -> None:
        super().__init__(message, UNREACHABLE if status in (0, 401, 403, *_RETRIED) else FAILED)
        self.status = status
        self.codes = tuple(codes)


@dataclass(frozen=True)
class Manifest:
    """A manifest as it is stored."""

    digest: str
    media_type: str
    body: bytes


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def _lower(message: http.client.HTTPResponse) -> dict[str, str]:
    return {key.lower(): value for key, value in message.getheaders()}


def sha256(body: bytes) -> str:
    """The digest of some bytes."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class _Pool:
    """Open connections to one address."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise OpsError(f"not an http(s) address: {base!r}")
        self.base = base.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()
        self._context = ssl.create_default_context() if self._secure else None

    def _connect(self) -> http.client.HTTPConnection:
        if self._context is not None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=TIMEOUT_SECONDS, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)

    def take(self) -> tuple[http.client.HTTPConnection, bool]:
        """A connection and whether it was used before: then the other side may have closed it meanwhile."""
        try:
            return self._idle.get_nowait(), True
        except queue.Empty:
            return self._connect(), False

    def give(self, connection: http.client.HTTPConnection) -> None:
        self._idle.put(connection)

    def close(self) -> None:
        while True:
            try:
                self._idle.get_nowait().close()
            except queue.Empty:
                return


class Registry:
    """One registry, reached through any of its replicas."""

    def __init__(self, base_urls: Sequence[str], account: tuple[str, str] | None, workers: int = 8) -> None:
        if not base_urls:
            raise OpsError("no address of the registry is set")
        self.workers = workers
        self._pools = [_Pool(base) for base in base_urls]
        self._next = 0
        self._guard = threading.Lock()
        self._headers: dict[str, str] = {"User-Agent": "registry-ops"}
        if account:
            self._headers["Authorization"] = "Basic " + b64encode(":".join(account).encode()).decode()
        self._threads: ThreadPoolExecutor | None = None

    def close(self) -> None:
        """Ends threads and connections."""
        if self._threads:
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None
        for pool in self._pools:
            pool.close()

    def __enter__(self) -> "Registry":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def each(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """Calls `function` for every item, `workers` at a time; yields in the items' order and holds only a few results at once.

        The first exception is raised here. Must not be nested: a function that runs in the pool would wait for its own pool.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="registry")
        waiting: deque[tuple[T, Future[R]]] = deque()
        try:
            for item in items:
                waiting.append((item, self._threads.submit(function, item)))
                if len(waiting) >= self.workers * 8:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()

    # Requests.

    def _pick(self) -> _Pool:
        with self._guard:
            self._next = (self._next + 1) % len(self._pools)
            return self._pools[self._next]

    def _start(
        self, pool: _Pool, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Sends one request and returns when its headers have come."""
        while True:
            connection, used = pool.take()
            try:
                connection.request(method, path, body=body, headers={**self._headers, **headers})
                return connection, connection.getresponse()
            except (OSError, http.client.HTTPException):
                connection.close()
                # A kept connection that was closed meanwhile says nothing about the server; all that is sent here may be sent twice.
                if not used:
                    raise

    def _exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> _Answer:
        pool = self._pick()
        connection, response = self._start(pool, method, path, headers, body)
        try:
            content = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            pool.give(connection)
        return _Answer(response.status, _lower(response), content, pool.base + path)

    def _request(
        self, method: str, path: str, expected: Sequence[int], headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> _Answer:
        """Does a request, again where that helps. Raises RegistryError for a status that is not among `expected`."""
        attempts = ATTEMPTS
        for attempt in range(1, attempts + 1):
            if attempt > 1:
                time.sleep(PAUSE_SECONDS * 3 ** (attempt - 2))
            try:
                answer = self._exchange(method, path, headers or {}, body)
            except (OSError, http.client.HTTPException) as error:
                if attempt == attempts:
                    raise RegistryError(f"{method} {path}: the registry does not answer: {error!r}", 0) from error
                continue
            if answer.status in expected:
                return answer
            if answer.status not in _RETRIED or attempt == attempts:
                raise self._error(method, answer)
        raise AssertionError("unreachable")

    @staticmethod
    def _error(method: str, answer: _Answer) -> RegistryError:
        codes: list[str] = []
        detail = answer.body[:300].decode("utf-8", "replace").strip()
        try:
            document = cast(object, json.loads(answer.body))
        except ValueError:
            document = None  # the answer of something before the registry; its text is in the message
        if isinstance(document, dict):
            errors = cast(dict[str, object], document).get("errors")
            if isinstance(errors, list):
                codes = [str(cast(dict[str, object], e).get("code", "")) for e in cast(list[object], errors) if isinstance(e, dict)]
                detail = ", ".join(codes)
        return RegistryError(f"{method} {answer.url}: status {answer.status}" + (f" ({detail})" if detail else ""), answer.status, codes)

    def _pages(self, path: str, key: str) -> Iterator[str]:
        """All entries of a list that comes in pages. A repository without any tag is an empty list, whatever the version answers for it."""
        seen: set[str] = set()
        while path:
            if path in seen:
                raise RegistryError(f"the list {path} never ends", 200)
            seen.add(path)
            answer = self._request("GET", path, (200, 404))
            if answer.status == 404:
                error = self._error("GET", answer)
                if "NAME_UNKNOWN" not in error.codes:
                    raise error
                return
            document = cast(object, json.loads(answer.body))
            values = cast(dict[str, object], document).get(key) if isinstance(document, dict) else None
            if values is not None and not isinstance(values, list):
                raise RegistryError(f"GET {path}: {key} is no list", 200)
            for value in cast(list[object], values or []):
                yield str(value)
            path = _next_page(path, answer.headers.get("link", ""))

    # Lists.

    def ping(self) -> None:
        """Raises RegistryError when the registry does not answer or refuses the account."""
        self._request("GET", "/v2/", (200,))

    def repositories(self) -> list[str]:
        """Every repository, sorted; also those that are empty (the registry forgets none)."""
        return sorted(set(self._pages(f"/v2/_catalog?n={CATALOG_PAGE}", "repositories")))

    def tags(self, repository: str) -> list[str]:
        """Every tag of a repository, sorted."""
        return sorted(set(self._pages(f"/v2/{quote(repository)}/tags/list", "tags")))

    # Manifests.

    @staticmethod
    def _manifest_path(repository: str, reference: str) -> str:
        return f"/v2/{quote(repository)}/manifests/{quote(reference, safe=':')}"

    def manifest(self, repository: str, reference: str) -> Manifest:
        """A manifest by tag or digest; its digest was checked. Raises RegistryError with status 404 when there is none."""
        answer = self._request("GET", self._manifest_path(repository, reference), (200,), {"Accept": ACCEPT})
        digest = sha256(answer.body)
        wanted = reference if ":" in reference else answer.headers.get("docker-content-digest", digest)
        media_type = answer.headers.get("content-type", "").partition(";")[0].strip()
        # Schema 1's digest leaves its signature out, and sha512 digests exist: only sha256 of other kinds can be compared here.
        if wanted.startswith("sha256:") and wanted != digest and "manifest.v1+" not in media_type:
            raise RegistryError(f"{repository}@{wanted}: the registry sent a manifest with digest {digest}", 200)
        return Manifest(wanted, media_type, answer.body)

    def head_manifest(self, repository: str, reference: str) -> str | None:
        """The digest that a tag (or digest) has now, None when there is none."""
        answer = self._request("HEAD", self._manifest_path(repository, reference), (200, 404), {"Accept": ACCEPT})
        if answer.status == 404:
            return None
        digest = answer.headers.get("docker-content-digest")
        if not digest:
            raise RegistryError(f"HEAD {answer.url}: no digest in the answer", answer.status)
        return digest

    def lost_manifest(self, repository: str, tag: str) -> str | None:
        """The digest that a tag names although its manifest is gone: the registry's error says it. None when it does not."""
        answer = self._request("GET", self._manifest_path(repository, tag), (200, 404), {"Accept": ACCEPT})
        if answer.status == 200:
            return answer.headers.get("docker-content-digest")
        found = re.search(rb"sha256:[0-9a-f]{64}", answer.body)
        return found[0].decode() if found else None

    def put_manifest(self, repository: str, reference: str, media_type: str, body: bytes) -> str:
        """Stores a manifest under a tag or its digest; returns the digest."""
        answer = self._request("PUT", self._manifest_path(repository, reference), (201,), {"Content-Type": media_type}, body)
        return answer.headers.get("docker-content-digest", "")

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Deletes a manifest and with it every tag on it. False when there was none."""
        return self._request("DELETE", self._manifest_path(repository, digest), (202, 404)).status == 202

    def delete_tag(self, repository: str, tag: str) -> bool:
        """Deletes one tag (registry 3.x only: 2.8 answers 400). False when there was none."""
        return self._request("DELETE", self._manifest_path(repository, tag), (202, 404)).status == 202

    # Blobs.

    @staticmethod
    def _blob_path(repository: str, digest: str) -> str:
        return f"/v2/{quote(repository)}/blobs/{quote(digest, safe=':')}"

    def head_blob(self, repository: str, digest: str) -> int | None:
        """A blob's size in bytes as the registry believes it (a cache may answer), None when it has none."""
        answer = self._request("HEAD", self._blob_path(repository, digest), (200, 307, 404))
        if answer.status == 404:
            return None
        if answer.status == 307:
            # The registry redirects after it has looked the blob up; the bucket's answer has the size.
            answer = _follow("HEAD", answer, {})
            if answer.status == 404:
                return None
        return int(answer.headers.get("content-length", "0"))

    def stored_digest(self, repository: str, digest: str) -> str | None:
        """The SHA-256 digest under which a blob's data is stored, None when the repository does not have the blob.

        The registry also takes blobs by sha384 and sha512, keeps their data under SHA-256 all the same, and answers with that
        (distribution, registry/storage/blobserver.go). Raises RegistryError when the answer does not say it.
        """
        answer = self._request("HEAD", self._blob_path(repository, digest), (200, 307, 404))
        if answer.status == 404:
            return None
        # With a redirect there is no digest in the answer; the address of the data has it.
        in_path = _DATA.search(unquote(urlsplit(answer.headers.get("location", "")).path))
        stored = f"sha256:{in_path[1]}" if in_path else answer.headers.get("docker-content-digest", "")
        if not stored.startswith("sha256:"):
            raise RegistryError(f"HEAD {answer.url}: the answer does not say under which digest the blob is stored", 200)
        return stored

    def probe_blob(self, repository: str, digest: str) -> int | None:
        """A blob's size, after its last byte was really read from storage; None when it is missing or shorter than the registry believes.

        A HEAD proves little: the registry answers it from its cache even when the data is gone.
        """
        path, last_byte = self._blob_path(repository, digest), {"Range": "bytes=-1"}
        try:
            try:
                answer = self._exchange("GET", path, last_byte, None)
            except http.client.IncompleteRead:
                raise
            except (OSError, http.client.HTTPException):
                answer = None
            if answer is None or answer.status in _RETRIED:
                answer = self._request("GET", path, (200, 206, 307, 404, 416), last_byte)
            if answer.status == 307:
                answer = _follow("GET", answer, last_byte)
        except http.client.IncompleteRead:
            return None  # the headers promised a byte that storage does not have
        if answer.status == 404:
            return None
        if answer.status == 416:
            return 0 if self.head_blob(repository, digest) == 0 else None
        if answer.status == 206:
            return int(answer.headers.get("content-range", "").rpartition("/")[2])
        if answer.status == 200:
            return len(answer.body)
        raise self._error("GET", answer)

    def blob(self, repository: str, digest: str) -> Iterator[bytes]:
        """A blob's content in pieces; does not check its digest. Raises RegistryError with status 404 when there is none."""
        path = self._blob_path(repository, digest)
        try:
            pool = self._pick()
            connection, response = self._start(pool, "GET", path, {}, None)
        except (OSError, http.client.HTTPException):
            pool = self._pick()
            try:
                connection, response = self._start(pool, "GET", path, {}, None)
            except (OSError, http.client.HTTPException) as error:
                raise RegistryError(f"GET {path}: the registry does not answer: {error!r}", 0) from error
        done = False
        try:
            if response.status == 307:
                location = response.getheader("Location") or ""
                response.read()
                done = True
                yield from _stream(urljoin(pool.base + path, location))
                return
            if response.status != 200:
                raise self._error("GET", _Answer(response.status, _lower(response), response.read(), pool.base + path))
            expected = int(response.getheader("Content-Length") or -1)
            got = 0
            while piece := response.read(CHUNK):
                got += len(piece)
                yield piece
            if expected >= 0 and got != expected:
                raise RegistryError(f"GET {path}: ended after {got} of {expected} bytes", 200)
            done = True
        except (OSError, http.client.HTTPException) as error:
            raise RegistryError(f"GET {path}: broken off: {error!r}", 0) from error
        finally:
            if done and not response.will_close:
                pool.give(connection)
            else:
                connection.close()

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Makes a blob of the repository `source` one of `repository` too, without copying data. False when the registry would not."""
        query = urlencode({"mount": digest, "from": source})
        answer = self._request("POST", f"/v2/{quote(repository)}/blobs/uploads/?{query}", (201, 202), {}, b"")
        if answer.status == 202:
            # It opened an upload instead; nobody will use it.
            self._request("DELETE", _path_of(answer.url, answer.headers.get("location", "")), (204, 404))
        return answer.status == 201

    def upload_blob(self, repository: str, body: bytes) -> str:
        """Stores a small blob; returns its digest."""
        digest = sha256(body)
        answer = self._request("POST", f"/v2/{quote(repository)}/blobs/uploads/", (202,), {}, b"")
        location = _path_of(answer.url, answer.headers.get("location", ""))
        location += ("&" if "?" in location else "?") + urlencode({"digest": digest})
        self._request("PUT", location, (201,), {"Content-Type": "application/octet-stream"}, body)
        return digest


def _path_of(url: str, location: str) -> str:
    """The path and query of a Location header. Uploads may go on at any replica, so the host in it does not matter."""
    parts = urlsplit(urljoin(url, location))
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _next_page(path: str, link: str) -> str:
    """The path of the next page from a Link header (RFC 8288), empty at the end."""
    for entry in link.split(","):
        target, _, rest = entry.partition(";")
        target = target.strip()
        if 'rel="next"' in rest.replace(" ", "") and target.startswith("<") and target.endswith(">"):
            return _path_of(urljoin("http://registry", path), target[1:-1])
    return ""


def _open(url: str, method: str, headers: Mapping[str, str]) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    """A request to object storage: the address carries its own permission, and our account must not go there.

    Again where that helps: a store that is asked for a lot answers 503 now and then (S3's SlowDown).
    """
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            time.sleep(PAUSE_SECONDS * 3 ** (attempt - 2))
        connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), headers=dict(headers))
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if attempt == ATTEMPTS:
                raise RegistryError(f"{method} {parts.hostname}: the storage does not answer: {error!r}", 0) from error
            continue
        if response.status not in _RETRIED or attempt == ATTEMPTS:
            return connection, response
        connection.close()
    raise AssertionError("unreachable")


def _follow(method: str, answer: _Answer, headers: Mapping[str, str]) -> _Answer:
    url = urljoin(answer.url, answer.headers.get("location", ""))
    connection, response = _open(url, method, headers)
    try:
        content = response.read()
    except OSError as error:
        raise RegistryError(f"{method} {urlsplit(url).hostname}: the storage does not answer: {error!r}", 0) from error
    finally:
        connection.close()
    if response.status not in (200, 206, 404, 416):
        raise RegistryError(f"{method} {urlsplit(url).hostname}: the storage answers {response.status}", response.status)
    return _Answer(response.status, _lower(response), content, url)


def _stream(url: str) -> Iterator[bytes]:
    connection, response = _open(url, "GET", {})
    try:
        if response.status != 200:
            raise RegistryError(f"GET {urlsplit(url).hostname}: the storage answers {response.status}", response.status)
        while piece := response.read(CHUNK):
            yield piece
    finally:
        connection.close()
