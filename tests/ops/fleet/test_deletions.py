"""Deletions through the registry's API: each request is announced."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ops.delete import Deleter, Target
from ops.moments import Moment
from tests.ops.stage import Stage


def test_it_is_asked_again_before_each_tag(stage: Stage) -> None:
    digest = stage.content.add("team/a", "v1", "2026-01-01T00:00:00Z")
    for tag in ("v2", "v3"):
        stage.content.store("team/a", tag, stage.content.manifests[digest])
    left: list[int] = []

    def look() -> None:
        tags = stage.content.repositories["team/a"]
        assert tags is not None
        left.append(len(tags))

    @contextmanager
    def moments(_: str) -> Iterator[Moment]:
        yield Moment(look, time.monotonic() + 60)

    (outcome,) = Deleter(stage.registry, 3, moments, bin_time=None).delete([Target("team/a", digest, ("v1", "v2", "v3"), "by hand")])
    assert outcome.done
    assert left == [3, 2, 1]
