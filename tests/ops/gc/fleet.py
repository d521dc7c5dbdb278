"""A small real registry on loopback: replicas, edge, Redis, collector and sweeper as processes, with the bundle's own files.

Only places and addresses differ from the deployment: folders below a temporary root, 127.0.0.x and free ports instead of containers.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from bundle import edge
from bundle.model import Cache, RegistryMajor
from bundle.registry_config import registry_config
from bundle.templates import render
from ops import settings as ops_settings
from ops.api import Registry
from ops.gc import setup
from ops.gc.run import Parts, Timing
from ops.settings import Places
from tests.bundle.specs import DEFAULT, SNAPSHOT_VALUES
from tests.ops.gc import binaries
from tests.ports import free_port

FAST = Timing(attempt_pause=0.5, attempts=8)
GRACE = 600
"""Seconds. Far longer than any test takes on any machine: tests let time pass with `age` (tests/ops/gc/collecting.py)."""


@dataclass
class Options:
    """What kind of registry, and the settings of the collection in seconds."""

    major: int = 3
    cache: str = "redis"
    replicas: int = 2
    blob_grace: int = GRACE
    untagged_grace: int = 3 * GRACE
    quarantine_days: int = 7
    max_gate: int = 30
    undo_days: int = 0
    """0: untagged manifests go without the recycle bin, so that their blobs follow at once."""


@dataclass
class Fleet:
    """The running processes."""

    root: Path
    options: Options
    port: int = field(default_factory=free_port)
    registry_port: int = field(default_factory=free_port)
    debug_port: int = field(default_factory=free_port)
    redis_port: int = field(default_factory=free_port)
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    lease: str = ""
    """The file without which the edge takes no writes, where this is one host of several (tests/ops/fleet/hosts.py)."""

    @property
    def places(self) -> Places:
        return Places(self.root)

    @property
    def edge_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def hosts(self) -> list[str]:
        return [f"127.0.0.{number}" for number in range(1, self.options.replicas + 1)]

    @property
    def storage(self) -> Path:
        return self.root / "storage"

    def blob(self, digest: str) -> Path:
        """Where a blob's data lies on disk."""
        value = digest.partition(":")[2]
        return self.storage / "docker/registry/v2/blobs/sha256" / value[:2] / value / "data"

    # Files.

    def write(self) -> None:
        """Writes every file that the processes read."""
        for folder in (
            "bin",
            "etc/ops",
            "var/lib/ops",
            "gate",
            "journal",
            "spool/collector",
            "spool/sweeper",
            "storage",
            "edge",
            "run",
            "log",
        ):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        binary = binaries.registry(self.options.major)
        assert binary
        (self.root / "bin/registry").symlink_to(binary)
        getent = self.root / "bin/getent"
        getent.write_text('#!/bin/sh\nshift\nfor name; do echo "$name $name"; done\n')
        getent.chmod(0o755)
        for host in self.hosts:
            (self.root / f"registry-{host}.yml").write_text(self._registry_config(host))
        self._write_edge()
        spool = self.root / "spool"
        collector = render("collector.sh.j2", spool=str(spool / "collector"), config=str(self.root / f"registry-{self.hosts[0]}.yml"))
        (self.root / "collector.sh").write_text(collector)
        (self.root / "rclone.conf").write_text(f"[storage]\ntype = alias\nremote = {self.storage}\n")
        blobs = self.storage / "docker/registry/v2/blobs/sha256"
        sweeper = render(
            "sweeper.sh.j2", spool=str(spool / "sweeper"), remote="storage:", local_blobs=str(blobs), config=str(self.root / "rclone.conf")
        )
        (self.root / "sweeper.sh").write_text(sweeper)
        (self.root / "etc/ops/ops.json").write_text(json.dumps(self.ops_json()))
        (self.root / "etc/ops/redis-password").write_text(SNAPSHOT_VALUES.redis_password)
        (self.root / "etc/ops/account").write_text("ops:not-checked-here")

    def ops_json(self) -> Mapping[str, object]:
        """The settings that the bundle would render."""
        return {
            "replicas": [f"http://{host}:{self.registry_port}" for host in self.hosts],
            "debug": [f"http://{host}:{self.debug_port}" for host in self.hosts],
            "registryMajor": self.options.major,
            "storage": {"driver": "filesystem", "root": str(self.storage)},
            "cache": self.options.cache,
            "redis": {"host": "127.0.0.1", "port": self.redis_port} if self.options.cache == "redis" else None,
            "gc": {
                "blobGraceSeconds": self.options.blob_grace,
                "untaggedGraceSeconds": self.options.untagged_grace,
                "quarantineDays": self.options.quarantine_days,
                "maxGateSeconds": self.options.max_gate,
            },
            "retention": {"undoDays": self.options.undo_days},
        }

    def _registry_config(self, host: str) -> str:
        storage = replace(DEFAULT.storage, parameters={**DEFAULT.storage.parameters, "rootdirectory": str(self.storage)})
        spec = replace(DEFAULT, registry_major=RegistryMajor(self.options.major), cache=Cache(self.options.cache), storage=storage)
        config = registry_config(spec, SNAPSHOT_VALUES)
        # Without accounts: bcrypt would take most of a small machine's time.
        del config["auth"]
        http = config["http"]
        assert isinstance(http, dict)
        http["addr"] = f"{host}:{self.registry_port}"
        http["debug"]["addr"] = f"{host}:{self.debug_port}"
        text = yaml.safe_dump(config)
        return text.replace("redis:6379", f"127.0.0.1:{self.redis_port}")

    def _write_edge(self) -> None:
        folder, run = self.root / "edge", self.root / "run"
        journal, alerts = "@ROOT@/journal/journal.log", "@ROOT@/run/alerts"
        conf = render(
            "nginx.conf.j2",
            tls_port=self.port,
            redirect_port=None,
            status_port=free_port(),
            public_port_suffix="",
            hsts=False,
            ciphers=":".join(edge.CIPHERS),
            gate_file="@ROOT@/gate/closed",
            retry_after=1,
            journal=journal,
            alerts=alerts,
            fence_file="@ROOT@/run/fenced" if self.lease else "",
        )
        lines = [line for line in conf.splitlines() if not line.strip().startswith("ssl_")]
        conf = "\n".join(lines).replace(f"listen {self.port} ssl;", f"listen 127.0.0.1:{self.port};")
        conf = conf.replace("access_log /dev/stdout json;", "").replace("/tmp/edge", "@ROOT@/run").replace(" /tmp/", " @ROOT@/run/")
        # Started by root, nginx would give its workers another user, who can't see the gate's file.
        conf = "user root;\n" + conf.replace("@ROOT@", str(self.root))
        (folder / "nginx.conf").write_text(conf.replace("X-Forwarded-Proto https", "X-Forwarded-Proto http") + "\n")
        (folder / "replicas").write_text("".join(f"{host}\n" for host in self.hosts))
        (folder / ".version").write_text("1")
        script = render("edge.sh.j2", replica_port=self.registry_port, journal=journal, alerts=alerts, lease=self.lease)
        script = script.replace("@ROOT@", str(self.root))
        (folder / "run.sh").write_text(script.replace("FILES=/etc/edge", f"FILES={folder}").replace("RUN=/tmp/edge", f"RUN={run}"))

    # Processes.

    def start(self, name: str) -> None:
        """Starts one service: redis, registry-<host>, edge, collector or sweeper."""
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", "OTEL_TRACES_EXPORTER": "none"}
        if name == "redis":
            command = [
                "redis-server", "--bind", "127.0.0.1", "--port", str(self.redis_port), "--requirepass", SNAPSHOT_VALUES.redis_password,
                "--save", "", "--appendonly", "no", "--dir", str(self.root / "run"),
            ]  # fmt: skip
        elif name.startswith("registry-"):
            command = [str(self.root / "bin/registry"), "serve", str(self.root / f"{name}.yml")]
        elif name == "edge":
            command = ["sh", str(self.root / "edge/run.sh")]
        elif name == "ops":
            command = [sys.executable, "-m", "ops", "schedule"]
            environment |= {"OPS_ROOT": str(self.root), "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
            environment |= {"TMPDIR": str(self.root / "run")}
        else:
            command = ["sh", str(self.root / f"{name}.sh")]
        with (self.root / f"log/{name}.log").open("ab") as file:
            self.processes[name] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM, seconds: float = 20) -> None:
        """Ends a service. SIGKILL goes to all its processes, the way a killed container loses all of them."""
        process = self.processes.pop(name)
        if number == signal.SIGKILL:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Holds a service up for the block, with all its processes."""
        group = self.processes[name].pid
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def kill(self, name: str) -> None:
        """kill -9."""
        self.stop(name, signal.SIGKILL)

    def names(self) -> list[str]:
        """Every service of this fleet."""
        cache = ["redis"] if self.options.cache == "redis" else []
        return [*cache, *(f"registry-{host}" for host in self.hosts), "edge", "collector", "sweeper"]

    def start_all(self) -> None:
        """Starts everything and waits until the edge answers."""
        for name in self.names():
            self.start(name)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Waits until pushes can work: every replica and the edge answer."""
        for url in [*(f"http://{host}:{self.registry_port}/v2/" for host in self.hosts), f"{self.edge_url}/v2/"]:
            until(lambda url=url: answers(url), f"{url} answers", 60)

    def stop_all(self) -> None:
        """Ends everything, hard."""
        for name in list(self.processes):
            with contextlib.suppress(ProcessLookupError):
                self.kill(name)

    # The collection.

    def registry(self) -> Registry:
        """The registry as ops sees it: past the edge."""
        return Registry([f"http://{host}:{self.registry_port}" for host in self.hosts], None, workers=4)

    def parts(self, registry: Registry, timing: Timing = FAST, step: Callable[[str], None] | None = None) -> Parts:
        """What `GarbageCollection` works with."""
        parts = setup.parts(ops_settings.parse(self.ops_json()), self.places, registry)
        parts.timing = timing
        if step:
            parts.step = step
        return parts


def answers(url: str) -> bool:
    """Whether a server answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Waits for a condition; AssertionError when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def running(root: Path, options: Options | None = None) -> Iterator[Fleet]:
    """A fleet for the block."""
    fleet = Fleet(root / f"fleet-{secrets.token_hex(3)}", options or Options())
    fleet.write()
    try:
        fleet.start_all()
        yield fleet
    finally:
        fleet.stop_all()
        shutil.rmtree(fleet.storage, ignore_errors=True)
