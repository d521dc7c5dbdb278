"""Turns unpacked packages into the root file system of one image."""

import gzip
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from offline.images.recipe import Recipe
from offline.kit.errors import KitError

# Licences stay, the rest of the documentation goes; so do translations and character sets that no service here uses.
_CUT = (
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/i18n",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/zsh",
    "usr/share/bash-completion",
    "usr/share/perl5",
    "usr/share/pam",
    "usr/share/debconf",
    "usr/share/common-licenses",
    "usr/lib/locale",
    "usr/lib/systemd",
    "usr/lib/tmpfiles.d",
    "etc/init.d",
    "etc/cron.daily",
    "etc/logrotate.d",
    "etc/apt",
    "var/lib/apt",
    "var/cache/apt",
    "var/lib/dpkg",
    "dev",
)
_CUT_INSIDE = ("/gconv/",)
_DOC = "usr/share/doc"
_CERTIFICATES = "usr/share/ca-certificates"
_BUSYBOX = "usr/bin/busybox"
_NSSWITCH = "usr/share/libc-bin/nsswitch.conf"
_ACCOUNTS = """root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
_GROUPS = "root:x:0:\nadm:x:4:\nwww-data:x:33:\nnogroup:x:65534:\n"
_FOLDERS = ("etc/ssl/certs", "usr/bin", "usr/sbin", "usr/lib", "proc", "sys", "dev", "run", "root", "var/log", "var/lib")
_FOLDER_LINKS = (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("var/run", "/run"))


def _below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def wanted(path: str, recipe: Recipe) -> bool:
    """Whether a path (`usr/bin/nginx`) of the unpacked packages belongs into the image."""
    if recipe.keep and not _below(path, recipe.keep):
        return False
    if _below(path, (_DOC,)):
        return path.endswith("/copyright")
    return not _below(path, _CUT) and not any(part in path for part in _CUT_INSIDE)


def package_version(changelog: bytes) -> str:
    """The upstream version out of a Debian changelog's first line: `redis (5:8.0.2-3+deb13u1) trixie; ...` gives `8.0.2`."""
    first = changelog.decode(errors="replace").splitlines()[0] if changelog else ""
    version = first.partition("(")[2].partition(")")[0]
    upstream = version.partition(":")[2] if ":" in version else version
    if "-" in upstream:
        upstream = upstream.rpartition("-")[0]
    upstream = upstream.partition("+")[0]
    if not upstream:
        raise KitError(f"no version in the changelog line {first!r}")
    return upstream


def _applets(busybox: bytes) -> list[str]:
    """Names of the commands that this busybox contains: it is static, so it runs here."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "busybox"
        program.write_bytes(busybox)
        program.chmod(0o700)
        listed = subprocess.run([program, "--list"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return listed.stdout.split()


class _Image:
    """Collects the members of the new tar file; the first one at a path wins."""

    def __init__(self, target: tarfile.TarFile) -> None:
        self._target = target
        self.paths: set[str] = set()

    def _parents(self, path: str) -> None:
        for parent in reversed(PurePosixPath(path).parents):
            if str(parent) != ".":
                self.folder(str(parent))

    def member(self, info: tarfile.TarInfo, content: IO[bytes] | None = None) -> None:
        if info.name in self.paths:
            return
        self._parents(info.name)
        self.paths.add(info.name)
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        self._target.addfile(info, content)

    def folder(self, path: str, mode: int = 0o755) -> None:
        info = tarfile.TarInfo(path)
        info.type, info.mode = tarfile.DIRTYPE, mode
        self.member(info)

    def link(self, path: str, target: str) -> None:
        info = tarfile.TarInfo(path)
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        self.member(info)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        info = tarfile.TarInfo(path)
        info.size, info.mode = len(content), mode
        self.member(info, io.BytesIO(content))


@dataclass
class _Found:
    """What the unpacked packages hold that does not go into the image as it is."""

    changelog: bytes = b""
    busybox: bytes = b""
    nsswitch: bytes = b""
    certificates: list[bytes] = field(default_factory=list)

    def takes(self, path: str, content: IO[bytes] | None, recipe: Recipe) -> bool:
        """Keeps the content of a file that it wants; returns whether it did."""
        if not content:
            return False
        if path.startswith(f"{_DOC}/{recipe.version_from}/changelog"):
            self.changelog = self.changelog or gzip.decompress(content.read())
        elif path == _BUSYBOX:
            self.busybox = content.read()
        elif path == _NSSWITCH:
            self.nsswitch = content.read()
        elif _below(path, (_CERTIFICATES,)):
            self.certificates.append(content.read())
        else:
            return False
        return True


def assemble(recipe: Recipe, unpacked: Path, target: Path, programs: dict[str, Path]) -> str:
    """Writes the image's root file system to `target` and returns the version for its tag.

    `programs` are host files to put in, by path inside the image. Raises KitError when something that the recipe promises is missing.
    """
    found = _Found()
    with tarfile.open(unpacked) as source, tarfile.open(target, "w") as archive:
        image = _Image(archive)
        # First, so that these are the same in every image, whatever a package says about them.
        for path, to in _FOLDER_LINKS:
            image.link(path, to)
        for path in (*_FOLDERS, *recipe.folders):
            image.folder(path)
        image.folder("tmp", 0o1777)
        image.folder("var/tmp", 0o1777)
        for info in source:
            path = info.name.removeprefix("./").rstrip("/")
            content = source.extractfile(info) if info.isreg() else None
            if path in {"", "."} or found.takes(path, content, recipe) or not wanted(path, recipe):
                continue
            info.name = path
            if info.islnk():
                info.linkname = info.linkname.removeprefix("./")
            image.member(info, content)
        _complete(image, recipe, found, programs)
    return recipe.version or package_version(found.changelog)


def _complete(image: _Image, recipe: Recipe, found: _Found, programs: dict[str, Path]) -> None:
    """Adds what no package ships ready-made: programs, links, small commands, accounts, certificates."""
    for path, program in programs.items():
        image.file(path, program.read_bytes(), 0o755)
    for path, to in recipe.links:
        image.link(path, to)
    if not found.busybox:
        raise KitError(f"image {recipe.role}: no busybox in the unpacked packages")
    image.file(_BUSYBOX, found.busybox, 0o755)
    for name in _applets(found.busybox):
        if not {f"usr/bin/{name}", f"usr/sbin/{name}"} & image.paths:
            image.link(f"usr/bin/{name}", "busybox")
    image.file("etc/passwd", _ACCOUNTS.encode())
    image.file("etc/group", _GROUPS.encode())
    if found.nsswitch:
        image.file("etc/nsswitch.conf", found.nsswitch)
    if found.certificates:
        image.file("etc/ssl/certs/ca-certificates.crt", b"".join(sorted(found.certificates)))
