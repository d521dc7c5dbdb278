"""Hypothesis without a time limit per example: a busy machine is no bug. And a fake registry with ops for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.ops.fake_registry import Content, serving
from tests.ops.stage import Stage

settings.register_profile("ops", deadline=None, max_examples=200)
settings.load_profile("ops")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("OPS_ROOT", str(tmp_path))
    content = Content()
    with serving(content) as url:
        found = Stage(content, url)
        try:
            yield found
        finally:
            found.close()
