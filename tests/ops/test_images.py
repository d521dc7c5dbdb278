"""What manifests refer to."""

import json

import pytest

from ops import images

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def test_image_manifest() -> None:
    body = {
        "config": {"digest": A, "size": 3, "mediaType": "x"},
        "layers": [{"digest": B, "size": 5}, {"digest": C, "size": 7, "urls": ["https://elsewhere.example/layer"]}],
        "subject": {"digest": C, "size": 1},
    }
    found = images.references(images.OCI_MANIFEST + "; charset=utf-8", json.dumps(body).encode())
    assert found.blobs == {A, B}
    assert (found.children, found.subject, found.config) == (frozenset(), C, A)
    assert found.sizes == {A: 3, B: 5}


@pytest.mark.parametrize("media_type", images.INDEXES)
def test_index(media_type: str) -> None:
    found = images.references(media_type, json.dumps({"manifests": [{"digest": A, "size": 3}, {"digest": B, "size": 1}]}).encode())
    assert (found.blobs, found.children) == (frozenset(), {A, B})


def test_only_layers_with_addresses_elsewhere_are_left_out() -> None:
    """The registry wants everything else to be there, whatever its entry says about addresses: so it is in use."""
    a, b, c = ({"digest": digest, "size": 1, "urls": ["https://elsewhere.example/x"]} for digest in (A, B, C))
    index = images.references(images.OCI_INDEX, json.dumps({"manifests": [a, b], "subject": c}).encode())
    assert (index.children, index.subject) == ({A, B}, C)
    image = images.references(images.OCI_MANIFEST, json.dumps({"config": a, "layers": [b], "subject": c}).encode())
    assert (image.blobs, image.config, image.subject) == ({A}, A, C)


def test_schema_1() -> None:
    found = images.references(images.SCHEMA1[1], json.dumps({"fsLayers": [{"blobSum": A}, {"blobSum": A}]}).encode())
    assert found.blobs == {A}


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (images.OCI_MANIFEST, b"{"),
        (images.OCI_MANIFEST, b"[]"),
        (images.OCI_MANIFEST, b'{"layers": [{"size": 1}]}'),
        (images.OCI_MANIFEST, b'{"layers": {"digest": 1}}'),
        (images.OCI_MANIFEST, b'{"layers": [{"urls": ["https://elsewhere.example/x"]}]}'),
        (images.OCI_INDEX, b'{"manifests": [{"digest": "sha256:../../x"}]}'),
        ("application/vnd.example.new+json", b'{"things": []}'),
        (images.SCHEMA1[0], b'{"fsLayers": [{"blobSum": "x"}]}'),
    ],
)
def test_what_cannot_be_understood_is_an_error_and_never_nothing(media_type: str, body: bytes) -> None:
    with pytest.raises(images.BadManifestError):
        images.references(media_type, body)
