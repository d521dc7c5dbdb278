"""A real Redis for the hosts of a test."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ops.fleet.agreement import Agreement
from ops.redis import Redis, RedisError
from ops.settings import FleetSettings, RedisAddress
from tests.bundle.specs import SNAPSHOT_VALUES
from tests.ops.gc.fleet import until
from tests.ports import free_port

PASSWORD = SNAPSHOT_VALUES.redis_password
LEASE = 6


@dataclass
class RedisServer:
    """One redis-server process, without a disk: what is not in its memory is lost."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    _process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Starts it and waits until it answers."""
        command = [
            "redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--requirepass", PASSWORD, "--save", "", "--appendonly", "no",
            "--dir", str(self.folder), *self.options,
        ]  # fmt: skip
        assert shutil.which(command[0]), "not on this machine: redis-server; `make test` installs what tests need"
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        until(self.answers, "redis answers", 60)

    def answers(self) -> bool:
        """Whether it does."""
        try:
            with self.client() as client:
                client.ping()
        except RedisError:
            return False
        return True

    def stop(self) -> None:
        """kill -9: everything in it is lost."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Loses everything."""
        self.stop()
        self.start()

    def client(self, database: int = 1) -> Redis:
        """A connection for looking."""
        return Redis("127.0.0.1", self.port, PASSWORD, database=database)

    def settings(self, host: str, lease: int = LEASE) -> FleetSettings:
        """A host's."""
        return FleetSettings(host, RedisAddress("127.0.0.1", self.port, database=1), lease, RedisAddress("127.0.0.1", self.port))

    def agreement(self, host: str, lease: int = LEASE) -> Agreement:
        """A host's connection."""
        return Agreement(self.settings(host, lease), PASSWORD)

    def age(self, seconds: float) -> None:
        """As if the server had been there for so much longer."""
        self.agreement("ages").read()
        with self.client() as client:
            born = client.command("HGET", "fleet:agreement", "born")
            assert isinstance(born, bytes)
            run, _, since = born.decode().partition(" ")
            client.command("HSET", "fleet:agreement", "born", f"{run} {int(since) - round(seconds * 1_000_000)}")

    def fill(self) -> None:
        """The registry's cache takes all the memory that there is, and nothing may go by itself."""
        with self.client(0) as client:
            client.command("CONFIG", "SET", "maxmemory", 0)
            for name in range(500):
                client.command("SET", f"blob-{name}", "x" * 10_000)
            client.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
            client.command("CONFIG", "SET", "maxmemory", "4mb")

    def fail_over(self) -> None:
        """As if another server had taken over, with what the data says now."""
        with self.client() as client:
            client.command("HSET", "fleet:agreement", "born", "0123 1000000")

    def lost(self, host: str, seconds: float) -> None:
        """As if a host's last heartbeat had been so much earlier."""
        with self.client() as client:
            seen = client.command("HGET", "fleet:agreement", f"seen:{host}")
            assert isinstance(seen, bytes)
            at, _, lease = seen.decode().partition(" ")
            client.command("HSET", "fleet:agreement", f"seen:{host}", f"{int(at) - round(seconds * 1_000_000)} {lease}")

    def end_lock(self) -> None:
        """As if the lease of the lock's holder was over."""
        with self.client() as client:
            client.command("HSET", "fleet:agreement", "lock.until", 0)

    def open_gate(self) -> None:
        """As a fleet has it that was up before."""
        self.age(600)
        now = round(time.time() * 1_000_000)
        fields = {"epoch": now, "state": "open", "token": "", "reason": "", "since": now, "until": 0}
        with self.client() as client:
            client.command("HSET", "fleet:agreement", *(word for name, value in fields.items() for word in (f"gate.{name}", value)))


@contextlib.contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server for the block."""
    server = RedisServer(folder, options=options)
    server.start()
    try:
        yield server
    finally:
        server.stop()
