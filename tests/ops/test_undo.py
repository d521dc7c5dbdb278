"""`undo` on a fake registry: what comes back, and what does not."""

import time

import pytest

from ops import recycle
from ops.delete import Target
from ops.errors import OK, OpsError
from tests.ops.stage import Stage

CREATED = "2026-01-01T00:00:00Z"


def _put_away(stage: Stage, repository: str, digest: str) -> None:
    """As the collection does with a manifest that no tag names."""
    recycle.put(stage.registry, Target(repository, digest, (), "gc: untagged"), time.time(), stage.cache)
    stage.registry.delete_manifest(repository, digest)


def test_a_manifest_without_tags_comes_back_by_its_digest_with_the_gate_open(stage: Stage) -> None:
    digest = stage.content.add("a/app", "1", CREATED)
    stage.registry.delete_tag("a/app", "1")
    _put_away(stage, "a/app", digest)
    assert stage.registry.head_manifest("a/app", digest) is None
    assert stage.undo(f"a/app@{digest}") == OK
    assert stage.registry.head_manifest("a/app", digest) == digest
    assert stage.registry.tags("a/app") == []
    assert stage.moments == []
    assert recycle.entries(stage.registry) == []


def test_a_whole_repository_comes_back_without_what_the_collection_took(stage: Stage) -> None:
    tagged, untagged = stage.content.add("a/app", "1", CREATED), stage.content.add("a/app", "2", CREATED)
    stage.delete(Target("a/app", tagged, ("1",), "test"))
    stage.registry.delete_tag("a/app", "2")
    _put_away(stage, "a/app", untagged)
    assert stage.undo("a/app") == OK
    assert stage.registry.tags("a/app") == ["1"]
    assert [entry.digest for entry in recycle.entries(stage.registry)] == [untagged]


def test_there_is_no_bin_of_the_bin(stage: Stage) -> None:
    digest = stage.content.add("ops-recycle-bin/a", "1", CREATED)
    with pytest.raises(OpsError, match="already"):
        recycle.put(stage.registry, Target("ops-recycle-bin/a", digest, (), "gc: untagged"), time.time())


def test_what_was_attached_comes_back_with_its_image(stage: Stage) -> None:
    """Signatures by tag and by subject, also of an index's part, and the signature of a signature; nothing that went at another time."""
    part, other = stage.content.add("a/app", "part", CREATED), stage.content.add("a/app", "other", CREATED)
    index = stage.content.add_index("a/app", "1", [part])
    signature = stage.content.add("a/app", f"sha256-{index[7:]}.sig", CREATED)
    sbom = stage.content.add("a/app", "sbom", CREATED, subject=part)
    of_sbom = stage.content.add("a/app", f"sha256-{sbom[7:]}.sig", CREATED)
    of_other = stage.content.add("a/app", f"sha256-{other[7:]}.sig", CREATED)
    revoked = stage.content.add("a/app", f"sha256-{index[7:]}.att", CREATED)
    tags = stage.content.repositories["a/app"]
    assert tags is not None
    by_digest = {digest: Target("a/app", digest, (tag,), "test") for tag, digest in tags.items()}
    stage.delete(by_digest[revoked], at=time.time() - 60)
    stage.delete(*(by_digest[digest] for digest in (index, signature, sbom, of_sbom, other, of_other)))
    assert stage.undo("a/app:1") == OK
    back = {digest for digest in by_digest if any(stage.registry.head_manifest("a/app", tag) == digest for tag in by_digest[digest].tags)}
    assert back == {part, index, signature, sbom, of_sbom}
    assert {entry.digest for entry in recycle.entries(stage.registry)} == {revoked, other, of_other}


def test_the_gate_closes_anew_when_an_image_has_more_tags_than_a_moment_has_time_for(stage: Stage) -> None:
    digest = stage.content.add("a/app", "1", CREATED)
    for tag in ("2", "3"):
        stage.content.store("a/app", tag, stage.content.manifests[digest])
    stage.delete(Target("a/app", digest, ("1", "2", "3"), "test"))
    stage.seconds = 0
    assert stage.undo("a/app:1") == OK
    assert stage.registry.tags("a/app") == ["1", "2", "3"]
    assert len(stage.moments) == 3
