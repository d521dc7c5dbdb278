"""Key 1: the registry's own collector, as a dry run without -m (bundle/templates/collector.sh.j2)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ops.errors import STOPPED, OpsError
from ops.output import log
from ops.spool import Spool

_ELIGIBLE = re.compile(r"blob eligible for deletion: (sha256:[0-9a-f]{64})\s*")
_MARKED = re.compile(r"([^: ]+): marking manifest (sha256:[0-9a-f]{64})\s*")
_EMPTY = re.compile(
    r"failed to garbage collect: (?:failed to mark|error enumerating blobs): \w+: "
    r"Path not found: /docker/registry/v2/(?:repositories|blobs)\s*$"
)
"""No repository yet, or none with more than an upload that has not ended."""
_VANISHED = re.compile(r"failed to retrieve manifest for digest (sha256:[0-9a-f]{64})[^\n]*(?:unknown manifest|Path not found)")
TRIES = 3
"""How often a dry run is begun that met a manifest which somebody deleted in that moment: likely where the walk takes long."""


class CollectorError(OpsError):
    """The dry run failed: there is no first key this time."""


class VanishedError(CollectorError):
    """A manifest was deleted while the collector walked: there is no first key, and the next try may succeed."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"{digest} was deleted while the collector looked at it", STOPPED)


@dataclass(frozen=True)
class DryRun:
    """What the collector says: blobs that no manifest refers to, and per repository the manifests that it found."""

    eligible: frozenset[str]
    manifests: frozenset[tuple[str, str]]


TAKE_SECONDS = 60
"""How soon the collector must begin."""
EMPTY = DryRun(frozenset(), frozenset())


def parse(lines: Iterable[str]) -> DryRun:
    """Reads the collector's output; lines of other kinds are skipped."""
    eligible: set[str] = set()
    manifests: set[tuple[str, str]] = set()
    for line in lines:
        if match := _ELIGIBLE.fullmatch(line):
            eligible.add(match[1])
        elif match := _MARKED.fullmatch(line):
            manifests.add((match[1], match[2]))
    return DryRun(frozenset(eligible), frozenset(manifests))


def is_empty_registry(code: int, error: str) -> bool:
    """Whether the collector failed only because nothing was ever pushed."""
    return code == 1 and _EMPTY.search(error) is not None


def dry_run(spool: Spool, seconds: float = 6 * 3600) -> DryRun:
    """Orders a dry run and waits for it. Raises CollectorError or SpoolError; VanishedError when deletions ended it again and again."""
    for attempt in range(1, TRIES + 1):
        try:
            return _once(spool, seconds)
        except VanishedError as error:
            if attempt == TRIES:
                raise
            log("gc.dry_run_again", attempt=attempt, why=str(error))
    raise AssertionError("the last attempt returns or raises")


def _once(spool: Spool, seconds: float) -> DryRun:
    result = spool.wait(spool.order({"command": "dry-run"}), seconds, TAKE_SECONDS)
    try:
        if is_empty_registry(result.code, result.error):
            return EMPTY
        if vanished := _VANISHED.search(result.error):
            raise VanishedError(vanished[1])
        if result.code != 0:
            raise CollectorError(f"the collector's dry run failed ({result.code}): {result.error}")
        with result.log.open(encoding="utf-8", errors="replace") as log:
            return parse(log)
    finally:
        spool.forget(result.identity)
