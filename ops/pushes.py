"""When tags were last pushed, as far as the edge's journal told: retention counts an image's age from its push where that is later.

A creation time alone says little: buildpacks and other reproducible builds give all images the same, and a mirrored or promoted image is
older than its push. The journal forgets after some days, so what matters of it is kept here. Losing it costs what is known about pushes.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from ops.gc.database import Database, note, remember
from ops.retention.image import Image
from ops.retention.rules import Rule
from ops.settings import DAY_SECONDS

LEAST_SECONDS = 30 * DAY_SECONDS
"""Remembered for so long at least, also without a rule that asks: one may be set tomorrow."""
_LATEST = "INSERT INTO pushed VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)"


class Pushes:
    """The record of pushes, in the same file as the journal's essence."""

    def __init__(self, database: Database, rules: Iterable[Rule], clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self.keep_seconds = max([LEAST_SECONDS, *(rule.keep_within for rule in rules if rule.keep_within is not None)])
        self._clock = clock

    def collect(self) -> None:
        """Takes over what the journal has read since the last time. A child of an index is pushed by digest, and is no image."""
        with self._database.change() as connection:
            position = note(connection, "position") or "0"
            seen = note(connection, "pushes") or "0"
            if seen == position:
                return
            written = connection.execute(
                "SELECT repository, CASE digest WHEN '' THEN reference ELSE digest END, at FROM written"
                " WHERE position > ? AND reference NOT LIKE '%:%'",
                (int(seen),),
            ).fetchall()
            connection.executemany(_LATEST, written)
            connection.execute("DELETE FROM pushed WHERE at < ?", (self._clock() - self.keep_seconds,))
            remember(connection, "pushes", position)

    def record(self, repository: str, digest: str) -> None:
        """An image that ops itself brought back now: as if it was pushed."""
        with self._database.change() as connection:
            connection.execute(_LATEST, (repository, digest, self._clock()))

    def known(self) -> dict[tuple[str, str], float]:
        """Repository and digest, or tag where the digest is not known, with the time of the last push."""
        with self._database.change() as connection:
            rows = connection.execute("SELECT repository, name, at FROM pushed").fetchall()
        return {(str(repository), str(name)): float(at) for repository, name, at in rows}

    def add_to(self, images: Iterable[Image]) -> list[Image]:
        """The images with the time of their last push, where it is known."""
        known: Mapping[tuple[str, str], float] = self.known()
        found: list[Image] = []
        for image in images:
            times = [at for name in (image.digest, *image.tags) if (at := known.get((image.repository, name))) is not None]
            found.append(replace(image, pushed=max(times)) if times else image)
        return found
