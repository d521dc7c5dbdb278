"""Asks the engine, after a failure, for what its explanation needs."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from offline.kit.engine_api import Engine, EngineUnreachableError
from offline.kit.errors import KitError
from offline.kit.stack_file import PREFIX, wishes
from stack.ci.event_log import Message
from stack.failures import ports, preflight
from stack.failures.explain import ContainerFacts, Facts, explain, ports_in, troubled

_LOG_LINES = 5
_LONGEST_QUOTE = 600


def explanations(config: Path, stack: str, messages: Sequence[Message]) -> list[str]:
    """What the errors of a run mean, each once. Empty for a stack that is not on Docker."""
    text = config.read_text(encoding="utf-8")
    wished = wishes(text, os.environ)
    if not messages or wished.platform != "docker":
        return []
    engine = Engine(wished.address)
    problem, containers, holders = "", {}, {}
    try:
        running = engine.containers()
        containers = {name: found for name in troubled(messages) if (found := _look(engine, name))}
        for port in ports_in(messages):
            wanted = next((one for one in preflight.published(text) if one.port == port), None)
            holder = ports.holder(wanted, running) if wanted else None
            program = ports.program_on(port) if wished.address.host.startswith("unix://") else ""
            if holder or program:
                holders[port] = str(holder or program)
    except EngineUnreachableError as error:
        problem = preflight.unreachable(wished.address, error)
    facts = Facts(
        stack=stack,
        host=wished.address.host,
        engine_problem=problem,
        containers=containers,
        images={image: f"{PREFIX}images.{role}" for role, image in wished.images.items()},
        ports={one.port: one.key for one in preflight.published(text)},
        holders=holders,
    )
    return explain(messages, facts)


def _look(engine: Engine, name: str) -> ContainerFacts | None:
    """What there is to say about a container; None where the engine has none of that name."""
    found = engine.container(name)
    if found is None:
        return None
    state: dict[str, Any] = found["State"]
    health: dict[str, Any] = state.get("Health") or {}
    checks = health.get("Log") or []
    try:
        log = engine.log(name, _LOG_LINES)
    except EngineUnreachableError:
        raise
    except KitError:
        # A log driver that keeps nothing to read; the rest is worth having without it.
        log = ""
    return ContainerFacts(
        status=str(state.get("Status", "")),
        exit_code=int(state.get("ExitCode") or 0),
        health=str(health.get("Status", "")),
        last_check=_quote(str(checks[-1].get("Output", "")), found) if checks else "",
        log=_quote(log, found),
        error=_quote(str(state.get("Error") or ""), found),
    )


def _quote(text: str, container: dict[str, Any]) -> str:
    """The end of some output on one line. Secrets are hidden before it is cut."""
    # Local import: needed after a failure only.
    from offline.plugins.docker.redaction import hide_random, hide_secrets  # noqa: PLC0415

    config: dict[str, Any] = container.get("Config") or {}
    known = {"envs": config.get("Env"), "command": config.get("Cmd"), "entrypoints": config.get("Entrypoint")}
    # What was uploaded the engine does not tell: everything that looks like a secret is hidden.
    lines = [line.strip() for line in hide_random(hide_secrets(text, known)).splitlines() if line.strip()]
    joined = " | ".join(lines[-_LOG_LINES:])
    return joined if len(joined) <= _LONGEST_QUOTE else "..." + joined[-_LONGEST_QUOTE:]
