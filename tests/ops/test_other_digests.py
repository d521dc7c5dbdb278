"""Blobs that clients name by sha512: the registry stores their data by SHA-256, and that is what a collection would sweep."""

import hashlib

import pytest

from ops import walk
from ops.api import Registry, RegistryError, sha256
from ops.copy_image import copy
from ops.gc.needs import Reader
from ops.images import OCI_MANIFEST
from tests.ops.fake_registry import Content, serving

LAYER = b"a layer named by sha512"


def _image(content: Content) -> tuple[str, str, str]:
    """An image whose only layer has a sha512 digest: the manifest's digest, the layer's, and the one of the layer's data."""
    named = f"sha512:{hashlib.sha512(LAYER).hexdigest()}"
    content.blobs[sha256(LAYER)] = LAYER
    content.stored_as[named] = sha256(LAYER)
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": named, "size": len(LAYER)}
    return content.put("a", "1", {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": [layer]}), named, sha256(LAYER)


@pytest.mark.parametrize("redirect", [False, True])
def test_everything_that_says_what_is_in_use_names_the_data_too(redirect: bool) -> None:
    content = Content(bucket="http://storage.example/root" if redirect else "")
    digest, named, data = _image(content)
    with serving(content) as url, Registry([url], None) as registry:
        found = walk.walk(registry, None)
        assert found.problems == []
        assert found.blobs["a"] == {named, data}
        assert walk.closure(registry, "a", digest) == {digest, named, data}
        needs = Reader(registry, None).needs("a", digest)
        assert (needs.blobs, needs.gone) == ({named, data}, frozenset())


def test_a_missing_one_is_a_problem_and_never_nothing() -> None:
    content = Content()
    digest, named, data = _image(content)
    del content.blobs[data]
    with serving(content) as url, Registry([url], None) as registry:
        (problem,) = walk.walk(registry, None).problems
        assert (problem.reference, problem.message) == ("1", f"the blob {named} is missing")
        assert Reader(registry, None).needs("a", digest).gone == {named}
        with pytest.raises(RegistryError, match="is missing"):
            walk.closure(registry, "a", digest)


def test_an_answer_without_the_stored_digest_is_an_error() -> None:
    content = Content()
    digest, named, _ = _image(content)
    content.blobs[named] = content.blobs.pop(content.stored_as.pop(named))
    with serving(content) as url, Registry([url], None) as registry:
        with pytest.raises(RegistryError, match="does not say"):
            walk.walk(registry, None)
        with pytest.raises(RegistryError, match="does not say"):
            Reader(registry, None).needs("a", digest)


def test_it_is_not_mounted_because_the_registry_would_lie_about_that() -> None:
    content = Content()
    digest, _, _ = _image(content)
    with serving(content) as url, Registry([url], None) as registry, pytest.raises(RegistryError, match="only blobs with a sha256"):
        copy(registry, "a", "ops-recycle-bin/a", digest)
