"""The client against the odd answers of a registry, and how few requests a plan takes."""

from pathlib import Path

import pytest

from ops import walk
from ops.api import Registry, RegistryError
from ops.cache import Cache
from ops.errors import UNREACHABLE
from ops.retention.collect import collect
from ops.verify import Verifier
from tests.ops.fake_registry import Content, data_path, serving


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries again at once."""
    monkeypatch.setattr("ops.api.PAUSE_SECONDS", 0.001)


@pytest.mark.parametrize("empty_is_404", [True, False])
def test_lists_in_pages_and_emptied_repositories(empty_is_404: bool) -> None:
    content = Content(page=3, empty_is_404=empty_is_404)
    for number in range(10):
        content.add("a", f"t{number}", "2026-01-01T00:00:00Z")
        content.add(f"r{number}", "1", "2026-01-01T00:00:00Z")
    content.repositories["emptied"] = None
    with serving(content) as url, Registry([url], None) as registry:
        assert registry.repositories() == sorted(["a", "emptied", *(f"r{number}" for number in range(10))])
        assert registry.tags("a") == [f"t{number}" for number in range(10)]
        assert registry.tags("emptied") == []
        assert walk.walk(registry, None).problems == []


@pytest.mark.parametrize("failures", [[503], [0], [0, 500, 502]])
def test_reads_are_tried_again(failures: list[int]) -> None:
    content = Content(failures={"/v2/a/tags/list": list(failures)})
    content.add("a", "1", "2026-01-01T00:00:00Z")
    with serving(content) as url, Registry([url], None) as registry:
        assert registry.tags("a") == ["1"]


def test_another_replica_answers_for_one_that_is_gone() -> None:
    content = Content()
    content.add("a", "1", "2026-01-01T00:00:00Z")
    with serving(content) as url, Registry(["http://127.0.0.1:9", url], None) as registry:
        assert registry.tags("a") == registry.tags("a") == ["1"]


def test_an_error_is_never_an_empty_list() -> None:
    content = Content(failures={"/v2/a/tags/list": [500] * 20, "/v2/_catalog": [401]})
    content.add("a", "1", "2026-01-01T00:00:00Z")
    with serving(content) as url, Registry([url], None) as registry:
        for look in (lambda: registry.tags("a"), registry.repositories):
            with pytest.raises(RegistryError) as caught:
                look()
            assert caught.value.exit_code == UNREACHABLE


def test_walk_reports_what_it_cannot_follow() -> None:
    content = Content()
    gone = content.add("a", "gone", "2026-01-01T00:00:00Z")
    content.add("a", "here", "2026-01-02T00:00:00Z")
    del content.manifests[gone]
    with serving(content) as url, Registry([url], None) as registry:
        found = walk.walk(registry, None)
        assert [(problem.repository, problem.reference) for problem in found.problems] == [("a", "gone")]


def test_a_plan_takes_one_request_for_each_tag_and_digest(tmp_path: Path) -> None:
    content = Content()
    for number in range(150):
        content.add("a", f"t{number}", f"2026-01-01T00:00:{number % 60:02d}Z")
    first = dict(content.repositories["a"] or {})
    content.repositories["a"] = {**first, **{f"again-{tag}": digest for tag, digest in first.items()}}
    with serving(content) as url, Registry([url], None) as registry:
        images = collect(registry, Cache(tmp_path), lambda _: True)
        assert len(images) == 150
        assert all(len(image.tags) == 2 and image.created for image in images)
        assert max(content.requests.values()) == 1
        kinds = [method for method, _ in content.requests.elements()]
        assert (kinds.count("HEAD"), kinds.count("GET")) == (300, 2 + 150 + 150)  # catalog, list, manifests, configs
        content.requests.clear()
        assert collect(registry, Cache(tmp_path), lambda _: True) == images
        assert sum(content.requests.values()) == 2 + 300  # everything else is on disk


@pytest.mark.parametrize("failures", [[], [503], [0, 503]], ids=["at once", "after a SlowDown", "after a broken connection"])
def test_blobs_on_object_storage_are_verified_there_and_the_account_stays_here(failures: list[int]) -> None:
    """Presigned addresses carry their own permission: an Authorization header would hand our password to the store, and S3 refuses it."""
    bucket, content = Content(), Content()
    for number in range(5):
        content.add("a", f"t{number}", f"2026-01-0{number + 1}T00:00:00Z")
    blobs = list(content.blobs)
    bucket.blobs = dict(content.blobs)
    bucket.failures = {data_path(blobs[0]): list(failures)}
    bucket.blobs[blobs[1]] = content.blobs[blobs[1]][:-3]
    bucket.blobs[blobs[2]] = b"X" + content.blobs[blobs[2]][1:]
    del bucket.blobs[blobs[3]]
    with serving(bucket) as storage, serving(content) as url, Registry([url], ("ops", "secret of ops")) as registry:
        content.bucket = storage.replace("127.0.0.1", "localhost")
        assert registry.head_blob("a", blobs[4]) == len(content.blobs[blobs[4]])
        present = Verifier(registry).run()
        assert {damage.digest for damage in present.damage} == {blobs[1], blobs[3]}, "cut off and missing"
        deep = Verifier(registry, deep=True).run()
        assert {damage.digest for damage in deep.damage} == {blobs[1], blobs[2], blobs[3]}
        assert {damage.images for damage in deep.damage} == {("a:t1",), ("a:t2",), ("a:t3",)}
    assert all("authorization" in headers for headers in content.headers)
    assert bucket.headers
    assert not any("authorization" in headers for headers in bucket.headers)


def test_a_storage_that_does_not_answer_is_no_damage() -> None:
    content = Content(bucket="http://127.0.0.1:9")
    content.add("a", "1", "2026-01-01T00:00:00Z")
    with serving(content) as url, Registry([url], None) as registry:
        with pytest.raises(RegistryError, match="storage does not answer") as caught:
            Verifier(registry, deep=True).run()
        assert caught.value.exit_code == UNREACHABLE


def test_a_probe_that_a_restarting_replica_refused_follows_the_redirect_of_the_next() -> None:
    bucket, content = Content(), Content()
    content.add("a", "1", "2026-01-01T00:00:00Z")
    ((digest, body),) = content.blobs.items()
    bucket.blobs = {digest: body}
    for failure in (0, 503):
        content.failures = {f"/v2/a/blobs/{digest}": [failure]}
        with serving(bucket) as storage, serving(content) as url, Registry([url], None) as registry:
            content.bucket = storage
            assert registry.probe_blob("a", digest) == len(body)


@pytest.mark.parametrize("cached", [True, False])
def test_what_many_images_share_is_asked_for_once(tmp_path: Path, cached: bool) -> None:
    content = Content()
    shared = [content.add("a", tag, "2026-01-01T00:00:00Z") for tag in ("amd64", "arm64")]
    for number in range(60):
        content.add_index("a", f"multi-{number}", [*shared, content.add("a", f"own-{number}", "2026-01-02T00:00:00Z")])
    with serving(content) as url, Registry([url], None) as registry:
        images = collect(registry, Cache(tmp_path) if cached else None, lambda _: True)
        assert sum(len(image.parts) == 3 and image.created is not None for image in images) == 60
        assert {request: count for request, count in content.requests.items() if count > 1} == {}
