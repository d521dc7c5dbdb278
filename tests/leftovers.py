"""Docker objects that a killed test may have left behind."""

from collections.abc import Callable

import docker
from docker.errors import APIError, DockerException

from offline.kit.progress import say, warn
from tests.stack_names import stack_name

PREFIX = f"registry-{stack_name('')}"
"""A stack's objects are called `registry-<stack>-...`. Another run's are not ours to remove: it may be going on."""


def remove_leftovers(prefix: str = PREFIX) -> None:
    """Removes containers, networks and volumes whose names begin with the prefix: by default those of this run's stacks.

    One that cannot be removed is only a warning: the tests have already spoken.
    """
    try:
        engine = docker.from_env()
        for container in engine.containers.list(all=True, filters={"name": prefix}):
            _remove(prefix, str(container.name), lambda container=container: container.remove(force=True, v=True))
        for network in engine.networks.list(filters={"name": prefix}):
            _remove(prefix, str(network.name), network.remove)
        for volume in engine.volumes.list(filters={"name": prefix}):
            _remove(prefix, str(volume.name), volume.remove)
    except DockerException as error:
        warn(f"leftovers of tests could not be looked for: {error}")


def _remove(prefix: str, name: str, remove: Callable[[], object]) -> None:
    # The engine's filter finds the text anywhere in a name.
    if not name.startswith(prefix):
        return
    try:
        remove()
    except APIError as error:
        warn(f"{name}, left behind by a test, cannot be removed: {error.explanation}")
    else:
        say(f"removed {name}, left behind by a test")
