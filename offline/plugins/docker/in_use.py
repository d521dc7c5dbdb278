"""Removing what containers may still hold on to: try for a while, then say who holds it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from offline.plugins.docker.client import Engine
from offline.plugins.docker.engine_errors import NOT_FOUND, EngineRefusedError
from offline.plugins.framework.resource import ResourceError

_PATIENCE_SECONDS = 8.0  # a container that is being removed in the same update lets go within this time
_PAUSE_SECONDS = 0.5


def remove_when_free(
    what: str,
    remove: Callable[[], None],
    holders: Callable[[], Sequence[str]],
    is_held: Callable[[EngineRefusedError], bool],
    cancelled: threading.Event,
) -> None:
    """Call `remove` until it succeeds or the thing is gone. Raises ResourceError naming the `holders` when it is still held at the end."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            remove()
        except EngineRefusedError as error:
            if error.status == NOT_FOUND:
                return
            if not is_held(error):
                raise
            if time.monotonic() >= end or cancelled.wait(_PAUSE_SECONDS):
                raise ResourceError(f"{what} is still in use{_by(holders())}. Remove what uses it, then run this again") from error
        else:
            return


def _by(names: Sequence[str]) -> str:
    if not names:
        return ""
    return f" by container{'s' if len(names) > 1 else ''} {', '.join(repr(name) for name in names)}"


def containers_with(engine: Engine, **condition: str) -> list[str]:
    """Names of the containers, stopped ones too, that an engine filter such as `volume="x"` finds."""
    with engine.asked("list containers") as api:
        found = api.containers(all=True, filters=dict(condition))
    return sorted(container["Names"][0].lstrip("/") for container in found)
