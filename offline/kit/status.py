"""What the kit has, and what it would provide."""

import os
from collections.abc import Iterator

from offline.kit import engine_start, gobuild, places
from offline.kit.clean import live_stacks
from offline.kit.engine_api import DEFAULT_HOST, Address, Engine
from offline.kit.errors import KitError
from offline.kit.prepare import cli_decision


def lines() -> Iterator[str]:
    """One line a fact: CLI, virtual environment, cache, engine, stacks. Changes nothing."""
    decision = cli_decision(os.environ)
    yield f"pulumi: {'the kit, ' + gobuild.CLI.version if decision.kit else 'yours'} ({decision.why})"
    yield f"virtual environment: {'ready' if places.VENV_PYTHON.exists() else 'not made yet'} ({places.VENV})"
    cache = places.cache()
    for program in (gobuild.CLI, *gobuild.IMAGE_PROGRAMS.values()):
        built = sorted(folder.name for folder in (cache / program.name).glob("*") if (folder / "bin" / program.name).exists())
        yield f"built {program.name}: {', '.join(built) or 'not yet'} ({cache / program.name})"
    address = Address(os.environ.get("DOCKER_HOST") or DEFAULT_HOST)
    try:
        engine = Engine(address)
        by_hand = " (started by the kit)" if engine_start.started_by_hand() else ""
        yield f"docker: API {engine.ping()} at {address.host}{by_hand}"
    except KitError as error:
        yield f"docker: {error}"
    yield f"stacks in local state: {', '.join(live_stacks(places.STATE)) or 'none'}"
