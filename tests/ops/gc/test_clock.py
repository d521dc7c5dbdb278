"""What a clock that was set must not do: empty the bin early, or put the jobs off until the wrong time comes round."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops import cron, recycle, removing
from ops.context import Context
from ops.delete import Target
from ops.errors import STOPPED, OpsError
from ops.journal import Journal
from ops.schedule import Job, Loop
from tests.ops.gc.world import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.mark.parametrize("was_set", [True, False])
def test_the_bin_is_not_emptied_by_a_clock_that_was_set(here: World, monkeypatch: pytest.MonkeyPatch, was_set: bool) -> None:
    digest = here.image("a", "v1")
    recycle.put(here.registry, Target("a", digest, ("v1",), "test"), 1000)
    monkeypatch.setattr(Journal, "clock_was_set", lambda *_: was_set)
    context, parts = Context(), here.parts()
    context.__dict__.update(settings=parts.settings, registry=here.registry, gate=here.gate, cache=None, gc_parts=lambda: parts)
    options = Namespace(dry_run=False, wait=0, json=False)
    if was_set:
        with pytest.raises(OpsError, match="clock") as caught:
            removing.empty_bin(context, options)
        assert caught.value.exit_code == STOPPED
    else:
        removing.empty_bin(context, options)
    assert len(recycle.entries(here.registry)) == was_set


def test_a_job_is_due_again_after_the_clock_was_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.schedule.SUPERVISE_SECONDS", 0.01)
    # A clock that was a week ahead when the loop began; then minute after minute.
    times = iter([datetime(2026, 1, 8, tzinfo=UTC), *(datetime(2026, 1, 1, 0, minute, 30, tzinfo=UTC) for minute in range(60))])
    now = [next(times)]
    ran = tmp_path / "ran"

    def supervise() -> None:
        now[0] = next(times)
        if ran.exists() or now[0].minute > 5:
            loop.stop()

    command = [sys.executable, "-c", "import sys; open(sys.argv[1], 'w')"]
    loop = Loop([Job("job", (str(ran),), cron.parse("* * * * *"))], supervise, tmp_path, command, now=lambda: now[0])
    loop.run()
    assert ran.exists()
