"""The few calls to the Docker Engine API that the kit makes, over a Unix socket, TCP (with TLS) or ssh. Needs no `docker` command."""

import http.client
import ipaddress
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import quote, urlencode, urlsplit

from offline.kit.errors import KitError

DEFAULT_HOST = "unix:///var/run/docker.sock"
_PULL_SECONDS = 600.0
_ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Address:
    """Which engine: the same `host` and `sshOpts` that the Docker plugin is given."""

    host: str = DEFAULT_HOST
    ssh_options: tuple[str, ...] = ()

    @property
    def is_local_default(self) -> bool:
        """True for this machine's own engine, the only one that the kit may install or start."""
        return self.host in {DEFAULT_HOST, "unix:///run/docker.sock"}


class EngineUnreachableError(KitError):
    """No engine answered. `kind` says why: no socket, nobody listening, no permission, or anything else."""

    def __init__(self, message: str, kind: Literal["absent", "refused", "denied", "other"]) -> None:
        super().__init__(message)
        self.kind = kind


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connects to the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _SshConnection(http.client.HTTPConnection):
    """HTTP through `ssh <host> docker system dial-stdio`, the way the docker client itself does it."""

    def __init__(self, address: Address, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._address = address
        self._process: subprocess.Popen[bytes] | None = None

    def connect(self) -> None:
        """Starts ssh with one end of a socket pair as its input and output."""
        target = urlsplit(self._address.host)
        login = f"{target.username}@{target.hostname}" if target.username else str(target.hostname)
        port = ["-p", str(target.port)] if target.port else []
        ours, theirs = socket.socketpair()
        ours.settimeout(self.timeout)
        options = [*self._address.ssh_options, "-o", "BatchMode=yes", *port]
        command = ["ssh", *options, "--", login, "docker system dial-stdio"]
        with theirs:
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno())
        self.sock = ours

    def close(self) -> None:
        """Closes the connection and ends ssh."""
        super().close()
        if self._process:
            self._process.terminate()
            self._process.wait()


def _connection(address: Address, timeout: float) -> http.client.HTTPConnection:
    target = urlsplit(address.host)
    if target.scheme == "unix":
        return _UnixConnection(target.path, timeout)
    if target.scheme == "ssh":
        return _SshConnection(address, timeout)
    if target.scheme in {"tcp", "http", "https"} and target.hostname:
        folder = os.environ.get("DOCKER_CERT_PATH", str(Path.home() / ".docker"))
        if target.scheme == "https" or os.environ.get("DOCKER_TLS_VERIFY"):
            context = ssl.create_default_context(cafile=f"{folder}/ca.pem")
            context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
            return http.client.HTTPSConnection(target.hostname, target.port or 2376, timeout=timeout, context=context)
        return http.client.HTTPConnection(target.hostname, target.port or 2375, timeout=timeout)
    raise KitError(f"Docker host {address.host!r} is not understood; use unix://, tcp:// or ssh://")


def _unreachable(address: Address, error: OSError | http.client.HTTPException) -> EngineUnreachableError:
    if isinstance(error, FileNotFoundError):
        return EngineUnreachableError(f"no Docker engine at {address.host}: there is no such socket", "absent")
    if isinstance(error, ConnectionRefusedError):
        return EngineUnreachableError(f"no Docker engine answers at {address.host}", "refused")
    if isinstance(error, PermissionError):
        return EngineUnreachableError(f"no permission to talk to the Docker engine at {address.host}", "denied")
    return EngineUnreachableError(f"the Docker engine at {address.host} cannot be reached: {error or type(error).__name__}", "other")


class Engine:
    """One Docker engine. Every call raises EngineUnreachableError when it cannot be reached, and KitError when it refuses."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._version: str | None = None

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: IO[bytes] | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = _ANSWER_SECONDS,
    ) -> tuple[int, bytes, Mapping[str, str]]:
        connection = _connection(self.address, timeout)
        url = path + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(method, url, body=body, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.headers.items())
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(self.address, error) from error
        finally:
            connection.close()

    def ping(self) -> str:
        """Returns the newest API version that the engine speaks (`1.41`)."""
        status, body, headers = self._call("GET", "/_ping", timeout=10)
        if status != 200:
            raise EngineUnreachableError(f"the Docker engine at {self.address.host} answered {status}: {_text(body)}", "other")
        self._version = headers.get("Api-Version", "1.41")
        return self._version

    def _path(self, path: str) -> str:
        return f"/v{self._version or self.ping()}{path}"

    def identity(self) -> str:
        """A name for this engine that survives its restarts."""
        status, body, _ = self._call("GET", self._path("/info"))
        if status != 200:
            raise KitError(f"the Docker engine at {self.address.host} answered {status}: {_text(body)}")
        info: dict[str, Any] = json.loads(body)
        return str(info.get("ID") or info.get("Name"))

    def running_containers(self) -> int:
        """How many containers run on the engine."""
        status, body, _ = self._call("GET", self._path("/containers/json"))
        if status != 200:
            raise KitError(f"listing containers failed with {status}: {_text(body)}")
        return len(json.loads(body))

    def containers(self) -> list[dict[str, Any]]:
        """The running containers, with names, labels and published ports. One request: no version is asked for first."""
        status, body, _ = self._call("GET", "/containers/json")
        if status != 200:
            raise KitError(f"listing containers failed with {status}: {_text(body)}")
        found: list[dict[str, Any]] = json.loads(body)
        return found

    def container(self, name: str) -> dict[str, Any] | None:
        """The engine's `inspect` of a container, running or not; None where there is none of this name."""
        status, body, _ = self._call("GET", self._path(f"/containers/{quote(name)}/json"))
        if status == 404:
            return None
        if status != 200:
            raise KitError(f"looking at container {name} failed with {status}: {_text(body)}")
        found: dict[str, Any] = json.loads(body)
        return found

    def log(self, name: str, lines: int) -> str:
        """The last lines of a container's log, both streams."""
        query = [("stdout", "1"), ("stderr", "1"), ("tail", str(lines))]
        status, body, _ = self._call("GET", self._path(f"/containers/{quote(name)}/logs"), query=query)
        if status != 200:
            raise KitError(f"reading the log of container {name} failed with {status}: {_text(body)}")
        return _frames(body).decode(errors="replace")

    def host_name(self) -> str:
        """The name of the machine that the engine runs on."""
        status, body, _ = self._call("GET", self._path("/info"))
        if status != 200:
            raise KitError(f"the Docker engine at {self.address.host} answered {status}: {_text(body)}")
        info: dict[str, Any] = json.loads(body)
        return str(info.get("Name"))

    def bridge_address(self) -> str:
        """The engine's own address on its default network, where containers of all networks reach it. Raises KitError."""
        status, body, _ = self._call("GET", self._path("/networks/bridge"))
        if status != 200:
            raise KitError(f"the Docker engine has no default network (it answered {status}: {_text(body)})")
        configured: list[dict[str, str]] = json.loads(body)["IPAM"]["Config"]
        # The engine names the gateway only when it was configured; otherwise it takes the subnet's first address.
        return configured[0].get("Gateway") or str(next(ipaddress.ip_network(configured[0]["Subnet"]).hosts()))

    def has_image(self, name: str) -> bool:
        """Whether the engine has this image already."""
        status, body, _ = self._call("GET", self._path(f"/images/{quote(name)}/json"))
        if status in {200, 404}:
            return status == 200
        raise KitError(f"asking for image {name} failed with {status}: {_text(body)}")

    def image_with_label(self, label: str, repository: str) -> str | None:
        """The newest image that carries the label `key=value`, by its tag in `repository`, or None.

        People give images more tags, and push them elsewhere under those: such a name is not ours to use.
        """
        status, body, _ = self._call("GET", self._path("/images/json"), query=[("filters", json.dumps({"label": [label]}))])
        if status != 200:
            raise KitError(f"listing images failed with {status}: {_text(body)}")
        found: list[dict[str, Any]] = json.loads(body)
        for image in sorted(found, key=lambda entry: int(entry.get("Created", 0)), reverse=True):
            for tag in image.get("RepoTags") or []:
                if str(tag).startswith(f"{repository}:"):
                    return str(tag)
        return None

    def pull(self, name: str) -> str | None:
        """Pulls an image. Returns None when that worked, else the engine's reason."""
        try:
            status, body, _ = self._call("POST", self._path("/images/create"), query=_pull_query(name), timeout=_PULL_SECONDS)
        except EngineUnreachableError as error:
            return str(error)
        if status != 200:
            return _text(body)
        return _stream_error(body)

    def import_image(self, archive: Path, tag: str, changes: Iterable[str]) -> None:
        """Makes an image of a root file system in a tar file. `changes` are Dockerfile lines (`CMD [...]`, `LABEL ...`)."""
        repository, _, version = tag.rpartition(":")
        query = [("fromSrc", "-"), ("repo", repository), ("tag", version), *(("changes", change) for change in changes)]
        with archive.open("rb") as content:
            headers = {"Content-Type": "application/x-tar", "Content-Length": str(archive.stat().st_size)}
            status, body, _ = self._call(
                "POST", self._path("/images/create"), query=query, body=content, headers=headers, timeout=_PULL_SECONDS
            )
        problem = _text(body) if status != 200 else _stream_error(body)
        if problem:
            raise KitError(f"importing image {tag} failed: {problem}")

    def image_size(self, name: str) -> int:
        """Size of an image in bytes."""
        status, body, _ = self._call("GET", self._path(f"/images/{quote(name)}/json"))
        if status != 200:
            raise KitError(f"asking for image {name} failed with {status}: {_text(body)}")
        return int(json.loads(body)["Size"])


def _pull_query(name: str) -> list[tuple[str, str]]:
    if "@" in name:
        return [("fromImage", name)]
    head, colon, tag = name.rpartition(":")
    # A colon before a slash belongs to a registry's port, not to a tag; without a tag the engine would pull every tag there is.
    if not colon or "/" in tag:
        return [("fromImage", name), ("tag", "latest")]
    return [("fromImage", head), ("tag", tag)]


def _text(body: bytes) -> str:
    """The engine's message out of an error body."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace").strip()


def _frames(body: bytes) -> bytes:
    """A log without the headers of its frames: stream, three zeros, length in four bytes (Docker Engine API, ContainerAttach)."""
    parts: list[bytes] = []
    while len(body) >= 8:
        end = 8 + int.from_bytes(body[4:8])
        parts.append(body[8:end])
        body = body[end:]
    return b"".join(parts)


def _stream_error(body: bytes) -> str | None:
    """Pulls and imports answer 200 at once and report a failure inside the stream of JSON lines."""
    for line in body.splitlines():
        if line.strip():
            entry: dict[str, Any] = json.loads(line)
            if "error" in entry:
                return str(entry["error"])
    return None
