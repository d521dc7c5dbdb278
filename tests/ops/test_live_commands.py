"""Commands on real registries, 3.x and 2.8: delete, undo, retention, verify, list, status, gate."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ops import images, recycle, walk
from ops.api import Registry
from ops.delete import Deleter, Target
from ops.errors import BUSY, DAMAGED, FAILED, STOPPED, USAGE
from ops.lock import FileLock
from ops.moments import Moment
from tests.ops.console import Console, image
from tests.ops.gc import binaries
from tests.ops.gc.client import Image, sha256
from tests.ops.gc.fleet import Fleet, Options, answers, until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module", params=[3, 2], ids=["registry-3", "registry-2"])
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One registry process for all tests of a version; each test uses repositories of its own."""
    binaries.require()
    found = Fleet(tmp_path_factory.mktemp("fleet"), Options(major=request.param, cache="none", replicas=1))
    found.write()
    try:
        found.start(f"registry-{found.hosts[0]}")
        until(lambda: answers(f"http://{found.hosts[0]}:{found.registry_port}/v2/"), "the registry answers", 30)
        yield found
    finally:
        found.stop_all()


@pytest.fixture
def console(fleet: Fleet, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setenv("OPS_ROOT", str(fleet.root))
    monkeypatch.setattr("ops.moments.PAUSE_SECONDS", 0.01)
    # No edge, so no journal: it need not be waited for.
    monkeypatch.setattr("ops.journal.LOOK_AGAIN_SECONDS", 0.0)
    fleet.places.settings.write_text(json.dumps(fleet.ops_json()))
    return Console(fleet, capsys)


def _rows(value: object) -> list[dict[str, Any]]:
    assert isinstance(value, list)
    return value


def test_walk_finds_everything_that_tags_reach(console: Console) -> None:
    children = [image("walk-amd64"), image("walk-arm64")]
    index = console.client.push_index("walk/multi", "1", children)
    with console.fleet.registry() as registry:
        found = walk.walk(registry, None)
        assert not found.problems
        assert found.tags["walk/multi", "1"] == index
        assert found.manifests["walk/multi"] == {index, *(sha256(child.manifest) for child in children)}
        blobs = {sha256(data) for child in children for data in (*child.layers, child.config)}
        assert found.blobs["walk/multi"] == blobs
        assert walk.closure(registry, "walk/multi", index) == found.manifests["walk/multi"] | blobs
        assert registry.tags("walk/nothing") == []


def test_delete_and_undo(console: Console) -> None:
    kept, gone = image("kept"), image("gone")
    console.client.push("undo/app", "kept", kept)
    digest = console.client.push("undo/app", "gone", gone)
    console.client.put_manifest("undo/app", "gone-too", gone.manifest)
    would = _rows(console.json("delete", "undo/app:gone", "--all-tags", "--dry-run"))
    assert would[0]["tags"] == ["gone", "gone-too"]
    assert console.client.request("HEAD", "/v2/undo/app/manifests/gone")[0] == 200
    console.run("delete", "undo/app:gone", "--all-tags")
    with console.fleet.registry() as registry:
        assert registry.tags("undo/app") == ["kept"]
    assert console.client.pull("ops-recycle-bin/undo/app", digest) == []
    assert "ops-recycle-bin" not in console.run("list")
    assert any(row["digest"] == digest for row in _rows(console.json("undo")))
    console.run("undo", "undo/app:gone-too")
    with console.fleet.registry() as registry:
        assert registry.head_manifest("undo/app", "gone") == registry.head_manifest("undo/app", "gone-too") == digest
    assert console.client.pull("undo/app", digest) == []
    assert not any(row["digest"] == digest for row in _rows(console.json("undo")))


def test_one_tag_of_two(console: Console) -> None:
    both = image("both")
    digest = console.client.push("two/app", "a", both)
    console.client.put_manifest("two/app", "b", both.manifest)
    if console.major == 2:
        assert "--all-tags" in str(console.json("delete", "two/app:a", code=USAGE))
    else:
        console.run("delete", "two/app:a")
        with console.fleet.registry() as registry:
            assert registry.tags("two/app") == ["b"]
    assert console.client.pull("two/app", digest) == []


def test_undo_leaves_a_tag_that_names_another_image_by_now(console: Console) -> None:
    first, second = image("first"), image("second")
    old = console.client.push("moved/app", "latest", first)
    console.run("delete", "moved/app:latest")
    new = console.client.push("moved/app", "latest", second)
    assert _rows(console.json("undo", "moved/app:latest", code=FAILED))[0]["taken"] == ["latest"]
    with console.fleet.registry() as registry:
        assert registry.head_manifest("moved/app", "latest") == new
    console.run("undo", "moved/app:latest", "--overwrite")
    with console.fleet.registry() as registry:
        assert registry.head_manifest("moved/app", "latest") == old


def test_permanently_and_emptying_the_bin(console: Console) -> None:
    console.client.push("bin/app", "1", image("bin-1"))
    console.client.push("bin/app", "2", image("bin-2"))
    console.run("delete", "bin/app:1", "--permanently")
    console.run("delete", "bin/app:2")
    with console.fleet.registry() as registry:
        assert [entry.tags for entry in recycle.entries(registry, None, "bin/app")] == [("2",)]
        assert not [entry for entry in recycle.empty(registry, 7, time.time()) if entry.repository == "bin/app"]
        assert [entry.tags for entry in recycle.empty(registry, 7, time.time() + 8 * 86_400) if entry.repository == "bin/app"] == [("2",)]
        assert recycle.entries(registry, None, "bin/app") == []


def test_retention(console: Console) -> None:
    client = console.client
    ages = {"5": 1, "4": 10, "3": 20, "2": 30, "1": 40}
    for tag, days in ages.items():
        client.push("keep/app", tag, image(f"keep-{tag}", days))
    parts = [image("old-amd64", 50), image("old-arm64", 50)]
    index = client.push_index("keep/app", "old", parts)
    client.push("keep/app", f"sha256-{index[7:]}.sig", Image((b"signature of old",), b"{}"))
    newest = _digest_of(console, "keep/app", "5")
    client.push("keep/app", f"sha256-{newest[7:]}.sig", Image((b"signature of 5",), b"{}"))
    client.push("keep/app", "of-unknown-age", Image((b"x",), b'{"created": "1970-01-01T00:00:00Z"}'))
    rules = [{"repositories": "keep/*", "keepLast": 2, "keepTags": "3"}]
    console.configure(retention={"rules": rules, "maxDeletePercent": 10})
    console.run("retention", "plan", code=STOPPED)
    refused = console.json("retention", "apply", code=STOPPED)
    assert "maxDeletePercent" in str(refused)
    console.configure(retention={"rules": rules, "maxDeletePercent": 60})
    plan = console.json("retention", "plan")
    assert isinstance(plan, dict)
    assert plan == {**_as_dict(console.json("retention", "apply", "--dry-run")), "time": plan["time"]}
    console.run("retention", "apply")
    with console.fleet.registry() as registry:
        left = registry.tags("keep/app")
        assert left == ["3", "4", "5", "of-unknown-age", f"sha256-{newest[7:]}.sig"]
    again = _as_dict(console.json("retention", "plan"))
    assert again["deletes"] == 0
    assert console.client.pull("ops-recycle-bin/keep/app", index) == []
    console.run("undo", "keep/app")
    with console.fleet.registry() as registry:
        assert len(registry.tags("keep/app")) == 9
    assert console.client.pull("keep/app", index) == []
    console.run("verify", "keep/app")


def _as_dict(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


def _digest_of(console: Console, repository: str, tag: str) -> str:
    with console.fleet.registry() as registry:
        found = registry.head_manifest(repository, tag)
    assert found
    return found


def test_images_in_use_stay(console: Console, tmp_path: Path) -> None:
    digest = console.client.push("used/app", "1", image("used-1", 30))
    console.client.push("used/app", "0", image("used-0", 40))
    console.client.push("used/app", "2", image("used-2", 1))
    running = tmp_path / "running"
    running.write_text(f"{digest}\n")
    rules = [{"repositories": "used/*", "keepLast": 1}]
    console.configure(retention={"rules": rules, "maxDeletePercent": 100, "inUse": str(running)})
    actions = {image["tags"][0]: image["action"] for image in _as_dict(console.json("retention", "plan"))["images"]}
    assert actions == {"0": "delete", "1": "keep", "2": "keep"}
    console.run("delete", "used/app:1", code=STOPPED)
    running.unlink()
    console.run("retention", "apply", code=6)
    assert console.client.pull("used/app", digest) == []


def _deleter(console: Console, registry: Registry, before: Callable[[], object]) -> Deleter:
    """A deleter for which somebody pushes just before the gate closes."""

    @contextlib.contextmanager
    def moments(_: str) -> Iterator[Moment]:
        before()
        yield Moment(lambda: None, time.monotonic() + 5)

    return Deleter(registry, console.major, moments, bin_time=time.time())


def test_a_tag_that_was_pushed_anew_in_the_last_moment_stays(console: Console) -> None:
    old = console.client.push("race/app", "latest", image("race-old"))
    target = Target("race/app", old, ("latest",), "test")
    with console.fleet.registry() as registry:
        deleter = _deleter(console, registry, lambda: console.client.push("race/app", "latest", image("race-new")))
        (outcome,) = deleter.delete([target])
        assert not outcome.done
        assert b"race-new" in _config_of(console, "race/app", "latest")
        assert recycle.entries(registry, None, "race/app") == []


def _config_of(console: Console, repository: str, tag: str) -> bytes:
    """The config of the image that a tag names now."""
    with console.fleet.registry() as registry:
        manifest = registry.manifest(repository, tag)
        config = images.references(manifest.media_type, manifest.body).config
        assert config
        return b"".join(registry.blob(repository, config))


def test_a_new_tag_or_index_in_the_last_moment_saves_the_image(console: Console) -> None:
    """On 2.8 deleting the digest would take the new tag with it and break the new index; on 3.x only the tag goes."""
    saved, part = image("race-saved"), image("race-part")
    targets = [
        Target("race/two", console.client.push("race/two", "old", saved), ("old",), "test"),
        Target("race/two", console.client.push("race/two", "part", part), ("part",), "test"),
    ]

    def push() -> None:
        console.client.put_manifest("race/two", "new", saved.manifest)
        console.client.push_index("race/two", "index", [part, image("race-other")])

    with console.fleet.registry() as registry:
        outcomes = _deleter(console, registry, push).delete(targets)
        assert [outcome.done for outcome in outcomes] == [console.major == 3] * 2
        for tag in ("new", "index"):
            digest = registry.head_manifest("race/two", tag)
            assert digest
            assert console.client.pull("race/two", digest) == []


def test_many_images_that_share_layers_go_into_the_bin_at_once(console: Console) -> None:
    """On 2.8 a link that is written anew breaks the manifest that is put at that moment: copies must not mount a blob twice."""
    for number in range(60):
        console.client.push("shared/app", f"t{number}", image(f"shared-{number}", 10 + number))
    console.client.push("shared/app", "newest", image("shared-newest"))
    console.configure(retention={"rules": [{"repositories": "shared/*", "keepLast": 1}], "maxDeletePercent": 99})
    outcomes = _as_dict(console.json("retention", "apply"))["outcomes"]
    assert len(outcomes) == 60
    with console.fleet.registry() as registry:
        assert registry.tags("shared/app") == ["newest"]


def test_verify_names_what_is_damaged(console: Console) -> None:
    cut, lost, changed, fine = image("cut"), image("lost"), image("changed"), image("fine")
    for name, one in (("cut", cut), ("lost", lost), ("changed", changed), ("fine", fine)):
        console.client.push("broken/app", name, one)
    index = console.client.push_index("broken/multi", "1", [image("child-a"), image("child-b")])
    child = sha256(_children_of(console, "broken/multi", index)[0])
    console.run("verify", "broken/app", "broken/multi")
    console.run("verify", "broken/app", "broken/multi", "--deep")
    path = console.fleet.blob(sha256(cut.layers[0]))
    path.write_bytes(path.read_bytes()[:-5])
    console.fleet.blob(sha256(lost.layers[0])).unlink()
    path = console.fleet.blob(sha256(changed.layers[0]))
    path.write_bytes(b"X" + path.read_bytes()[1:])
    console.fleet.blob(child).unlink()
    try:
        report = _as_dict(console.json("verify", "broken/app", "broken/multi", code=DAMAGED))
        found = {(one["digest"], tuple(one["images"])) for one in report["damage"]}
        expected = {
            (sha256(cut.layers[0]), ("broken/app:cut",)),
            (sha256(lost.layers[0]), ("broken/app:lost",)),
            (child, ("broken/multi:1",)),
        }
        assert found == expected
        deep = _as_dict(console.json("verify", "broken/app", "broken/multi", "--deep", code=DAMAGED))
        found = {(one["digest"], tuple(one["images"])) for one in deep["damage"]}
        assert found == expected | {(sha256(changed.layers[0]), ("broken/app:changed",))}
        console.json("verify", code=DAMAGED)
        metrics = (console.fleet.places.state / "metrics/verify.prom").read_text()
        assert 'registry_ops_verify_damaged{mode="presence"} 3' in metrics
    finally:
        # Later tests of this registry verify and walk all of it.
        for name in ("cut", "lost", "changed"):
            console.run("delete", f"broken/app:{name}", "--permanently")
        console.run("delete", "broken/multi:1", "--permanently")


def _children_of(console: Console, repository: str, index: str) -> list[bytes]:
    """The manifests below an index."""
    with console.fleet.registry() as registry:
        body = registry.manifest(repository, index)
        children = images.references(body.media_type, body.body).children
        return [registry.manifest(repository, child).body for child in sorted(children)]


def test_a_damaged_image_is_not_deleted_into_the_bin(console: Console) -> None:
    """What cannot be kept in the bin stays where it is, unless it is deleted permanently."""
    one = image("incomplete")
    console.client.push("incomplete/app", "1", one)
    console.fleet.blob(sha256(one.layers[0])).unlink()
    outcome = _rows(console.json("delete", "incomplete/app:1", code=FAILED))[0]
    assert "recycle bin" in outcome["message"]
    console.run("delete", "incomplete/app:1", "--permanently")


def test_lock_gate_status(console: Console) -> None:
    console.client.push("lock/app", "1", image("lock-1"))
    with FileLock(console.fleet.places.state).hold("somebody"):
        assert "somebody" in str(console.json("delete", "lock/app:1", "--wait", "0", code=BUSY))
        assert "somebody" in console.run("status")
    console.run("gate", "close", "--reason", "moving house")
    assert "moving house" in console.run("status")
    console.run("delete", "lock/app:1", code=STOPPED)
    console.run("gate", "close", code=STOPPED)
    console.run("gate", "open")
    console.run("gate", "open")
    console.run("delete", "lock/app:1")
    assert _as_dict(console.json("status"))["gate"] == "open"


def test_names_that_are_nothing(console: Console) -> None:
    console.run("delete", "nothing/here:1", code=FAILED)
    console.run("delete", "UPPER", code=USAGE)
    console.run("delete", "ops-recycle-bin/x:1", code=USAGE)
    console.run("undo", "nothing/here", code=FAILED)
