"""Writes files so that nobody ever sees half of one."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replaces a file's content in one step, with the mode in place from the start. Raises OSError as the file system does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_if_changed(path: Path, text: str, *, mode: int = 0o644) -> bool:
    """Like write_whole, but leaves an equal file alone. Returns whether it wrote."""
    try:
        if path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode:
            return False
    except FileNotFoundError:
        pass
    write_whole(path, text, mode=mode)
    return True


def point_link(path: Path, target: Path) -> None:
    """Makes `path` a symbolic link to `target`, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() and path.readlink() == target:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.symlink_to(target)
    temporary.replace(path)
