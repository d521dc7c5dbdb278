"""A managed Redis as the hosts of a fleet see it: a real redis-server with TLS by a CA of its own, and a password."""

import os
import secrets
import shutil
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from offline.kit.errors import KitError
from offline.servers.process import ServerProcess
from tests.certificates import Pair, make_pair

ANSWER_SECONDS = 3.0


@dataclass
class RedisServer:
    """One server without a disk. `ca` has issued its certificate."""

    folder: Path
    address: str
    port: int
    ca: Pair
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def __post_init__(self) -> None:
        self.process = ServerProcess("redis-server", self.folder)

    def start(self) -> None:
        """Starts it and returns when it answers. Raises KitError."""
        program = shutil.which("redis-server", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
        if program is None:
            raise KitError("redis-server is not installed: `make test` installs it")
        self.folder.mkdir(parents=True, exist_ok=True)
        pair = make_pair(self.address, ca=self.ca)
        for name, text in (("redis.crt", pair.certificate), ("redis.key", pair.key), ("ca.crt", self.ca.certificate)):
            (self.folder / name).write_text(text)
        lines = (
            f"bind {self.address}",
            "port 0",
            f"tls-port {self.port}",
            f"tls-cert-file {self.folder / 'redis.crt'}",
            f"tls-key-file {self.folder / 'redis.key'}",
            f"tls-ca-cert-file {self.folder / 'ca.crt'}",
            "tls-auth-clients no",
            f"requirepass {self.password}",
            'save ""',
            "appendonly no",
            f"dir {self.folder}",
            # ServerProcess knows it by its command line.
            "set-proc-title no",
        )
        config = self.folder / "redis.conf"
        config.touch(mode=0o600)
        config.write_text("\n".join(lines) + "\n")
        self.process.start([program, config], os.environ, self._answers)

    def stop(self) -> bool:
        """Ends it. Returns whether it ran."""
        return self.process.stop()

    def ask(self, *words: str) -> str:
        """One command as an account that knows the password; the answer's first 4 KiB as Redis sends them."""
        context = ssl.create_default_context(cadata=self.ca.certificate)
        with (
            socket.create_connection((self.address, self.port), timeout=ANSWER_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=self.address) as connection,
        ):
            connection.sendall(_encoded("AUTH", self.password))
            answer = connection.recv(4096).decode(errors="replace")
            assert answer.startswith("+OK"), answer
            connection.sendall(_encoded(*words))
            return connection.recv(4096).decode(errors="replace")

    def _answers(self) -> bool:
        try:
            return self.ask("PING").startswith("+PONG")
        except OSError:
            return False


def _encoded(*words: str) -> bytes:
    return f"*{len(words)}\r\n".encode() + b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
