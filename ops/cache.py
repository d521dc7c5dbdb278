"""Manifests and small configs by digest, on disk. What a digest names never changes, so an entry stays right; only its room is bounded."""

import contextlib
import os
import tempfile
from pathlib import Path

from ops.api import Manifest, sha256

MAX_ENTRIES = 200_000
MAX_BYTES = 512 << 20


class Cache:
    """A folder of entries. Safe for many threads and processes: entries appear whole (rename), and readers check them."""

    def __init__(self, folder: Path, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_entries = max_entries
        self._max_bytes = max_bytes

    def _path(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        if not algorithm.isalnum() or not value.isalnum():
            raise ValueError(f"not a digest: {digest!r}")
        return self._folder / value[:2] / f"{algorithm}-{value}"

    def get(self, digest: str) -> Manifest | None:
        """The entry, None when there is none or when the file was damaged."""
        try:
            media_type, newline, body = self._path(digest).read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        if not newline or (digest.startswith("sha256:") and sha256(body) != digest):
            return None
        return Manifest(digest, media_type.decode("utf-8", "replace"), body)

    def put(self, entry: Manifest) -> None:
        """Keeps an entry. One whose digest is not that of its bytes (schema 1) is not kept."""
        if sha256(entry.body) != entry.digest:
            return
        path = self._path(entry.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(entry.media_type.encode() + b"\n" + entry.body)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def trim(self) -> int:
        """Removes the entries that were written longest ago until the bounds hold; returns how many went. Called once a run."""
        files: list[tuple[float, int, Path]] = []
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):  # another process trims too
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        files.sort(key=lambda file: file[0])
        total = sum(size for _, size, _ in files)
        removed = 0
        for _, size, path in files:
            if len(files) - removed <= self._max_entries and total <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            removed += 1
            total -= size
        return removed
