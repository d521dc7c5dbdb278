"""A client that pushes and pulls the way docker, podman and skopeo do: HEAD before each blob, mounts, chunks, and again after a 429."""

import base64
import hashlib
import http.client
import json
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
CONFIG = "application/vnd.oci.image.config.v1+json"


def sha256(data: bytes) -> str:
    """The digest of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


class PushError(Exception):
    """The registry refused a step for good."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with an image that was pulled: something is missing, or came with other bytes."""

    text: str
    corrupt: bool = False


@dataclass(frozen=True)
class Image:
    """An image to push: layers and config as bytes."""

    layers: tuple[bytes, ...]
    config: bytes

    @property
    def manifest(self) -> bytes:
        def entry(kind: str, data: bytes) -> dict[str, object]:
            return {"mediaType": kind, "digest": sha256(data), "size": len(data)}

        layers = [entry(LAYER, layer) for layer in self.layers]
        document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": entry(CONFIG, self.config), "layers": layers}
        return json.dumps(document).encode()


def index(manifests: Iterable[bytes]) -> bytes:
    """An index (multi-arch image) of these manifests."""
    entries = [
        {
            "mediaType": MANIFEST,
            "digest": sha256(manifest),
            "size": len(manifest),
            "platform": {"os": "linux", "architecture": f"arch{number}"},
        }
        for number, manifest in enumerate(manifests)
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


@dataclass
class Client:
    """One connection to one registry. Not for several threads at once.

    `url` may hold an account, and after `#` the file with the CA of a server that speaks TLS: https://NAME:PASSWORD@HOST:PORT#/ca.crt.
    """

    url: str
    patience: float = 60.0
    """How long a refused write is tried again."""
    refused: int = 0
    """Writes that the gate refused."""
    reads_refused: int = 0
    blobs_sent: int = 0
    _connection: http.client.HTTPConnection | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, dict[str, str], bytes]:
        """One request, tried again while the gate is closed or the connection breaks."""
        deadline = time.monotonic() + self.patience
        while True:
            if self._connection is None:
                self._connection = self._connect()
            try:
                headers = {"Accept": f"{MANIFEST}, {INDEX}", **self._account(), **self.headers}
                if kind:
                    headers["Content-Type"] = kind
                self._connection.request(method, path, body if method in ("POST", "PATCH", "PUT") else None, headers)
                response = self._connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                self._connection = None
                if time.monotonic() > deadline:
                    raise PushError(f"{method} {path}: {error!r}") from error
                time.sleep(0.1)
                continue
            if response.status in (429, 502, 503) and time.monotonic() < deadline:
                if response.status == 429:
                    self.refused += method not in ("GET", "HEAD")
                    self.reads_refused += method in ("GET", "HEAD")
                time.sleep(0.1)
                continue
            return response.status, {name.lower(): value for name, value in response.getheaders()}, content

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=parts.fragment or None)
            return http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=60, context=context)
        return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def _account(self) -> dict[str, str]:
        parts = urlsplit(self.url)
        if not parts.username:
            return {}
        return {"Authorization": f"Basic {base64.b64encode(f'{parts.username}:{parts.password}'.encode()).decode()}"}

    def has_blob(self, repository: str, digest: str) -> bool:
        """HEAD."""
        return self.request("HEAD", f"/v2/{repository}/blobs/{digest}")[0] == 200

    def push_blob(self, repository: str, data: bytes, mount_from: str = "") -> None:
        """HEAD, then a mount where another repository may have it, then an upload in one chunk."""
        digest = sha256(data)
        if self.has_blob(repository, digest):
            return
        query = f"?mount={digest}&from={mount_from}" if mount_from else ""
        status, headers, content = self.request("POST", f"/v2/{repository}/blobs/uploads/{query}")
        if status == 201:
            return
        if status != 202:
            raise PushError(f"POST {repository}: {status} {content[:200]!r}")
        self.blobs_sent += 1
        location = self._path(headers["location"])
        status, headers, content = self.request("PATCH", location, data, "application/octet-stream")
        if status != 202:
            raise PushError(f"PATCH {repository}: {status} {content[:200]!r}")
        location = self._path(headers["location"])
        status, _, content = self.request("PUT", f"{location}{'&' if '?' in location else '?'}digest={digest}")
        if status != 201:
            raise PushError(f"PUT blob {repository}: {status} {content[:200]!r}")

    @staticmethod
    def _path(location: str) -> str:
        parts = urlsplit(location)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def put_manifest(self, repository: str, reference: str, body: bytes, kind: str = MANIFEST) -> str:
        """Puts a manifest or an index; returns its digest. Only 201 counts."""
        status, _, content = self.request("PUT", f"/v2/{repository}/manifests/{reference}", body, kind)
        if status != 201:
            raise PushError(f"PUT manifest {repository}:{reference}: {status} {content[:300]!r}")
        return sha256(body)

    def push_blobs(self, repository: str, image: Image, mount_from: str = "") -> None:
        """All blobs of an image."""
        for data in (*image.layers, image.config):
            self.push_blob(repository, data, mount_from)

    def push(self, repository: str, reference: str, image: Image, mount_from: str = "") -> str:
        """A whole image; returns the manifest's digest."""
        self.push_blobs(repository, image, mount_from)
        return self.put_manifest(repository, reference, image.manifest)

    def push_index(self, repository: str, tag: str, images: Iterable[Image], mount_from: str = "") -> str:
        """A multi-arch image: the children by digest, each only when HEAD says it is not there, then the index."""
        children: list[bytes] = []
        for image in images:
            manifest = image.manifest
            children.append(manifest)
            if self.request("HEAD", f"/v2/{repository}/manifests/{sha256(manifest)}")[0] != 200:
                self.push(repository, sha256(manifest), image, mount_from)
        return self.put_manifest(repository, tag, index(children), INDEX)

    def delete(self, repository: str, digest: str) -> None:
        """Deletes a manifest by digest, with its tags."""
        status, _, content = self.request("DELETE", f"/v2/{repository}/manifests/{digest}")
        if status not in (202, 404):
            raise PushError(f"DELETE {repository}@{digest}: {status} {content[:200]!r}")

    def pull(self, repository: str, digest: str, tag: str = "") -> list[Fault]:
        """Pulls everything behind a manifest and checks each digest; with `tag` also that the tag names it. Empty when all is well."""
        name = f"{repository}@{digest}"
        faults: list[Fault] = []
        if tag:
            status, _, body = self.request("GET", f"/v2/{repository}/manifests/{tag}")
            if status != 200:
                faults.append(Fault(f"{repository}:{tag} ({digest}): manifest {status}"))
            elif sha256(body) != digest:
                faults.append(Fault(f"{repository}:{tag}: is {sha256(body)} and was pushed as {digest}", corrupt=True))
        status, _, body = self.request("GET", f"/v2/{repository}/manifests/{digest}")
        if status != 200:
            return [*faults, Fault(f"{name}: manifest {status}")]
        if sha256(body) != digest:
            return [*faults, Fault(f"{name}: manifest is corrupt", corrupt=True)]
        document = json.loads(body)
        for child in document.get("manifests", ()):
            faults += self.pull(repository, child["digest"])
        for entry in [*document.get("layers", ()), *([document["config"]] if "config" in document else [])]:
            status, _, data = self.request("GET", f"/v2/{repository}/blobs/{entry['digest']}")
            if status != 200:
                faults.append(Fault(f"{name}: blob {entry['digest']} {status}"))
            elif sha256(data) != entry["digest"]:
                faults.append(Fault(f"{name}: blob {entry['digest']} is corrupt", corrupt=True))
        return faults
