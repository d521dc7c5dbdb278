"""`docker:index/volume:Volume`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from offline.plugins.docker.client import Engine
from offline.plugins.docker.engine_errors import CONFLICT, NOT_FOUND, EngineRefusedError
from offline.plugins.docker.in_use import containers_with, remove_when_free
from offline.plugins.docker.labels import LABELS, OBJECT_NAME, label_list, label_map, version_mark
from offline.plugins.docker.schema import (
    NO_NAME,
    Property,
    Schema,
    check_inputs,
    diff_result,
    differences,
    preview_outputs,
    refreshed,
    refreshed_inputs,
    settings,
)
from offline.plugins.docker.values import Record, Text, Texts
from offline.plugins.framework.resource import CheckFailure, DiffResult, ResourceError, ResourceKind
from offline.plugins.framework.values import Properties

_STATE_VERSION = 1  # of the vendor's volume state

VOLUME: Schema = {
    "name": Property(OBJECT_NAME, missing=NO_NAME),
    "driver": Property(Text(), computed=True),
    "driverOpts": Property(Texts()),
    "labels": Property(LABELS),
    "cluster": Property(Record({}), refused="use the vendor's plugin for cluster volumes"),
}


class Volume(ResourceKind):
    """A named volume. Its id is its name."""

    def __init__(self, engine: Callable[[], Engine], cancelled: threading.Event) -> None:
        self._engine = engine
        self._cancelled = cancelled

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        return check_inputs(VOLUME, news)

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        changes = differences(VOLUME, olds, old_inputs, news)
        return diff_result(VOLUME, changes, old_inputs=old_inputs, news=news, delete_first="name" not in changes)

    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        if preview:
            return "", preview_outputs(VOLUME, inputs, ("mountpoint",))
        engine, wanted = self._engine(), settings(VOLUME, inputs)
        _refuse_another(engine, wanted)
        with engine.asked(f"create volume {wanted['name']!r}") as api:
            made = api.create_volume(
                wanted["name"],
                driver=wanted.get("driver") or None,
                driver_opts=wanted.get("driverOpts") or None,
                labels=label_map(wanted.get("labels", [])),
            )
        return made["Name"], volume_state(made, wanted)

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties] | None:
        found = _find(self._engine(), resource_id)
        if found is None:
            return None
        fresh = volume_state(found, outputs)
        return found["Name"], refreshed_inputs(VOLUME, inputs or settings(VOLUME, fresh), fresh), fresh

    def delete(self, resource_id: str, outputs: Properties, *, timeout: float) -> None:
        engine = self._engine()

        def remove() -> None:
            with engine.asked(f"remove volume {resource_id!r}") as api:
                api.remove_volume(resource_id, force=True)

        remove_when_free(
            f"volume {resource_id!r}",
            remove,
            lambda: containers_with(engine, volume=resource_id),
            lambda error: error.status == CONFLICT and "in use" in error.explanation,
            self._cancelled,
        )


def volume_state(inspect: Mapping[str, Any], prior: Properties) -> Properties:
    """All outputs of a volume from the engine's `inspect`; `prior` is the state before, or the settings after a creation. Pure."""
    fresh: Properties = {
        "name": inspect["Name"],
        "driver": inspect["Driver"],
        "driverOpts": inspect.get("Options") or {},
        "labels": label_list(inspect.get("Labels")),
        "mountpoint": inspect["Mountpoint"],
    }
    return refreshed(VOLUME, prior, fresh) | version_mark(_STATE_VERSION)


def _find(engine: Engine, name: str) -> dict[str, Any] | None:
    try:
        with engine.asked(f"look at volume {name!r}") as api:
            return api.inspect_volume(name)
    except EngineRefusedError as error:
        if error.status == NOT_FOUND:
            return None
        raise


def _refuse_another(engine: Engine, wanted: dict[str, Any]) -> None:
    """Take over an existing volume (its data is why it was kept) only when it is what the program describes.

    The engine would hand out any volume of that name and ignore labels and options; the next refresh would then see a difference and
    replace the volume, with the data in it.
    """
    found = _find(engine, wanted["name"])
    if found is None:
        return
    differing = differences(VOLUME, volume_state(found, {}), {}, wanted)
    if differing:
        raise ResourceError(
            f"volume {wanted['name']!r} already exists with other {', '.join(differing)}. "
            f"To keep its data, give the program's volume the same ones (`docker volume inspect {wanted['name']}` shows them); "
            f"to begin empty, remove it (`docker volume rm {wanted['name']}`)"
        )
