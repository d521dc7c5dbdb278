"""A real registry for live tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ops.gc import binaries
from tests.ops.gc.fleet import Fleet, Options, running

StartFleet = Callable[[Options], Fleet]


@pytest.fixture
def start_fleet(tmp_path: Path) -> Iterator[StartFleet]:
    """Starts registries that end with the test."""
    binaries.require()
    with ExitStack() as stack:
        yield lambda options: stack.enter_context(running(tmp_path, options))
