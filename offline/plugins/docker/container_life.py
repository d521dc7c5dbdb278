"""Starting a container and waiting until it works, with the reason when it does not."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from offline.plugins.docker.client import Engine
from offline.plugins.docker.engine_errors import EngineRefusedError
from offline.plugins.docker.redaction import hide_secrets
from offline.plugins.framework.resource import ResourceError

_POLL_SECONDS = 0.25
_LOG_LINES = 5
_LONGEST_QUOTE = 600
_NO_NETWORK = re.compile(r"network (\S+) not found")
_PORT_TAKEN = re.compile(r"(?:Bind for |listen \w+ )\[?([0-9a-fA-F.:]*?)\]?:(\d+)(?::| failed)")

Settings = Mapping[str, Any]


def start(engine: Engine, container_id: str, settings: Settings) -> None:
    """Start a container. Raises ResourceError that says why it does not start, and who holds a port that it wants."""
    name = settings["name"]
    try:
        with engine.asked(f"start container {name!r}") as api:
            api.start(container_id)
    except EngineRefusedError as error:
        raise ResourceError(_start_failure(engine, container_id, settings, error.explanation)) from error


def _start_failure(engine: Engine, container_id: str, settings: Settings, explanation: str) -> str:
    begin = f"container {settings['name']!r} does not start:"
    if "port is already allocated" in explanation or "address already in use" in explanation:
        return f"{begin} {_port_failure(engine, container_id, explanation)}"
    missing = _NO_NETWORK.search(explanation)
    if missing:
        return f"{begin} there is no network {missing[1]!r}; create it first, or check networksAdvanced"
    explanation = hide_secrets(explanation, settings)
    if "executable file not found" in explanation or "no such file or directory: unknown" in explanation:
        return (
            f"{begin} its image {settings['image']!r} does not have the program it should run. "
            f"Check command and entrypoints. (The engine said: {explanation})"
        )
    if "permission denied: unknown" in explanation:
        return f"{begin} the program it should run is not executable. Check command, entrypoints and user. (The engine said: {explanation})"
    return f"{begin} {explanation}"


def _port_failure(engine: Engine, container_id: str, explanation: str) -> str:
    found = _PORT_TAKEN.search(explanation)
    if found is None:
        return f"a port that it publishes is in use. (The engine said: {explanation})"
    address, port = found[1] or "all addresses", int(found[2])
    holder = _port_holder(engine, port, container_id)
    if holder:
        return f"port {port} on {address} of the engine's host is held by container {holder!r}. Stop that one, or publish another port"
    return (
        f"port {port} on {address} of the engine's host is in use by a program outside Docker. Stop it, or publish another port; "
        f"on that host `ss -ltnp 'sport = :{port}'` shows which program it is"
    )


def _port_holder(engine: Engine, port: int, but: str) -> str:
    """The name of the running container that publishes a port, other than the one with id `but`; empty when none does."""
    with engine.asked("list containers") as api:
        running: Sequence[Mapping[str, Any]] = api.containers()
    for container in running:
        if container["Id"] != but and any(entry.get("PublicPort") == port for entry in container["Ports"]):
            return container["Names"][0].lstrip("/")
    return ""


def wait_until_healthy(engine: Engine, container_id: str, settings: Settings, cancelled: threading.Event) -> None:
    """Wait up to `waitTimeout` seconds for a healthy container.

    Raises ResourceError when it has no health check, exits for good, is still not healthy at the end, or the user interrupts.
    """
    name, seconds = settings["name"], settings["waitTimeout"]
    end = time.monotonic() + seconds
    while True:
        inspect = look(engine, container_id, name)
        state = inspect["State"]
        health = state.get("Health")
        if health is not None and health["Status"] == "healthy":
            return
        if not state["Running"] and not _comes_back(state, settings):
            raise ResourceError(exit_failure(engine, container_id, settings, state["ExitCode"]))
        if health is None and state["Running"]:
            raise ResourceError(
                f"container {name!r} has no health check, so `wait` would never end: give it a healthcheck, or leave out wait"
            )
        if time.monotonic() >= end:
            raise ResourceError(_unhealthy(engine, container_id, settings, health or {}))
        if cancelled.wait(_POLL_SECONDS):
            raise ResourceError(f"container {name!r}: interrupted while it was becoming healthy; the next update replaces it")


def look(engine: Engine, container_id: str, name: str) -> dict[str, Any]:
    """The engine's `inspect` of a container."""
    with engine.asked(f"look at container {name!r}") as api:
        return api.inspect_container(container_id)


def _comes_back(state: Mapping[str, Any], settings: Settings) -> bool:
    return bool(state.get("Restarting")) or settings["restart"] in ("always", "unless-stopped")


def exit_failure(engine: Engine, container_id: str, settings: Settings, code: int) -> str:
    """What to tell the user about a container that stopped right after its start."""
    return f"container {settings['name']!r} stopped with exit code {code}{_log_tail(engine, container_id, settings)}"


def _unhealthy(engine: Engine, container_id: str, settings: Settings, health: Mapping[str, Any]) -> str:
    status = health.get("Status", "not running")
    results = health.get("Log") or []
    message = f"container {settings['name']!r} is not healthy after {settings['waitTimeout']} s (status: {status})"
    if results:
        output = _quote(results[-1].get("Output", ""), settings) or "nothing"
        message += f"; its last health check ended with code {results[-1]['ExitCode']} and said: {output}"
    else:
        message += "; no health check has ended yet"
    return message + _log_tail(engine, container_id, settings) + ". The container is kept for inspection; the next update replaces it"


def _log_tail(engine: Engine, container_id: str, settings: Settings) -> str:
    try:
        with engine.asked(f"read the log of container {settings['name']!r}") as api:
            log: bytes = api.logs(container_id, tail=_LOG_LINES)
    except ResourceError:
        return ""  # a log driver that keeps nothing to read; the message is worth having without it
    text = _quote(log.decode(errors="replace"), settings)
    return f"; its log ends with: {text}" if text else "; its log is empty"


def _quote(text: str, settings: Settings) -> str:
    """The end of some output on one line, secrets hidden before it is cut."""
    lines = [line.strip() for line in hide_secrets(text, settings).splitlines() if line.strip()]
    joined = " | ".join(lines[-_LOG_LINES:])
    return joined if len(joined) <= _LONGEST_QUOTE else "..." + joined[-_LONGEST_QUOTE:]
