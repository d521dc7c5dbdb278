"""A local S3 server: versitygw, built from its Go module, on a folder of this machine.

It runs as a process on this machine's address in Docker's default bridge. From there every container of this engine reaches it, whatever
network it is in, and no other machine does. (A container of its own would not be reachable: networks of one engine are kept apart, and a
stack's network exists only once the stack does.)
"""

import os
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from offline.kit import gobuild
from offline.servers.process import ServerProcess

ANSWER_SECONDS = 3.0
_HEALTH = "/local-server-health"


@dataclass(frozen=True)
class TlsFiles:
    """PEM files of a server that speaks HTTPS; `ca` is what its clients trust."""

    certificate: Path
    key: Path
    ca: Path


@dataclass
class S3Server:
    """One server with one account. Objects lie in `folder`/data, what S3 says about them beside it, so any file system will do."""

    folder: Path
    address: str
    port: int
    access_key_id: str
    secret_access_key: str = field(repr=False)
    tls: TlsFiles | None = None

    def __post_init__(self) -> None:
        self.process = ServerProcess("versitygw", self.folder)

    @property
    def endpoint(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address}:{self.port}"

    @property
    def data(self) -> Path:
        """Folder with a folder a bucket."""
        return self.folder / "data"

    def make_bucket(self, name: str) -> None:
        """Makes a bucket unless it is there. The server takes every folder for one."""
        (self.data / name).mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Starts it and returns when it answers. Raises KitError."""
        metadata = self.folder / "metadata"
        for made in (self.data, metadata):
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
        options = ["--port", f"{self.address}:{self.port}", "--health", _HEALTH]
        if self.tls:
            options += ["--cert", str(self.tls.certificate), "--key", str(self.tls.key)]
        # By environment: arguments can be seen by everybody on the machine.
        environment = {**os.environ, "ROOT_ACCESS_KEY": self.access_key_id, "ROOT_SECRET_KEY": self.secret_access_key}
        command = [gobuild.build(gobuild.S3_SERVER), *options, "posix", "--sidecar", metadata, self.data]
        self.process.start(command, environment, self._answers)

    def stop(self) -> bool:
        """Ends it in order; the objects stay. Returns whether it ran."""
        return self.process.stop()

    def kill(self) -> bool:
        """Ends it as a crash does. Returns whether it ran."""
        return self.process.kill()

    def _answers(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.tls.ca)) if self.tls else None
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if context:
            handlers.append(urllib.request.HTTPSHandler(context=context))
        try:
            with urllib.request.build_opener(*handlers).open(f"{self.endpoint}{_HEALTH}", timeout=ANSWER_SECONDS) as answer:
                return answer.status == 200
        except (TimeoutError, urllib.error.URLError, ConnectionError):
            return False
