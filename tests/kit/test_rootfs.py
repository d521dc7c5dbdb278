"""Assembling an image's files from unpacked packages."""

import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from offline.images import rootfs
from offline.images.recipe import ALL, CONFIG, EDGE, REGISTRY, Recipe
from offline.kit.errors import KitError

# Stands in for busybox: all that assembling does with it is to ask for its commands.
_BUSYBOX = b"#!/bin/sh\nprintf 'sh\\nwget\\nnginx\\n'\n"


def _unpacked(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mode, info.uid = len(content), 0o755, 1234
            archive.addfile(info, io.BytesIO(content))
    return path


def _changelog(line: str) -> bytes:
    return gzip.compress(line.encode())


def _members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path) as archive:
        return {member.name: member for member in archive}


def test_an_edge_image(tmp_path: Path) -> None:
    files = {
        "usr/bin/busybox": _BUSYBOX,
        "usr/sbin/nginx": b"nginx",
        "usr/share/man/man8/nginx.8.gz": b"",
        "usr/share/doc/nginx/copyright": b"BSD",
        "usr/share/doc/nginx/changelog.Debian.gz": _changelog("nginx (1.26.3-3+deb13u1) trixie; urgency=medium"),
        "usr/share/libc-bin/nsswitch.conf": b"hosts: files dns",
    }
    target = tmp_path / "root.tar"
    assert rootfs.assemble(EDGE, _unpacked(tmp_path / "in.tar", files), target, {}) == "1.26.3"
    members = _members(target)
    assert {"usr/sbin/nginx", "usr/share/doc/nginx/copyright", "etc/nsswitch.conf", "etc/passwd", "tmp"} <= set(members)
    assert "usr/share/man/man8/nginx.8.gz" not in members
    assert "usr/share/doc/nginx/changelog.Debian.gz" not in members
    assert members["usr/bin/wget"].linkname == "busybox"
    assert members["bin"].linkname == "usr/bin"
    assert "usr/bin/nginx" not in members, "a package's own program is never covered by a busybox command of that name"
    assert members["var/log/nginx/error.log"].linkname == "/dev/stderr"
    assert {member.uid for member in members.values()} == {0}
    assert members["tmp"].mode == 0o1777


def test_a_registry_image_holds_only_what_it_keeps(tmp_path: Path) -> None:
    program = tmp_path / "registry"
    program.write_bytes(b"ELF")
    files = {
        "usr/bin/busybox": _BUSYBOX,
        "usr/bin/openssl": b"x",
        "usr/share/ca-certificates/mozilla/B.crt": b"second\n",
        "usr/share/ca-certificates/mozilla/A.crt": b"first\n",
    }
    target = tmp_path / "root.tar"
    version = rootfs.assemble(REGISTRY, _unpacked(tmp_path / "in.tar", files), target, {"usr/bin/registry": program})
    members = _members(target)
    assert version == REGISTRY.version
    assert "usr/bin/openssl" not in members
    assert members["usr/bin/registry"].mode == 0o755
    with tarfile.open(target) as archive:
        bundle = archive.extractfile("etc/ssl/certs/ca-certificates.crt")
        assert bundle is not None
        assert bundle.read() == b"first\nsecond\n"


def test_an_image_without_busybox_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="no busybox"):
        rootfs.assemble(CONFIG, _unpacked(tmp_path / "in.tar", {"usr/bin/other": b""}), tmp_path / "root.tar", {})


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("redis (5:8.0.2-3+deb13u1) trixie; urgency=medium", "8.0.2"),
        ("docker-registry (2.8.3+ds1-2) unstable; urgency=medium", "2.8.3"),
        ("busybox (1:1.37.0-6) unstable; urgency=medium", "1.37.0"),
        ("native (12) unstable", "12"),
    ],
)
def test_versions_from_changelogs(line: str, version: str) -> None:
    assert rootfs.package_version(line.encode()) == version


def test_a_changelog_without_version_is_an_error() -> None:
    with pytest.raises(KitError, match="no version"):
        rootfs.package_version(b"")


def test_recipes_differ_by_fingerprint_and_names_are_our_own() -> None:
    assert len({recipe.fingerprint() for recipe in ALL.values()}) == len(ALL)
    assert all(recipe.tag.startswith("offline/") for recipe in ALL.values())
    changed: Recipe = replace(EDGE, packages=(*EDGE.packages, "more"))
    assert changed.fingerprint() != EDGE.fingerprint() != EDGE.fingerprint("other build")
