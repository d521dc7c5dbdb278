"""Garbage collection on real registries: what goes, what stays, what comes back."""

import hashlib
import json
import socket
import subprocess
from dataclasses import replace

import pytest

from ops import metrics
from ops.gc.run import watch
from ops.redis import Redis
from tests.bundle.specs import SNAPSHOT_VALUES
from tests.ops.gc.client import INDEX, MANIFEST, Client, Image, PushError, index, sha256
from tests.ops.gc.collecting import age, collect, ripen
from tests.ops.gc.conftest import StartFleet
from tests.ops.gc.fleet import FAST, GRACE, Fleet, Options, until
from tests.ops.gc.promises import Ledger, Promise
from tests.ops.gc.soak import soak

pytestmark = pytest.mark.live

SHARED = b"shared layer" * 50


def image(name: str) -> Image:
    """An image with one layer of its own and one that all share."""
    return Image((f"layer of {name}".encode(), SHARED), f'{{"name":"{name}"}}'.encode())


def quarantined(fleet: Fleet) -> set[str]:
    """What lies in quarantine."""
    return {f"sha256:{path.parent.name}" for path in (fleet.storage / "quarantine").rglob("data")}


@pytest.mark.parametrize(("major", "cache", "replicas"), [(3, "redis", 3), (3, "none", 1), (2, "redis", 2)])
def test_no_push_is_lost_while_collections_run(start_fleet: StartFleet, major: int, cache: str, replicas: int) -> None:
    fleet = start_fleet(Options(major=major, cache=cache, replicas=replicas))
    outcome = soak(fleet, cycles=9, aging=True, breath=0.4)
    print(outcome.text())
    assert outcome.problems() == []
    assert outcome.ledger.checked == outcome.ledger.pushed > 0, "every push answered 201 was pulled again"
    assert outcome.swept > 0
    assert outcome.longest < fleet.options.max_gate


def test_the_loss_test_sees_what_is_lost_or_corrupt(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(cache="none", replicas=1))
    client, ledger = Client(fleet.edge_url), Ledger()
    images = {name: (image(name), image(f"{name}-2")) for name in ("fine", "gone", "changed", "overwritten")}
    promises = {
        name: Promise(f"team/{name}", "v1", client.push_index(f"team/{name}", "v1", both), both, 0) for name, both in images.items()
    }
    for promise in promises.values():
        ledger.check(client, promise)
    assert (ledger.checked, ledger.faults) == (4, [])
    fleet.blob(sha256(images["gone"][1].config)).unlink()
    changed = fleet.blob(sha256(images["changed"][1].layers[0]))
    changed.write_bytes(b"X" + changed.read_bytes()[1:])
    client.push("team/overwritten", "v1", image("another"))
    for promise in promises.values():
        ledger.check(client, promise)
    assert (ledger.checked, ledger.pulls) == (4, 8), "each counts once"
    assert [text.partition("@")[0] for text in ledger.lost] == ["team/gone"]
    assert [text.partition(":")[0].partition("@")[0] for text in ledger.corrupt] == ["team/changed", "team/overwritten"]


@pytest.mark.parametrize(("major", "cache"), [(3, "redis"), (2, "none")])
def test_garbage_goes_to_quarantine_and_can_be_pushed_again(start_fleet: StartFleet, major: int, cache: str) -> None:
    fleet = start_fleet(Options(major=major, cache=cache))
    client = Client(fleet.edge_url)
    one, two = image("one"), image("two")
    gone = client.push("team/a", "v1", one)
    stays = client.push("team/b", "v1", two, "team/a")
    client.delete("team/a", gone)
    dry = collect(fleet, dry_run=True)
    assert (dry.garbage, dry.swept_blobs) == (3, 0)
    ripen(fleet)
    report = collect(fleet)
    assert report.stopped == ""
    assert report.swept_blobs == 3
    assert quarantined(fleet) == {sha256(one.layers[0]), sha256(one.config), gone}
    assert not fleet.blob(gone).parent.exists(), "no empty folder is left"
    assert client.pull("team/b", stays) == []
    # The cache must not believe in what is gone.
    assert not client.has_blob("team/a", sha256(one.config))
    assert client.push("team/a", "v1", one) == gone
    assert client.pull("team/a", gone) == []
    ripen(fleet)
    assert collect(fleet).garbage == 0


def test_ten_thousand_blobs_go_in_batches_and_the_gate_is_never_closed_for_long(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(max_gate=10))
    client = Client(fleet.edge_url)
    digest = client.push("team/a", "v1", image("stays"))
    for number in range(10_000):
        path = fleet.blob(sha256(str(number).encode()))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    ripen(fleet)
    report = collect(fleet)
    print(f"10,000 blobs: gate closed {report.gate_closings} times, {report.gate_longest:.2f} s at most, {report.seconds:.0f} s in all")
    assert report.swept_blobs == 10_000
    assert report.gate_closings > 2
    assert report.gate_longest < fleet.options.max_gate
    assert client.pull("team/a", digest) == []


@pytest.mark.parametrize("major", [3, 2])
def test_an_empty_registry_is_no_error(start_fleet: StartFleet, major: int) -> None:
    fleet = start_fleet(Options(major=major, replicas=1))
    report = collect(fleet)
    assert (report.garbage, report.missing) == (0, [])


def test_deleting_untagged_manifests_breaks_an_image_with_the_registrys_own_collector_and_not_with_ours(start_fleet: StartFleet) -> None:
    """Child C is in a/x without a tag and tagged in z/y. `-m` takes C's links in a/x, but leaves C there for HEAD to find."""
    for own in (False, True):
        fleet = start_fleet(Options(cache="none", replicas=1))
        client = Client(fleet.edge_url)
        child = image("child")
        client.push("a/x", sha256(child.manifest), child)
        client.push("z/y", "v1", child, "a/x")
        if own:
            ripen(fleet, untagged=True)
            assert collect(fleet).stopped == ""
        else:
            code = _raw_collector(fleet)
            assert code == 0
        # Multi-arch promotion: the client finds the child with HEAD and skips it.
        digest = client.push_index("a/x", "v1", [child])
        wrong = client.pull("a/x", digest)
        assert bool(wrong) is not own, f"with {'ops gc' if own else 'garbage-collect -m'}: {wrong}"


def test_on_2_8_the_registrys_own_collector_takes_the_children_of_a_tagged_index_and_ours_does_not(start_fleet: StartFleet) -> None:
    for own in (False, True):
        fleet = start_fleet(Options(major=2, cache="none", replicas=1))
        client = Client(fleet.edge_url)
        digest = client.push_index("team/multi", "v1", [image("arm"), image("amd")])
        if own:
            ripen(fleet, untagged=True)
            assert collect(fleet).stopped == ""
        else:
            assert _raw_collector(fleet) == 0
        wrong = client.pull("team/multi", digest, "v1")
        assert bool(wrong) is not own, f"with {'ops gc' if own else 'garbage-collect -m'}: {wrong}"


def _raw_collector(fleet: Fleet) -> int:
    config = fleet.root / f"registry-{fleet.hosts[0]}.yml"
    return subprocess.run(
        [str(fleet.root / "bin/registry"), "garbage-collect", "-m", str(config)], check=False, capture_output=True
    ).returncode


def test_untagged_manifests_go_after_their_grace_but_not_children_of_tagged_ones(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(replicas=1))
    client = Client(fleet.edge_url)
    first = client.push("team/a", "latest", image("first"))
    kept = client.push_index("team/a", "multi", [image("arm"), image("amd")])
    latest = client.push("team/a", "latest", image("second"))
    ripen(fleet)
    assert collect(fleet).untagged_deleted == 0, "too young"
    age(fleet, fleet.options.untagged_grace)
    assert collect(fleet).untagged_deleted == 1
    assert client.pull("team/a", first) != []
    assert client.pull("team/a", kept) == client.pull("team/a", latest) == []
    ripen(fleet)
    assert collect(fleet).swept_blobs == 3, "their blobs follow"
    assert client.pull("team/a", kept) == client.pull("team/a", latest) == []


def test_a_slow_push_that_straddles_collections_sends_no_blob_twice(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options())
    client = Client(fleet.edge_url)
    slow, abandoned = image("slow"), image("abandoned")
    ripen(fleet)
    client.push_blobs("team/slow", slow)
    client.push_blobs("team/abandoned", abandoned)
    sent = client.blobs_sent
    for _ in range(3):
        age(fleet, fleet.options.blob_grace / 4)
        report = collect(fleet)
        assert report.stopped == "", "a collection that did its work"
        assert (report.garbage, report.swept_blobs) == (5, 0), "it saw blobs that nothing refers to yet, and left them"
    digest = client.push("team/slow", "v1", slow)
    assert client.blobs_sent == sent
    assert client.pull("team/slow", digest) == []
    age(fleet, fleet.options.blob_grace)
    assert collect(fleet).swept_blobs == 2, "what the abandoned push left"
    assert quarantined(fleet) == {sha256(abandoned.layers[0]), sha256(abandoned.config)}
    assert client.pull("team/slow", digest) == []


def test_a_head_keeps_an_old_blob_for_the_push_that_asked(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options())
    client = Client(fleet.edge_url)
    one = image("one")
    client.delete("team/a", client.push("team/a", "v1", one))
    ripen(fleet)
    assert client.has_blob("team/a", sha256(one.config))
    report = collect(fleet)
    assert report.kept_back["touched or written lately"] == 1
    digest = client.push("team/a", "v1", one)
    assert client.pull("team/a", digest) == []


def test_what_a_new_manifest_needs_is_safe_although_only_the_manifest_was_written(start_fleet: StartFleet) -> None:
    """A client that knows from long ago that the blobs are there asks for none of them."""
    fleet = start_fleet(Options())
    client = Client(fleet.edge_url)
    one = image("one")
    client.delete("team/a", client.push("team/a", "v1", one))
    ripen(fleet)
    pushed: list[str] = []

    def step(name: str) -> None:
        # After the keys were taken and before the gate closes: only the journal knows of it.
        if name == "act":
            pushed.append(client.put_manifest("team/a", "v1", one.manifest))

    report = collect(fleet, step)
    assert pushed
    assert report.ready > 0
    assert report.swept_blobs == 0
    assert client.pull("team/a", pushed[0]) == []


@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_a_journal_with_a_hole_sweeps_nothing(start_fleet: StartFleet, damage: str) -> None:
    fleet = start_fleet(Options())
    client = Client(fleet.edge_url)
    client.delete("team/a", client.push("team/a", "v1", image("one")))
    ripen(fleet)
    current = fleet.places.journal / "journal.log"
    if damage == "lost":
        current.unlink()
    else:
        with current.open("r+b") as file:
            file.truncate(300)
    report = collect(fleet)
    assert report.ready > 0
    assert report.swept_blobs == 0
    assert "journal" in report.stopped
    if damage == "cut":
        # The next line, the edge's mark within five seconds, is glued to what was left of the one that was cut.
        until(lambda: b"\n" in current.read_bytes()[300:], "the edge writes its mark", 60)
        ripen(fleet)
        assert collect(fleet).swept_blobs == 4, "the journal is whole again for the grace"


def test_a_blob_that_vanishes_right_after_a_sweep_comes_back(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options())
    client = Client(fleet.edge_url)
    client.delete("team/a", client.push("team/a", "v1", image("one")))
    stays = image("stays")
    digest = client.push("team/b", "v1", stays)
    ripen(fleet)
    victim = sha256(stays.layers[0])

    def step(name: str) -> None:
        if name == "swept":
            # What a bug would do: a blob in use goes the way of the swept ones.
            run = next((fleet.storage / "quarantine").iterdir())
            target = run / victim[7:9] / victim[7:] / "data"
            target.parent.mkdir(parents=True)
            fleet.blob(victim).rename(target)
            with fleet.parts(fleet.registry()).database.change() as connection:
                connection.execute("INSERT INTO quarantine VALUES (?, ?, 'swept', 0)", (victim, run.name))

    report = collect(fleet, step)
    assert report.restored == [victim]
    assert client.pull("team/b", digest) == []


def test_the_watch_brings_back_what_a_later_manifest_needs(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(cache="redis", replicas=1))
    client = Client(fleet.edge_url)
    one = image("one")
    client.delete("team/a", client.push("team/a", "v1", one))
    ripen(fleet)
    assert collect(fleet).swept_blobs == 4
    # A cache that lies, as after a flush that came too early: the client is told that the blob is there.
    with Redis("127.0.0.1", fleet.redis_port, SNAPSHOT_VALUES.redis_password) as redis:
        for blob in (one.layers[0], one.config):
            digest = sha256(blob)
            fields = ("digest", digest, "size", len(blob), "mediatype", "application/octet-stream")
            redis.command("HSET", f"blobs::{digest}", *fields)
            redis.command("HSET", f"repository::team/a::blobs::{digest}", *fields)
            redis.command("SADD", "repository::team/a::blobs", digest)
    digest = client.push("team/a", "v1", one)
    with pytest.raises(PushError):
        Client(fleet.edge_url, patience=0).pull("team/a", digest)
    with fleet.registry() as registry:
        assert set(watch(fleet.parts(registry))) == {sha256(one.layers[0]), sha256(one.config)}
    assert client.pull("team/a", digest) == []


@pytest.mark.parametrize(("major", "cache"), [(3, "redis"), (2, "none")])
def test_a_layer_that_a_client_names_by_sha512_stays(start_fleet: StartFleet, major: int, cache: str) -> None:
    """The registry stores its data by SHA-256, which no manifest names: its own collector calls that garbage, and that stops nothing."""
    fleet = start_fleet(Options(major=major, cache=cache, replicas=1, untagged_grace=100 * GRACE))
    client = Client(fleet.edge_url)
    config = b'{"name":"sha512"}'
    layers = {"team/tagged": b"a layer named by sha512" * 50, "team/untagged": b"another one" * 50}
    named = {repository: f"sha512:{hashlib.sha512(layer).hexdigest()}" for repository, layer in layers.items()}
    for repository, layer in layers.items():
        location = client.request("POST", f"/v2/{repository}/blobs/uploads/")[1]["location"].split("/v2/", 1)[1]
        assert client.request("PUT", f"/v2/{location}&digest={named[repository]}", layer, "application/octet-stream")[0] == 201
        client.push_blob(repository, config)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config), "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": named[repository], "size": len(layer)}],
        }
        body = json.dumps(manifest).encode()
        client.put_manifest(repository, "v1" if repository == "team/tagged" else sha256(body), body)
    client.delete("team/b", client.push("team/b", "v1", image("one")))
    ripen(fleet)
    report = collect(fleet)
    assert (report.stopped, report.swept_blobs) == ("", 4)
    assert quarantined(fleet).isdisjoint({*map(sha256, layers.values()), sha256(config)})
    for repository, layer in layers.items():
        assert client.request("GET", f"/v2/{repository}/blobs/{named[repository]}")[::2] == (200, layer)


def test_what_an_abandoned_push_left_goes_to_quarantine_and_is_gone_after_its_days(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(quarantine_days=7, cache="none", replicas=1))
    client = Client(fleet.edge_url)
    stays = client.push("team/b", "v1", image("stays"))
    abandoned = image("abandoned")
    client.push_blobs("team/a", abandoned)
    left = {sha256(abandoned.layers[0]), sha256(abandoned.config)}
    ripen(fleet)
    assert collect(fleet).swept_blobs == len(left)
    assert not any(fleet.blob(digest).exists() for digest in left)
    assert collect(fleet).expired_quarantines == 0
    assert quarantined(fleet) == left, "its days are not over"
    fleet.options.quarantine_days = 0
    assert collect(fleet).expired_quarantines == 1
    assert quarantined(fleet) == set()
    assert fleet.parts(fleet.registry()).sweeper.quarantined() == {}
    assert client.pull("team/b", stays, "v1") == []


def test_writes_that_do_not_end_keep_everything_and_the_gate_opens_again(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(max_gate=10, replicas=1))
    client = Client(fleet.edge_url)
    client.delete("team/a", client.push("team/a", "v1", image("one")))
    ripen(fleet)
    status, headers, _ = client.request("POST", "/v2/team/a/blobs/uploads/")
    assert status == 202
    path = headers["location"].split("/v2/", 1)[1]
    with socket.create_connection(("127.0.0.1", fleet.port)) as slow:
        slow.sendall(f"PATCH /v2/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc".encode())
        until(lambda: metrics.scrape(f"http://{fleet.hosts[0]}:{fleet.debug_port}") > 0, "the write is in flight", 30)
        report = collect(fleet, timing=replace(FAST, attempts=2))
    assert report.swept_blobs == 0
    assert "did not end" in report.stopped
    assert report.gate_longest < fleet.options.max_gate
    assert not fleet.places.gate.exists()


def test_a_cache_in_the_replicas_memory_is_refused(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(cache="inmemory", replicas=1))
    client = Client(fleet.edge_url)
    client.delete("team/a", client.push("team/a", "v1", image("one")))
    ripen(fleet)
    report = collect(fleet)
    assert report.swept_blobs == 0
    assert "memory" in report.stopped


def test_an_edge_that_does_not_keep_writes_out_is_noticed(start_fleet: StartFleet) -> None:
    fleet = start_fleet(Options(cache="none", replicas=1))
    client = Client(fleet.edge_url)
    client.delete("team/a", client.push("team/a", "v1", image("one")))
    ripen(fleet)
    conf = fleet.root / "edge/nginx.conf"
    conf.write_text(conf.read_text().replace(str(fleet.places.gate), str(fleet.places.gate) + "-elsewhere"))
    (fleet.root / "edge/.version").write_text("2")
    # Not only reloaded: the workers that know the right file are gone.
    fleet.places.gate.touch()
    until(lambda: Client(fleet.edge_url, patience=0).request("POST", "/v2/team/b/blobs/uploads/")[0] == 202, "the edge lets writes in", 60)
    fleet.places.gate.unlink()

    def step(name: str) -> None:
        if name == "sweep":
            assert client.request("POST", "/v2/team/b/blobs/uploads/")[0] == 202

    report = collect(fleet, step)
    assert "came through the closed gate" in report.stopped
    assert quarantined(fleet) == set(), "the batch was put back"


def test_the_index_of_a_child_is_kept_by_the_journal(start_fleet: StartFleet) -> None:
    """An index by digest without a tag is young: its children and blobs stay with it."""
    fleet = start_fleet(Options(untagged_grace=100 * GRACE, replicas=1))
    client = Client(fleet.edge_url)
    child = image("child")
    client.push("team/a", sha256(child.manifest), child)
    body = index([child.manifest])
    digest = client.put_manifest("team/a", sha256(body), body, INDEX)
    ripen(fleet)
    assert collect(fleet).swept_blobs == 0
    assert client.pull("team/a", digest) == []
