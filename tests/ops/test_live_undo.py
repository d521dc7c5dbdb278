"""Undo after a garbage collection, and the main loop, on a whole registry: replica, edge, Redis, collector, sweeper."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.delete import Deleter, Target
from ops.journal import Journal
from ops.moments import Moment
from ops.tag_changes import JournalTagChanges
from tests.ops.console import Console, image
from tests.ops.gc import binaries
from tests.ops.gc.client import Client, Image, sha256
from tests.ops.gc.collecting import age
from tests.ops.gc.fleet import Options, running, until

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def programs() -> None:
    """What the tests start is there."""
    binaries.require()


@pytest.mark.parametrize("major", [3, 2])
def test_undo_after_collections(major: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The collections really sweep what was deleted permanently, and nothing of what is in the bin."""
    with running(tmp_path, Options(major=major, replicas=1)) as fleet:
        monkeypatch.setenv("OPS_ROOT", str(fleet.root))
        console = Console(fleet, capsys)
        client = Client(fleet.edge_url)
        parts = [image("undo-amd64"), image("undo-arm64")]
        index = client.push_index("apps/web", "1", parts)
        lost = image("really-gone", shared=b"not shared")
        client.push("apps/web", "2", lost)
        client.push("apps/web", "3", image("stays"))
        console.run("delete", "apps/web:1")
        console.run("delete", "apps/web:2", "--permanently")
        # It sees the manifest without a tag, removes it, sees the blobs, sweeps them.
        for _ in range(4):
            age(fleet, fleet.options.untagged_grace + 2)
            console.run("gc")
        assert not fleet.blob(sha256(lost.layers[0])).exists(), "the collection never swept what was deleted permanently"
        with fleet.registry() as registry:
            # While the bin has it, the collection leaves the untagged manifest of 3.x alone; take it, so that only the bin is left.
            for digest in (index, *(sha256(part.manifest) for part in parts)):
                registry.delete_manifest("apps/web", digest)
            console.run("gc")
            assert registry.head_manifest("apps/web", index) is None
        console.run("undo", "apps/web:1")
        assert client.pull("apps/web", index) == []
        console.run("gc")
        console.run("verify", "--deep")
        assert client.pull("apps/web", index) == []


def test_with_a_journal_only_what_was_pushed_meanwhile_is_looked_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registry 2.8 deletes digests: a tag or an index that comes in the last moment must save the image, however many tags there are."""
    with running(tmp_path, Options(major=2, cache="none", replicas=1)) as fleet, fleet.registry() as registry:
        client = Client(fleet.edge_url)
        saved, part, goes, other = image("saved"), image("part"), image("goes"), image("other")
        digests = [client.push("apps/many", name, one) for name, one in (("saved", saved), ("part", part), ("goes", goes))]
        for number in range(30):
            client.put_manifest("apps/many", f"other-{number}", _pushed(client, other))
        looked_up: list[str] = []
        head = registry.head_manifest

        @contextlib.contextmanager
        def moments(_: str) -> Iterator[Moment]:
            client.put_manifest("apps/many", "other-3", saved.manifest)
            client.push_index("apps/many", "index", [part, image("new-part")])
            until(lambda: {"other-3", "index"} <= _in_journal(journal), "the edge wrote down what was pushed", 60)
            looked_up.clear()
            yield Moment(lambda: None, time.monotonic() + 5)

        def counted(repository: str, reference: str) -> str | None:
            looked_up.append(reference)
            return head(repository, reference)

        monkeypatch.setattr(registry, "head_manifest", counted)
        journal = fleet.parts(registry).journal
        changes = JournalTagChanges(journal)
        # Its first second is not trusted: the edge's marks are in whole seconds.
        until(lambda: changes.mark() is not None, "the journal can be used", 60)
        targets = [Target("apps/many", digest, (name,), "test") for digest, name in zip(digests, ("saved", "part", "goes"), strict=True)]
        outcomes = Deleter(registry, 2, moments, bin_time=None, changes=changes).delete(targets)
        assert {outcome.target.tags[0]: outcome.done for outcome in outcomes} == {"saved": False, "part": False, "goes": True}
        assert sorted(looked_up) == ["index", "other-3"]
        for tag in ("saved", "part", "other-3", "index"):
            digest = head("apps/many", tag)
            assert digest
            assert client.pull("apps/many", digest) == []


def _in_journal(journal: Journal) -> set[str]:
    """The tags and digests that were put, as far as the journal has come."""
    journal.collect()
    return {entry.reference for entry in journal.written(float("inf"), 0)}


def _pushed(client: Client, one: Image) -> bytes:
    """The manifest of an image whose blobs are there now."""
    client.push_blobs("apps/many", one)
    return one.manifest


def test_main_loop_reopens_the_gate_of_a_dead_job_and_ends_on_sigterm(tmp_path: Path) -> None:
    with running(tmp_path, Options(cache="none", replicas=1)) as fleet:
        state = {"reason": "a collection", "token": "of a job that was killed", "since": time.time()}
        fleet.places.gate.write_text(json.dumps(state))
        settings = json.loads(fleet.places.settings.read_text())
        fleet.places.settings.write_text(json.dumps({**settings, "verify": {"schedule": "* * * * *"}}))
        with (tmp_path / "log").open("wb") as log:
            environment = {**os.environ, "OPS_ROOT": str(fleet.root)}
            loop = subprocess.Popen([sys.executable, "-m", "ops", "schedule"], env=environment, stderr=log)
        try:
            until(lambda: not fleet.places.gate.exists(), "the gate is open again", 60)
            last = fleet.places.state / "reports/verify.last.json"
            until(last.exists, "verify ran by schedule", 180)
            assert json.loads(last.read_text())["code"] == 0
            assert json.loads((fleet.places.state / "reports/verify.json").read_text())["damage"] == []
        finally:
            loop.send_signal(signal.SIGTERM)
            assert loop.wait(120) == 0
        events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
        assert events[-1] == "schedule stopped"
        assert {"gate reopened", "job started", "job ended"} <= set(events)
