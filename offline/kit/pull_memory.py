"""Remembers for a day which images an engine could not pull, so that a warm `make up` does not wait for the network again."""

import json
import time
from pathlib import Path

from offline.kit.files import write_whole

DAY_SECONDS = 24 * 3600.0


class PullMemory:
    """Failed pulls by engine and image. A file that cannot be read counts as empty."""

    def __init__(self, path: Path, engine: str) -> None:
        self._path, self._engine = path, engine
        self._all: dict[str, dict[str, dict[str, float | str]]] = {}
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            content = {}
        if isinstance(content, dict):
            self._all = content

    def reason(self, image: str, now: float | None = None) -> str | None:
        """Why the image could not be pulled within the last day, or None."""
        entry = self._all.get(self._engine, {}).get(image)
        if not entry or (time.time() if now is None else now) - float(entry["at"]) > DAY_SECONDS:
            return None
        return str(entry["reason"])

    def note(self, image: str, reason: str, now: float | None = None) -> None:
        """Notes a failed pull."""
        entry: dict[str, float | str] = {"at": time.time() if now is None else now, "reason": reason}
        self._all.setdefault(self._engine, {})[image] = entry
        write_whole(self._path, json.dumps(self._all, indent=1))
