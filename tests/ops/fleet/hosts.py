"""Several hosts on loopback, each with edge, replica, collector, sweeper and the main loop of ops; one storage and one Redis for all."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.fleet.agreement import Snapshot
from ops.redis import RedisError
from tests.ops.fleet.redis_server import LEASE, RedisServer, redis_server
from tests.ops.gc.client import Client, PushError
from tests.ops.gc.collecting import ops
from tests.ops.gc.fleet import Fleet, Options, until


@dataclass
class Host(Fleet):
    """One host. Its processes are those of a small registry; storage and Redis are not its own."""

    name: str = ""
    shared: Path = Path()
    lease_seconds: int = LEASE
    lease: str = "@ROOT@/gate/lease"

    @property
    def storage(self) -> Path:
        return self.shared

    def ops_json(self) -> Mapping[str, object]:
        """See Fleet."""
        base = dict(super().ops_json())
        redis = {"host": "127.0.0.1", "port": self.redis_port, "tls": False, "database": 1}
        fleet = {"host": self.name, "redis": redis, "leaseSeconds": self.lease_seconds}
        return {**base, "fleet": fleet}

    def names(self) -> list[str]:
        """See Fleet."""
        return [*(f"registry-{host}" for host in self.hosts), "edge", "collector", "sweeper", "ops"]

    def fenced(self) -> bool:
        """Whether its edge keeps writes out because it has no lease."""
        return (self.root / "run/fenced").exists()

    def takes_writes(self) -> bool:
        """Whether a write gets through to the registry."""
        try:
            return Client(self.edge_url, patience=0).request("POST", "/v2/probe/blobs/uploads/")[0] == 202
        except PushError:
            return False

    def answers_pulls(self) -> bool:
        """Whether reads go on."""
        return Client(self.edge_url, patience=0).request("GET", "/v2/")[0] == 200

    def run(self, *arguments: str, seconds: float = 120) -> "subprocess.CompletedProcess[str]":
        """`ops ...` in this host's container."""
        process = ops(self, *arguments)
        output, errors = process.communicate(timeout=seconds)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    def ops_log(self) -> str:
        """What its main loop said."""
        file = self.root / "log/ops.log"
        return file.read_text() if file.exists() else ""


@dataclass
class Cluster:
    """All of them."""

    root: Path
    server: RedisServer
    options: Options
    hosts: list[Host] = field(default_factory=list[Host])

    def add(self, *, lease_seconds: int = LEASE) -> Host:
        """One more host, not started."""
        name = f"host-{len(self.hosts)}"
        host = Host(
            self.root / name,
            self.options,
            redis_port=self.server.port,
            name=name,
            shared=self.root / "storage",
            lease_seconds=lease_seconds,
        )
        host.write()
        self.hosts.append(host)
        return host

    def start(self, *hosts: Host) -> None:
        """Starts hosts and waits until they take writes."""
        for host in hosts:
            host.start_all()
        for host in hosts:
            until(host.takes_writes, f"{host.name} takes writes", 60)

    def snapshot(self) -> Snapshot:
        """What they agree on."""
        watching = self.server.agreement("watching")
        try:
            return watching.read()
        finally:
            watching.close()

    def wait_open(self, seconds: float, *hosts: Host) -> float:
        """Waits until the gate is open and each host takes writes; returns after how many seconds that was."""
        started = time.monotonic()
        until(self.open, "the gate is open on record", seconds)
        for host in hosts or self.hosts:
            until(host.takes_writes, f"{host.name} takes writes again", seconds - (time.monotonic() - started))
        return time.monotonic() - started

    def open(self) -> bool:
        """Whether the gate is open on record."""
        try:
            record = self.snapshot().gate
        except RedisError:
            return False
        return record is not None and not record.closed

    def kill(self, host: Host) -> None:
        """The whole host dies."""
        for name in list(host.processes):
            with contextlib.suppress(ProcessLookupError):
                host.kill(name)

    def stop(self) -> None:
        """Ends everything, hard."""
        for host in self.hosts:
            host.stop_all()


@contextlib.contextmanager
def cluster(root: Path, count: int, options: Options | None = None) -> Iterator[Cluster]:
    """A fleet of so many hosts, all up, for the block."""
    (root / "storage").mkdir()
    with redis_server(root) as server:
        server.open_gate()
        made = Cluster(root, server, options or Options(replicas=1))
        try:
            made.start(*[made.add() for _ in range(count)])
            yield made
        finally:
            made.stop()
            shutil.rmtree(root / "storage", ignore_errors=True)
