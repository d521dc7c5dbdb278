"""Tests of the commands need no Docker: a stand-in answers, without containers, and as another machine than this one."""

from collections.abc import Iterator

import pytest

from tests.stack.stand_in_engine import StandInEngine, stand_in_engine


@pytest.fixture(autouse=True)
def engine(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInEngine]:
    with stand_in_engine(tmp_path_factory.mktemp("e")) as engine:
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        yield engine
