"""A layer-4 balancer before the VMs, like a network load balancer: haproxy in TCP mode, TLS passes through, targets are asked over HTTPS.

It helps no more than the real one: a connection to a host that has just died fails, and nothing is tried again for the client. As there, a
target's connections are cut when it turns unhealthy, and a target that is taken out keeps the connections that it has.
"""

import csv
import io
import os
import shutil
import socket
from dataclasses import dataclass, field
from pathlib import Path

from offline.kit.errors import KitError
from offline.servers.process import ServerProcess
from tests.blackbox.waiting import wait_for
from tests.fleet.vm import Vm

SLOTS = 8
ANSWER_SECONDS = 5.0
_BACKEND = "hosts"
_CONFIG = """global
  stats socket {socket} mode 600 level admin
defaults
  mode tcp
  retries 0
  timeout connect 4s
  timeout check 4s
  timeout client 350s
  timeout server 350s
frontend registry
  bind {address}:{port}
  default_backend {backend}
backend {backend}
  balance roundrobin
  option httpchk
  http-check send meth GET uri /edge/ready ver HTTP/1.1 hdr Host {address}
  http-check expect status 200
  # A network load balancer does not check its targets' certificates either.
  default-server check check-ssl verify none inter {interval}s fall 2 rise 2 on-marked-down shutdown-sessions
  server-template slot 1-{slots} 127.0.0.1:9 disabled
"""


@dataclass
class Balancer:
    """One balancer on this machine's address in the VMs' network. `interval`: seconds between two questions to a target."""

    folder: Path
    address: str
    port: int
    interval: int = 2
    _targets: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.process = ServerProcess("haproxy", self.folder)

    @property
    def _socket(self) -> Path:
        return self.folder / "haproxy.sock"

    def start(self) -> None:
        """Starts it without targets. Raises KitError."""
        program = shutil.which("haproxy", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
        if program is None:
            raise KitError("haproxy is not installed: `make test` installs it")
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "haproxy.cfg"
        values = {"socket": self._socket, "address": self.address, "port": self.port, "backend": _BACKEND}
        config.write_text(_CONFIG.format(**values, interval=self.interval, slots=SLOTS))
        self.process.start([program, "-db", "-f", config], os.environ, self._answers)

    def stop(self) -> bool:
        """Ends it. Returns whether it ran."""
        return self.process.stop()

    def register(self, vm: Vm, port: int) -> None:
        """Makes a VM a target. It gets connections only when it has answered well twice."""
        slot = next(name for name in (f"slot{number}" for number in range(1, SLOTS + 1)) if name not in self._targets.values())
        self._targets[vm.name] = slot
        # haproxy takes a new server for healthy until it knows better, so it gets weight only once it has been called unhealthy.
        for command in (
            f"set server {_BACKEND}/{slot} addr {vm.address} port {port}",
            f"set server {_BACKEND}/{slot} weight 0",
            f"set server {_BACKEND}/{slot} state ready",
            f"set server {_BACKEND}/{slot} health down",
            f"set server {_BACKEND}/{slot} weight 1",
        ):
            self._command(command)

    def drain(self, vm: Vm) -> None:
        """Gives a VM no new connections any more."""
        self._command(f"set server {_BACKEND}/{self._targets[vm.name]} state drain")

    def deregister(self, vm: Vm) -> None:
        """Takes a VM out; connections that it still has are cut."""
        slot = self._targets.pop(vm.name)
        self._command(f"set server {_BACKEND}/{slot} state maint")
        self._command(f"shutdown sessions server {_BACKEND}/{slot}")

    def status(self, vm: Vm) -> str:
        """UP, DOWN, DRAIN, MAINT, with what haproxy adds: `DOWN 1/2` is on its way up."""
        return self._row(vm)["status"]

    def connections(self, vm: Vm) -> int:
        """Connections that a VM has right now."""
        return int(self._row(vm)["scur"])

    def wait_healthy(self, vm: Vm, seconds: float) -> None:
        """Waits until a VM gets connections."""
        vm.wait(f"healthy at the balancer (it is {self.status(vm)})", lambda: self.status(vm).partition(" ")[0] == "UP", seconds)

    def wait_unhealthy(self, vm: Vm, seconds: float = 30) -> None:
        """Waits until the balancer has noticed that a VM is gone."""
        wait_for(f"{vm.name} to be unhealthy at the balancer", lambda: self.status(vm).startswith("DOWN"), seconds=seconds)

    def _row(self, vm: Vm) -> dict[str, str]:
        rows = csv.DictReader(io.StringIO(self._command("show stat").removeprefix("# ")))
        slot = self._targets[vm.name]
        return next(row for row in rows if row["pxname"] == _BACKEND and row["svname"] == slot)

    def _command(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(ANSWER_SECONDS)
            channel.connect(str(self._socket))
            channel.sendall(f"{command}\n".encode())
            said = b""
            while piece := channel.recv(65536):
                said += piece
        text = said.decode(errors="replace")
        if command.startswith("set ") and text.strip() and "IP changed" not in text and "no need to change" not in text:
            raise KitError(f"haproxy on `{command}`: {text.strip()}")
        return text

    def _answers(self) -> bool:
        try:
            return "Name:" in self._command("show info")
        except OSError:
            return False
