"""The plugin: its resource types, and the one engine that they share."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from offline.plugins.docker.client import Engine
from offline.plugins.docker.container import Container
from offline.plugins.docker.network import Network
from offline.plugins.docker.provider_config import check_provider, engine_settings
from offline.plugins.docker.remote_image import RemoteImage
from offline.plugins.docker.volume import Volume
from offline.plugins.framework.resource import CheckFailure, Plugin, ResourceError
from offline.plugins.framework.values import Properties, has_unknown


class _Connection:
    """The engine that the provider's settings name. Settings that only the update will know are an error only where an engine is needed."""

    def __init__(self) -> None:
        self._engine: Engine | None = Engine(engine_settings({}))

    def configure(self, config: Properties) -> None:
        self._engine = None if has_unknown(config) else Engine(engine_settings(config))

    def engine(self) -> Engine:
        if self._engine is None:
            raise ResourceError(
                "the docker provider's settings are not known yet, so its engine cannot be asked; run `pulumi up` without a refresh"
            )
        return self._engine


def _check(config: Properties) -> Iterable[CheckFailure]:
    return check_provider(config)


def docker_plugin() -> Plugin:
    """A new plugin, for one process or one test."""
    connection, cancelled = _Connection(), threading.Event()
    return Plugin(
        name="docker",
        distribution="pulumi-docker",
        kinds={
            "docker:index/container:Container": Container(connection.engine, cancelled),
            "docker:index/network:Network": Network(connection.engine, cancelled),
            "docker:index/volume:Volume": Volume(connection.engine, cancelled),
            "docker:index/remoteImage:RemoteImage": RemoteImage(connection.engine),
        },
        configure=connection.configure,
        check_config=_check,
        cancelled=cancelled,
    )
