"""`docker:index/container:Container`."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from offline.plugins.docker.client import Engine
from offline.plugins.docker.container_body import create_body, endpoint, update_body
from offline.plugins.docker.container_check import check_container
from offline.plugins.docker.container_diff import container_diff
from offline.plugins.docker.container_life import exit_failure, look, start, wait_until_healthy
from offline.plugins.docker.container_schema import COMPUTED_ONLY, CONTAINER
from offline.plugins.docker.container_state import container_state, half_created, is_half_created
from offline.plugins.docker.engine_errors import CONFLICT, NOT_FOUND, EngineRefusedError
from offline.plugins.docker.images import ensure_image
from offline.plugins.docker.redaction import hide_secrets
from offline.plugins.docker.schema import preview_outputs, refreshed_inputs, settings
from offline.plugins.docker.uploads import archive
from offline.plugins.framework.resource import CheckFailure, DiffResult, InitFailedError, ResourceError, ResourceKind
from offline.plugins.framework.values import Properties

_REMOVAL_SECONDS = 30
_IN_ENGINE = frozenset(
    {"restart", "maxRetryCount", "memory", "memoryReservation", "memorySwap", "cpuShares", "cpuSet", "cpuPeriod", "cpuQuota"}
)
"""What an update changes in the engine; the other properties that can be updated only say how this plugin treats the container."""


class Container(ResourceKind):
    """A container, from its creation until it works, and to its removal."""

    def __init__(self, engine: Callable[[], Engine], cancelled: threading.Event) -> None:
        self._engine = engine
        self._cancelled = cancelled

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        return check_container(news)

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        return container_diff(olds, old_inputs, news)

    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        if preview:
            return "", preview_outputs(CONTAINER, inputs, COMPUTED_ONLY)
        engine, wanted = self._engine(), settings(CONTAINER, inputs)
        files = archive(wanted["uploads"]) if wanted.get("uploads") else b""
        ensure_image(engine, wanted["image"])
        container_id = _create(engine, wanted)
        try:
            _connect(engine, container_id, wanted)
            _upload(engine, container_id, wanted, files)
            if wanted["start"]:
                start(engine, container_id, wanted)
        except BaseException:
            # It never ran: nothing of it is worth keeping, and its name must be free for the next attempt.
            with contextlib.suppress(ResourceError):
                _remove(engine, container_id, wanted["name"], volumes=True)
            raise
        return container_id, self._come_up(engine, container_id, wanted)

    def _come_up(self, engine: Engine, container_id: str, wanted: dict[str, Any]) -> Properties:
        """Wait for a started container, and return its outputs. Raises InitFailedError, which keeps it, when it does not come up."""
        try:
            if wanted["start"] and wanted["wait"]:
                wait_until_healthy(engine, container_id, wanted, self._cancelled)
            inspect = look(engine, container_id, wanted["name"])
            state = inspect["State"]
        except ResourceError as error:
            raise InitFailedError(str(error), resource_id=container_id, outputs=half_created(wanted)) from error
        if wanted["start"] and wanted["mustRun"] and not state["Running"] and not state["Restarting"]:
            message = exit_failure(engine, container_id, wanted, state["ExitCode"]) + ". Set mustRun to false if it is meant to end"
            raise InitFailedError(message, resource_id=container_id, outputs=half_created(wanted))
        return container_state(inspect, wanted)

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties] | None:
        engine = self._engine()
        name = outputs.get("name", resource_id)
        try:
            inspect = look(engine, resource_id, name)
        except EngineRefusedError as error:
            if error.status == NOT_FOUND:
                return None
            raise
        prior = outputs | {"mustRun": settings(CONTAINER, inputs)["mustRun"]} if outputs else {}
        fresh = container_state(inspect, prior)
        if outputs and is_half_created(outputs) and not _came_up(inspect):
            fresh = half_created(fresh)
        if not outputs:
            return inspect["Id"], {"name": fresh["name"], "image": fresh["image"]}, fresh
        judged = {name: value for name, value in fresh.items() if name != "mustRun"}
        return inspect["Id"], refreshed_inputs(CONTAINER, inputs, judged), fresh

    def update(self, resource_id: str, olds: Properties, news: Properties, *, timeout: float, preview: bool) -> Properties:
        wanted = settings(CONTAINER, news)
        if preview:
            return {**olds, **wanted}
        engine, name = self._engine(), wanted["name"]
        kept = {name: value for name, value in olds.items() if name not in CONTAINER or CONTAINER[name].computed}
        if any(not _same(name, olds, wanted) for name in _IN_ENGINE):
            engine.post(f"update container {name!r}", "/containers/{0}/update", resource_id, update_body(wanted))
        if wanted["start"] and wanted["mustRun"] and not look(engine, resource_id, name)["State"]["Running"]:
            start(engine, resource_id, wanted)
            return self._come_up(engine, resource_id, kept | wanted)
        return container_state(look(engine, resource_id, name), kept | wanted)

    def delete(self, resource_id: str, outputs: Properties, *, timeout: float) -> None:
        engine, was = self._engine(), settings(CONTAINER, outputs)
        name = was.get("name", resource_id)
        grace = was.get("destroyGraceSeconds") or None  # None: the container's own stopTimeout, or 10 s
        try:
            with engine.asked(f"stop container {name!r}") as api:
                api.stop(resource_id, timeout=grace)
        except EngineRefusedError as error:
            if error.status == NOT_FOUND:
                return
            # A container that is hard to stop may still be removable by force; the removal says so if it is not.
        _remove(engine, resource_id, name, volumes=was["removeVolumes"])


def _same(name: str, olds: Properties, wanted: dict[str, Any]) -> bool:
    kind = CONTAINER[name].kind
    return kind.canonical(olds.get(name)) == kind.canonical(wanted.get(name))


def _came_up(inspect: dict[str, Any]) -> bool:
    """Whether a container that was half-created works by now: it runs, and is healthy if it has a health check."""
    health = inspect["State"].get("Health")
    return inspect["State"]["Running"] and (health is None or health["Status"] == "healthy")


def _create(engine: Engine, wanted: dict[str, Any]) -> str:
    name = wanted["name"]
    try:
        with engine.asked(f"create container {name!r}") as api:
            made = api.create_container_from_config(create_body(wanted), name)
    except EngineRefusedError as error:
        if error.status == CONFLICT and "already in use" in error.explanation:
            raise ResourceError(_name_taken(engine, name)) from error
        raise ResourceError(hide_secrets(str(error), wanted)) from error
    for warning in made.get("Warnings") or []:
        if "swap" not in warning.lower():  # many kernels have no swap limits, and the memory limit holds without
            print(f"warning: container {name!r}: {warning}", file=sys.stderr, flush=True)
    return str(made["Id"])


def _name_taken(engine: Engine, name: str) -> str:
    try:
        holder = look(engine, name, name)
        what = f"{holder['Id'][:12]}, image {holder['Config']['Image']}, {holder['State']['Status']}"
        container_id = holder["Id"]
    except ResourceError:
        what, container_id = "it is gone again by now", "<id>"
    return (
        f"container {name!r} already exists outside this stack ({what}). Remove it (`docker rm -f {name}`), or take it over "
        f"(`pulumi import docker:index/container:Container <resource name> {container_id}`)"
    )


def _connect(engine: Engine, container_id: str, wanted: dict[str, Any]) -> None:
    """Move a container from the default network to its own ones, as the vendor's plugin does: its network mode stays as asked for."""
    name, networks = wanted["name"], wanted.get("networksAdvanced") or []
    if not networks:
        return
    try:
        with engine.asked(f"disconnect container {name!r} from network 'bridge'") as api:
            api.disconnect_container_from_network(container_id, "bridge")
    except EngineRefusedError as error:
        if "is not connected to" not in error.explanation:
            raise
    for network in networks:
        try:
            body = {"Container": container_id, "EndpointConfig": endpoint(network)}
            engine.post(f"connect container {name!r} to network {network['name']!r}", "/networks/{0}/connect", network["name"], body)
        except EngineRefusedError as error:
            if error.status == NOT_FOUND:
                raise ResourceError(
                    f"container {name!r}: there is no network {network['name']!r}; create it first, or check networksAdvanced"
                ) from error
            raise


def _upload(engine: Engine, container_id: str, wanted: dict[str, Any], files: bytes) -> None:
    if files:
        with engine.asked(f"copy the uploads into container {wanted['name']!r}") as api:
            api.put_archive(container_id, "/", files)


def _remove(engine: Engine, container_id: str, name: str, *, volumes: bool) -> None:
    """Remove a container by force, and wait until it is gone. One that is already gone, or going, is fine."""
    try:
        with engine.asked(f"remove container {name!r}") as api:
            api.remove_container(container_id, v=volumes, force=True)
    except EngineRefusedError as error:
        if error.status == NOT_FOUND:
            return
        if "already in progress" not in error.explanation:
            raise
    end = time.monotonic() + _REMOVAL_SECONDS
    while time.monotonic() < end:
        try:
            look(engine, container_id, name)
        except EngineRefusedError as error:
            if error.status == NOT_FOUND:
                return
            raise
        time.sleep(0.1)
    raise ResourceError(
        f"container {name!r} is still there {_REMOVAL_SECONDS} s after its removal; see `docker inspect {name}`, then run this again"
    )
