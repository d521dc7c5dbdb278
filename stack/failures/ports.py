"""Who holds a port: on this machine, and among the containers of an engine. Changes nothing, takes milliseconds."""

import errno
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LISTENING = "0A"
_PROC = Path("/proc")


@dataclass(frozen=True)
class Published:
    """A port that the stack publishes: the key that says so, and the address of the Docker host."""

    key: str
    port: int
    address: str


@dataclass(frozen=True)
class Holder:
    """A running container that publishes a port already."""

    container: str
    stack: str
    """The prefix of the private registry that it belongs to; empty for containers of others."""

    def __str__(self) -> str:
        whose = f" of the private registry {self.stack}" if self.stack else ""
        return f"container {self.container}{whose}"


def overlap(one: str, other: str) -> bool:
    """Whether two addresses cannot both be listened on. `0.0.0.0` and `::` are all addresses; Docker's `::` takes no IPv4."""
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    return first.version == second.version and (first == second or first.is_unspecified or second.is_unspecified)


def holder(wanted: Published, containers: Iterable[Mapping[str, Any]]) -> Holder | None:
    """The container that publishes the port, of the engine's list of running containers; None where there is none."""
    for container in containers:
        for entry in container.get("Ports") or []:
            # Without an address it is the engine's default, all of IPv4.
            if (
                entry.get("PublicPort") == wanted.port
                and entry.get("Type", "tcp") == "tcp"
                and overlap(entry.get("IP") or "0.0.0.0", wanted.address)  # noqa: S104
            ):
                # Local import: the bundle's model takes a moment to load, and most ports are free.
                from bundle.model import STACK_LABEL  # noqa: PLC0415

                return Holder(str(container["Names"][0]).lstrip("/"), str((container.get("Labels") or {}).get(STACK_LABEL, "")))
    return None


def bind_problem(address: str, port: int) -> int:
    """The error number of trying to listen there on this machine; 0 where it can be done. The socket is closed at once."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as trial:
            # As dockerd does: connections of a listener that is gone are no obstacle.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            trial.bind((address, port))
            trial.listen(1)
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0


def program_on(port: int, proc: Path = _PROC) -> str:
    """The program that listens on a port of this machine, as `name (process 12)`; empty where that cannot be told."""
    sockets = {f"socket:[{number}]" for number in _listeners(port, proc)}
    if not sockets:
        return ""
    for process in proc.glob("[0-9]*"):
        try:
            if any(str(entry.readlink()) in sockets for entry in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text(encoding='utf-8').strip()} (process {process.name})"
        except OSError:
            # It belongs to another user, or has ended meanwhile.
            continue
    return ""


def listens(port: int, proc: Path = _PROC) -> bool:
    """Whether anything listens on a port of this machine, as far as the kernel's tables say."""
    return bool(_listeners(port, proc))


def _listeners(port: int, proc: Path) -> set[str]:
    """The numbers of the sockets that listen on a port. The tables' form: proc(5), /proc/net/tcp."""
    found: set[str] = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="utf-8").splitlines()[1:]
        except OSError:
            # No such table: another system, or no IPv6.
            continue
        for words in map(str.split, lines):
            if words[3] == _LISTENING and int(words[1].rpartition(":")[2], 16) == port:
                found.add(words[9])
    return found
