"""What a manifest refers to. Formats: OCI image-spec v1.1 (manifest.md, image-index.md) and Docker's manifest v2 schema 2 and schema 1."""

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from ops.errors import OpsError

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
SCHEMA1 = ("application/vnd.docker.distribution.manifest.v1+json", "application/vnd.docker.distribution.manifest.v1+prettyjws")

INDEXES = (OCI_INDEX, DOCKER_LIST)
ACCEPT = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST))
"""With it the registry answers each stored manifest as it is, and converts none."""

_DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")


class BadManifestError(OpsError):
    """A manifest that cannot be understood, so that what it refers to is unknown."""


@dataclass(frozen=True)
class Descriptor:
    """What one entry of a manifest says about the thing it points at. `size` is in bytes, None where the format has none."""

    digest: str
    size: int | None
    media_type: str


@dataclass(frozen=True)
class References:
    """Everything that must stay for a manifest to be pulled. Foreign layers (with urls) are in no registry and are left out.

    `subject` is the image that this manifest is a signature, an attestation or something else about.
    """

    blobs: frozenset[str]
    children: frozenset[str]
    subject: str | None
    config: str | None = None
    sizes: Mapping[str, int] | None = None


def is_digest(text: str) -> bool:
    """Whether this is a digest in a form that the registry accepts."""
    return _DIGEST.fullmatch(text) is not None


def is_stored_as(digest: str) -> bool:
    """Whether the registry stores a blob's data under this digest: SHA-256. Under any other it keeps a link to the SHA-256 one."""
    return digest.startswith("sha256:")


def _descriptor(value: object, where: str) -> Descriptor:
    if not isinstance(value, dict):
        raise BadManifestError(f"{where} is no object")
    entry = cast(dict[str, object], value)
    digest = entry.get("digest")
    if not isinstance(digest, str) or not is_digest(digest):
        raise BadManifestError(f"{where} has no valid digest: {digest!r}")
    size = entry.get("size")
    return Descriptor(sys.intern(digest), size if isinstance(size, int) else None, str(entry.get("mediaType", "")))


def _entries(document: Mapping[str, object], key: str) -> list[Descriptor]:
    values = document.get(key) or []
    if not isinstance(values, list):
        raise BadManifestError(f"{key} is no list")
    return [_descriptor(value, f"{key}[{number}]") for number, value in enumerate(cast(list[object], values))]


def _layers(document: Mapping[str, object], key: str) -> list[Descriptor]:
    """The layers that the registry holds. Of all entries only foreign layers (with urls) may be missing from it."""
    entries = _entries(document, key)
    values = cast(list[dict[str, object]], document.get(key) or [])
    return [entry for entry, value in zip(entries, values, strict=True) if not value.get("urls")]


def document(body: bytes) -> dict[str, object]:
    """A manifest's or config's JSON object."""
    try:
        value = cast(object, json.loads(body))
    except ValueError as error:
        raise BadManifestError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadManifestError("not a JSON object")
    return cast(dict[str, object], value)


def _schema1(content: Mapping[str, object]) -> References:
    layers = content.get("fsLayers")
    if not isinstance(layers, list):
        raise BadManifestError("a schema 1 manifest without fsLayers")
    blobs = [cast(dict[str, object], layer).get("blobSum") if isinstance(layer, dict) else None for layer in cast(list[object], layers)]
    if not all(isinstance(blob, str) and is_digest(blob) for blob in blobs):
        raise BadManifestError("a schema 1 manifest with a bad blobSum")
    return References(frozenset(sys.intern(cast(str, blob)) for blob in blobs), frozenset(), None)


def is_index(media_type: str, content: Mapping[str, object]) -> bool:
    """Whether this is an index (manifest list). Where no media type says so, the presence of `manifests` does."""
    return media_type in INDEXES or (media_type not in (OCI_MANIFEST, DOCKER_MANIFEST) and "manifests" in content)


def references(media_type: str, body: bytes) -> References:
    """What the manifest refers to. Raises BadManifestError when that cannot be known."""
    content = document(body)
    media_type = media_type.partition(";")[0].strip()
    if media_type in SCHEMA1 or "fsLayers" in content:
        return _schema1(content)
    subject = _descriptor(content["subject"], "subject") if content.get("subject") else None
    subject_digest = subject.digest if subject else None
    if is_index(media_type, content):
        children = _entries(content, "manifests")
        sizes = {entry.digest: entry.size for entry in children if entry.size is not None}
        return References(frozenset(), frozenset(entry.digest for entry in children), subject_digest, None, sizes)
    # An unknown kind of manifest may refer to things in ways that are not seen here: that must be an error, not "nothing".
    if media_type not in (OCI_MANIFEST, DOCKER_MANIFEST):
        raise BadManifestError(f"unknown media type {media_type!r}")
    blobs = _layers(content, "layers") + _layers(content, "blobs")
    config = _descriptor(content["config"], "config") if content.get("config") else None
    if config:
        blobs.append(config)
    sizes = {entry.digest: entry.size for entry in blobs if entry.size is not None}
    return References(frozenset(entry.digest for entry in blobs), frozenset(), subject_digest, config.digest if config else None, sizes)
