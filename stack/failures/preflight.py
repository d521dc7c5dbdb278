"""What can be found on the Docker host before pulumi creates anything. Looks only; the settings are checked by the program."""

import errno
import shutil
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from offline.kit import engine_start
from offline.kit.engine_api import Address, Engine, EngineUnreachableError
from offline.kit.errors import KitError
from offline.kit.progress import warn
from offline.kit.stack_file import PREFIX, wishes
from stack.failures import ports
from stack.failures.ports import Published

_ALL = "0.0.0.0"  # noqa: S104 - the default of docker.bindAddress
_HTTPS = 443


def unreachable(address: Address, error: EngineUnreachableError) -> str:
    """Why the engine cannot be used, and what to do."""
    if address.is_local_default or error.kind == "denied":
        return engine_start.advice(error, installed=shutil.which("dockerd") is not None)
    return f"{error}. Start Docker there, or check {PREFIX}docker.host and DOCKER_HOST"


def published(text: str) -> list[Published]:
    """The ports that a stack file publishes. A value of the wrong kind is left out: the program reports it."""
    config: Mapping[str, Any] = (yaml.safe_load(text) or {}).get("config") or {}
    docker = config.get(f"{PREFIX}docker")
    address = docker.get("bindAddress", _ALL) if isinstance(docker, dict) else _ALL
    wanted = [(f"{PREFIX}port", config.get(f"{PREFIX}port", _HTTPS)), (f"{PREFIX}redirectPort", config.get(f"{PREFIX}redirectPort"))]
    found: list[Published] = []
    for key, value in wanted:
        port = int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0
        if 0 < port < 65536 and _is_address(address):
            found.append(Published(key, port, str(address)))
    return found


def prefix(text: str, stack: str) -> str:
    """What the names of the stack's containers begin with."""
    name = ((yaml.safe_load(text) or {}).get("config") or {}).get(f"{PREFIX}name")
    return str(name or f"registry-{stack}")


def problems(text: str, stack: str, environment: Mapping[str, str]) -> list[str]:
    """The ports that are taken, one sentence each with the remedy. Raises KitError where the engine cannot be used."""
    wished = wishes(text, environment)
    if wished.platform != "docker":
        return []
    engine = Engine(wished.address)
    try:
        running = engine.containers()
    except EngineUnreachableError as error:
        raise KitError(unreachable(wished.address, error)) from error
    mine = prefix(text, stack)
    found: list[str] = []
    for wanted in published(text):
        holder = ports.holder(wanted, running)
        if holder is None:
            found += _on_this_machine(wanted, engine)
        elif holder.stack != mine:
            found.append(_taken(wanted, str(holder)))
    return found


def check(text: str, stack: str, environment: Mapping[str, str], *, refuse: bool) -> None:
    """Raises KitError with all problems at once where `refuse` (`make up`), else warns of them (`make preview`)."""
    found = problems(text, stack, environment)
    if found and refuse:
        raise KitError("\n       ".join([*found, "nothing was created or changed"]))
    for problem in found:
        warn(f"make up would be refused: {problem}")


def _on_this_machine(wanted: Published, engine: Engine) -> Sequence[str]:
    if not engine.address.host.startswith("unix://"):
        # The ports are another machine's: what else listens there shows when the container starts.
        return []
    number = ports.bind_problem(wanted.address, wanted.port)
    if number == errno.EACCES and ports.listens(wanted.port):
        # Low ports are root's; only the kernel's table can be asked.
        number = errno.EADDRINUSE
    # In a container that was given the host's socket, this machine is not the engine's.
    if number not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL} or engine.host_name() != socket.gethostname():
        return []
    if number == errno.EADDRNOTAVAIL:
        key = f"{PREFIX}docker.bindAddress"
        return [f"{key} = {wanted.address}: this machine has no such address. Set it to one of `ip address`, or leave it out for all"]
    return [_taken(wanted, ports.program_on(wanted.port) or "a program on this machine")]


def _taken(wanted: Published, who: str) -> str:
    on = f" on {wanted.address}" if wanted.address != _ALL else ""
    show = "" if "container " in who else f" (`ss -ltnp 'sport = :{wanted.port}'` shows it)"
    return f"{wanted.key} = {wanted.port}: the port is in use{on}, held by {who}{show}. Stop that, or set {wanted.key} to another port"


def _is_address(value: object) -> bool:
    try:
        ports.overlap(str(value), _ALL)
    except ValueError:
        return False
    return True
