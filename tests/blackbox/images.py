"""Synthetic images: small, valid, and the same bytes for the same seed, so that a digest says whether an image came through whole."""

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EPOCH = "2024-01-01T00:00:00Z"
MIB = 1024 * 1024


def digest_of(data: bytes) -> str:
    """The digest of these bytes as registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def descriptor(media_type: str, data: bytes) -> dict[str, object]:
    """What a manifest says about a blob or another manifest."""
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


@dataclass(frozen=True)
class Image:
    """One platform's image: the manifest's bytes, the configuration, the layers."""

    manifest: bytes
    config: bytes
    layers: tuple[bytes, ...]
    architecture: str

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def blobs(self) -> tuple[bytes, ...]:
        return (self.config, *self.layers)


@dataclass(frozen=True)
class Index:
    """A multi-arch image: the index's bytes and its children."""

    manifest: bytes
    children: tuple[Image, ...] = field(repr=False)

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)


def _tar(seed: str, size: int) -> bytes:
    buffer = io.BytesIO()
    # USTAR has no field that depends on the machine or the time.
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo(f"data/{hashlib.sha256(seed.encode()).hexdigest()[:16]}")
        info.size = size
        archive.addfile(info, io.BytesIO(random.Random(seed).randbytes(size)))  # noqa: S311 - content, no secret
    return buffer.getvalue()


def build_image(seed: str, layer_sizes: tuple[int, ...] = (1000, 2000), architecture: str = "amd64") -> Image:
    """An image whose layers are real gzip-compressed tar archives, each with one random file of the given size in bytes."""
    tars = [_tar(f"{seed}/{number}", size) for number, size in enumerate(layer_sizes)]
    layers = tuple(gzip.compress(tar, compresslevel=1, mtime=0) for tar in tars)
    config = json.dumps(
        {
            "created": EPOCH,
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": {"seed": seed}, "Cmd": ["/none"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
            "history": [{"created": EPOCH, "created_by": f"layer {number}"} for number in range(len(tars))],
        },
        sort_keys=True,
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, config),
            "layers": [descriptor(LAYER, layer) for layer in layers],
        },
        sort_keys=True,
    ).encode()
    return Image(manifest, config, layers, architecture)


def build_index(seed: str, architectures: tuple[str, ...] = ("amd64", "arm64")) -> Index:
    """A multi-arch image with one child an architecture."""
    children = tuple(build_image(f"{seed}-{name}", architecture=name) for name in architectures)
    entries = [
        {**descriptor(MANIFEST, child.manifest), "platform": {"os": "linux", "architecture": child.architecture}} for child in children
    ]
    manifest = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}, sort_keys=True).encode()
    return Index(manifest, children)


def write_layout(folder: Path, images: Mapping[str, Image | Index]) -> Path:
    """An OCI image layout on disk with one entry a tag: what `skopeo copy oci:FOLDER:TAG` reads."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes) -> None:
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)

    entries: list[dict[str, object]] = []
    for tag, image in images.items():
        children = image.children if isinstance(image, Index) else (image,)
        for child in children:
            for blob in (*child.blobs, child.manifest):
                put(blob)
        put(image.manifest)
        media_type = INDEX if isinstance(image, Index) else MANIFEST
        entries.append({**descriptor(media_type, image.manifest), "annotations": {"org.opencontainers.image.ref.name": tag}})
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return folder


@dataclass(frozen=True)
class GeneratedBlob:
    """A blob of any size that never exists as a whole: its pieces are made while they are sent."""

    seed: str
    size: int
    piece: int = MIB

    def pieces(self) -> Iterator[bytes]:
        """The content. Every piece differs, and none compresses, so nothing on the way can cheat."""
        base = random.Random(self.seed).randbytes(self.piece)  # noqa: S311 - content, no secret
        for start in range(0, self.size, self.piece):
            head = hashlib.sha256(f"{self.seed}/{start}".encode()).digest()
            yield (head + base[len(head) :])[: self.size - start]
