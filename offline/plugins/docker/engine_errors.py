"""What the engine's refusals and silences mean to the user. Pure."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from offline.plugins.framework.resource import ResourceError

_KNOWN: tuple[tuple[type[BaseException], str, str], ...] = (
    (ssl.SSLError, "TLS failed ({0})", "Check caMaterial, certMaterial and keyMaterial of the provider"),
    (socket.gaierror, "its host name is unknown", "Check the spelling of the provider's host (or DOCKER_HOST)"),
    (FileNotFoundError, "there is no such socket", ""),
    (ConnectionRefusedError, "nobody listens there", ""),
    (TimeoutError, "no answer in time", "Check the address and firewalls, and that the engine works (`docker info`)"),
)

NOT_FOUND = 404
CONFLICT = 409


class EngineUnreachableError(ResourceError):
    """Nobody answers at the engine's address, or not in the way an engine does."""


class EngineRefusedError(ResourceError):
    """The engine answered, and said no."""

    def __init__(self, what: str, status: int, explanation: str) -> None:
        super().__init__(f"the Docker engine refused to {what}: {explanation.strip()}")
        self.status = status
        self.explanation = explanation.strip()


def unreachable_message(host: str, error: BaseException, ssh_complaint: str = "") -> str:
    """One sentence on why the engine at `host` cannot be used, and one on what to do."""
    if host.startswith("ssh://"):
        return f"the Docker engine at {host} is not reachable: {_ssh_reason(host, ssh_complaint, error)}"
    causes = list(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return (
            f"the Docker engine at {host} is not reachable: permission denied. "
            "Add your user to the group docker (`sudo usermod -aG docker $USER`, then log in again), or run this as root"
        )
    reason, remedy = _reason(causes)
    return f"the Docker engine at {host} is not reachable: {reason or _last_words(error)}. {remedy or _default_remedy(host)}"


def _reason(causes: list[BaseException]) -> tuple[str, str]:
    """Why, and what to do about it; empty where that is not known."""
    for kind, reason, remedy in _KNOWN:
        found = next((cause for cause in causes if isinstance(cause, kind)), None)
        if found is not None:
            return reason.format(found), remedy
    return "", ""


def _default_remedy(host: str) -> str:
    where = "on this machine" if host.startswith("unix://") else "on that machine"
    return (
        f"Start Docker {where} (`sudo systemctl start docker`, or `sudo dockerd`), "
        "or set the provider's host (or DOCKER_HOST) to an engine that runs"
    )


def _ssh_reason(host: str, complaint: str, error: BaseException) -> str:
    address = urlsplit(host)
    port = f"-p {address.port} " if address.port else ""
    by_hand = f"`ssh {port}{address.netloc.removesuffix(f':{address.port}')} docker version`"
    remedies = (
        ("resolve hostname", "Check the spelling of the host name"),
        ("Host key verification failed", "Connect once by hand and accept its host key"),
        ("Permission denied", "Give the user a key there that ssh uses without a question (ssh-agent, or sshOpts `-i <key>`)"),
        ("Connection refused", "Check the port, and that an SSH server runs there"),
        ("timed out", "Check the address and firewalls"),
        ("command not found", "Install Docker there"),
        ("permission denied while trying to connect", "Add that user to the group docker there"),
        ("Cannot connect to the Docker daemon", "Start Docker there (`sudo systemctl start docker`)"),
        ("cannot be started", "Install an SSH client on this machine (Debian: openssh-client)"),
    )
    remedy = next((remedy for mark, remedy in remedies if mark in complaint), "Find out why")
    return f"{(complaint or _last_words(error)).rstrip('.')}. {remedy}, and try {by_hand}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and everything that led to it; the HTTP libraries keep the operating system's errors among the arguments."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            waiting += [current.__cause__, current.__context__, *current.args, getattr(current, "reason", None)]


def _last_words(error: BaseException) -> str:
    return re.sub(r"<[^<>]*object at 0x[0-9a-f]+>:? ?", "", str(error)).strip() or type(error).__name__
