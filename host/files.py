"""Puts files where the containers see them: unchanged ones stay untouched, changed ones appear whole or not at all."""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

VERSION = ".version"
"""A group's list of hashes, written last: its readers never act on half a change (bundle/templates/edge.sh.j2 reloads by it)."""
_NEW = ".new-"


@dataclass(frozen=True)
class HostFile:
    """A finished file and its mode. The content may be secret."""

    content: bytes
    mode: int


Groups = Mapping[str, Mapping[str, HostFile]]
"""Files by group and name."""


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _is_there(path: Path, file: HostFile, uid: int) -> bool:
    try:
        status = path.stat()
        return (status.st_uid, status.st_mode & 0o7777) == (uid, file.mode) and path.read_bytes() == file.content
    except FileNotFoundError:
        return False


def _prepare(path: Path, file: HostFile, uid: int) -> Path:
    """Writes the file under another name in the same folder, safe on the disk."""
    new = path.with_name(f"{_NEW}{path.name}")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as written:
        written.write(file.content)
        written.flush()
        os.fchown(written.fileno(), uid, uid)
        os.fchmod(written.fileno(), file.mode)
        os.fsync(written.fileno())
    return new


def _version(files: Mapping[str, HostFile]) -> HostFile:
    lines = (f"{hashlib.sha256(file.content).hexdigest()}  {name}\n" for name, file in files.items())
    return HostFile("".join(lines).encode(), 0o444)


def _make_folder(folder: Path, uid: int) -> None:
    """Services may look into it, others may not, and root alone may change it."""
    folder.mkdir(exist_ok=True, mode=0o700)
    os.chown(folder, 0 if os.geteuid() == 0 else -1, uid)
    folder.chmod(0o750)


def _remove_others(folder: Path, names: Mapping[str, HostFile]) -> list[str]:
    gone = [path for path in folder.iterdir() if path.name not in names and path.name != VERSION]
    for path in gone:
        path.unlink()
    return [f"{folder.name}/{path.name}" for path in gone if not path.name.startswith(_NEW)]


def write_files(root: Path, groups: Groups, uid: int) -> list[str]:
    """Makes the folders of the groups hold exactly these files; returns the paths that were written or removed.

    All new files are on the disk before the first takes its place, so that a full disk changes nothing. Raises OSError.
    """
    root.mkdir(parents=True, exist_ok=True, mode=0o711)
    prepared: list[tuple[Path, Path]] = []
    try:
        for group, files in groups.items():
            _make_folder(root / group, uid)
            for name, file in files.items():
                path = root / group / name
                if not _is_there(path, file, uid):
                    prepared.append((_prepare(path, file, uid), path))
    except OSError:
        for group in groups:
            for left in (root / group).glob(f"{_NEW}*"):
                left.unlink()
        raise
    for new, path in prepared:
        new.replace(path)
    changed = [f"{path.parent.name}/{path.name}" for _, path in prepared]
    for group, files in groups.items():
        changed += _remove_others(root / group, files)
        version, path = _version(files), root / group / VERSION
        if not _is_there(path, version, uid):
            _prepare(path, version, uid).replace(path)
        _sync_folder(root / group)
    return changed


def remove_other_groups(root: Path, groups: Groups) -> None:
    """Removes the folders of groups that the bundle no longer has, once no container uses them."""
    for folder in root.iterdir():
        if folder.name not in groups:
            shutil.rmtree(folder)


def make_data_folders(root: Path, names: Sequence[str], uid: int) -> None:
    """One folder a volume of data, the services' own. One that is someone else's is taken over with all that it holds."""
    root.mkdir(parents=True, exist_ok=True, mode=0o711)
    for name in names:
        folder = root / name
        folder.mkdir(exist_ok=True, mode=0o750)
        if folder.stat().st_uid == uid:
            continue
        for parent, folders, files in os.walk(folder):
            for entry in (*folders, *files):
                os.chown(Path(parent) / entry, uid, uid, follow_symlinks=False)
        # Last: one that was interrupted starts again.
        os.chown(folder, uid, uid)


def hash_of(paths: Sequence[str], groups: Groups) -> str:
    """One hash over files, by their paths: what changes it restarts a service."""
    found = hashlib.sha256()
    for path in paths:
        group, name = path.split("/", 1)
        # Lengths between contents, so that no two lists of files give the same bytes.
        content = groups[group][name].content
        found.update(f"{len(content)}:".encode() + content)
    return found.hexdigest()
