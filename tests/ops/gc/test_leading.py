"""What the main loop does between the jobs, on the host of a fleet that leads and on the others."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.commands import _supervisor
from ops.context import Context
from ops.gc.run import Parts
from ops.pushes import Pushes
from tests.ops.gc.world import World, world

RUN = "20260101T000000Z-000"


class Leading:
    """Claims whose answer the test chooses."""

    yes = False

    def leads(self) -> bool:
        return self.yes


class Host(Context):
    """A host of a fleet, as far as its supervisor looks at it."""

    def __init__(self, here: World) -> None:
        super().__init__()
        self.here = here
        self.leading = Leading()
        parts: dict[str, object] = {
            "claims": self.leading,
            "gate": here.gate,
            "journal": here.journal,
            "pushes": Pushes(here.database, []),
        }
        self.__dict__.update(parts)

    def gc_parts(self) -> Parts:
        return self.here.parts()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("ops.commands.WATCH_SECONDS", 0)
    with world(tmp_path) as made:
        yield made


def _swept_by_another_host(here: World) -> str:
    """A blob of an image that was pushed a moment ago."""
    image = here.image("a", "v1")
    here.journaled("PUT", "/v2/a/manifests/v1", 201, image)
    config = next(digest for digest in here.content.blobs if digest in here.content.manifests[image].decode())
    here.quarantine[RUN] = {config: here.content.blobs.pop(config)}
    return config


def test_who_begins_to_lead_brings_back_what_another_host_swept(here: World) -> None:
    host = Host(here)
    supervise: Callable[[], None] = _supervisor(host)
    config = _swept_by_another_host(here)
    supervise()
    assert config not in here.content.blobs
    host.leading.yes = True
    supervise()
    assert config in here.content.blobs
    supervise()
    assert here.spool.orders.count("list") == 1
    host.leading.yes = False
    supervise()
    host.leading.yes = True
    supervise()
    assert here.spool.orders.count("list") == 2, "another host led meanwhile"


def test_a_quarantine_that_cannot_be_looked_at_is_looked_at_again(here: World) -> None:
    host = Host(here)
    host.leading.yes = True
    supervise: Callable[[], None] = _supervisor(host)
    config = _swept_by_another_host(here)
    serve = here.spool.serve
    here.spool.serve = lambda _: (1, "")
    supervise()
    here.spool.serve = serve
    supervise()
    assert config in here.content.blobs


@pytest.mark.parametrize("what", ["blobs", "manifests"])
def test_who_does_not_lead_any_more_ends_what_its_collection_left(here: World, what: str) -> None:
    host = Host(here)
    digest = here.blob(b"one")
    supervise: Callable[[], None] = _supervisor(host)
    if what == "blobs":
        here.sweeper.sweep(RUN, [digest], 5)
    else:
        here.sweeper.unlink([], 5)
    with here.lock.hold("a job of another host"):
        supervise()
        assert here.flushes == 0
    supervise()
    assert here.flushes == 1
    assert digest in here.content.blobs
    assert not here.sweeper.moving()
    assert not here.sweeper.flush_due()
    supervise()
    assert here.flushes == 1
