"""A Redis for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.fleet.redis_server import RedisServer, redis_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis in which a fleet has been at work for a while: its gate is open."""
    with redis_server(tmp_path) as running:
        running.open_gate()
        yield running
