"""A fake registry with ops for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.fake_registry import Content, serving
from tests.ops.stage import Stage


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
