"""The recycle bin: deleted images stay complete in a hidden repository `ops-recycle-bin/<repository>` until their time is over.

Each deletion is one OCI index there, tagged: it holds the image as its child and, as annotations, where it was, its tags, when and why it
went. So the registry itself keeps the image and the record (both keys of the collection reach it through the tag), and a lost state volume
loses nothing. Only ops writes there, under its lock.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, cast

from ops.api import Registry, RegistryError, sha256
from ops.cache import Cache
from ops.copy_image import copy
from ops.errors import OpsError
from ops.images import OCI_INDEX, BadManifestError, document
from ops.moments import Moments
from ops.output import log
from ops.recycle_name import bin_of, is_bin, origin_of
from ops.settings import DAY_SECONDS

_PREFIX = "io.private-registry.ops."


class Deleted(Protocol):
    """An image that is about to be deleted."""

    @property
    def repository(self) -> str:
        """Where it is."""
        ...

    @property
    def digest(self) -> str:
        """Its manifest."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that go; none for a manifest that has none."""
        ...

    @property
    def reason(self) -> str:
        """Why."""
        ...


@dataclass(frozen=True)
class Entry:
    """One deletion. `deleted` is in Unix seconds; `name` is the record's tag in the bin, `record` its digest."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    deleted: float
    reason: str
    name: str
    record: str

    def to_data(self) -> dict[str, object]:
        """For --json."""
        when = datetime.fromtimestamp(self.deleted, UTC).isoformat(timespec="seconds")
        return {
            "repository": self.repository,
            "digest": self.digest,
            "tags": list(self.tags),
            "deleted": when,
            "reason": self.reason,
            "name": self.name,
        }


def put(registry: Registry, image: Deleted, now: float, cache: Cache | None = None) -> Entry:
    """Puts an image, with tags or without, into the bin; it stays in its repository as well.

    Raises RegistryError or BadManifestError when it is incomplete, OpsError when it is in the bin already: there is no bin of the bin.
    """
    if is_bin(image.repository):
        raise OpsError(f"{image.repository}@{image.digest} is in the recycle bin already")
    repository, digest = image.repository, image.digest
    target = bin_of(repository)
    manifest = copy(registry, repository, target, digest, cache)
    deleted = int(now)
    ordered = tuple(sorted(image.tags))
    record: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [{"mediaType": manifest.media_type, "digest": digest, "size": len(manifest.body)}],
        "annotations": {
            f"{_PREFIX}tags": json.dumps(ordered),
            f"{_PREFIX}deleted": str(deleted),
            f"{_PREFIX}reason": image.reason,
        },
    }
    body = json.dumps(record, sort_keys=True).encode()
    name = f"{deleted}-{digest.rpartition(':')[2][:12]}-{hashlib.sha256(json.dumps(ordered).encode()).hexdigest()[:8]}"
    registry.put_manifest(target, name, OCI_INDEX, body)
    return Entry(repository, digest, ordered, deleted, image.reason, name, sha256(body))


def _entry(registry: Registry, cache: Cache | None, bin_repository: str, name: str) -> Entry | None:
    """The record with this tag; None when it is gone or no record of ours."""
    record = registry.head_manifest(bin_repository, name)
    if record is None:
        return None
    manifest = cache.get(record) if cache else None
    if manifest is None:
        manifest = registry.manifest(bin_repository, record)
        if cache:
            cache.put(manifest)
    try:
        content = document(manifest.body)
        annotations = cast(dict[str, str], content["annotations"])
        child = cast(list[dict[str, object]], content["manifests"])[0]
        tags = cast(list[str], json.loads(annotations[f"{_PREFIX}tags"]))
        deleted, reason = float(annotations[f"{_PREFIX}deleted"]), annotations[f"{_PREFIX}reason"]
        return Entry(origin_of(bin_repository), str(child["digest"]), tuple(tags), deleted, reason, name, record)
    except (BadManifestError, KeyError, IndexError, TypeError, ValueError) as error:
        log("recycle bin: not a record", repository=bin_repository, tag=name, error=repr(error))
        return None


def entries(registry: Registry, cache: Cache | None = None, repository: str | None = None) -> list[Entry]:
    """What is in the bin, of one repository or of all; newest first."""
    bins = [bin_of(repository)] if repository else [name for name in registry.repositories() if is_bin(name)]
    names = [(name, tag) for name in bins for tag in registry.tags(name)]
    found = [entry for _, entry in registry.each(lambda item: _entry(registry, cache, *item), names) if entry]
    return sorted(found, key=lambda entry: (-entry.deleted, entry.repository, entry.name))


def remove(registry: Registry, entry: Entry) -> None:
    """Takes a record out of the bin. Its digest is its own (it holds the time and the tags), so both registry versions can delete it.

    The image in the bin loses its last tag with it; the garbage collection takes it later.
    """
    registry.delete_manifest(bin_of(entry.repository), entry.record)


def empty(
    registry: Registry, undo_days: int, now: float | None = None, *, dry_run: bool = False, cache: Cache | None = None
) -> list[Entry]:
    """Removes everything older than `undo_days`; returns it."""
    now = time.time() if now is None else now
    old = [entry for entry in entries(registry, cache) if entry.deleted < now - undo_days * DAY_SECONDS]
    if not dry_run:
        for entry in old:
            remove(registry, entry)
            log("recycle bin: removed", repository=entry.repository, digest=entry.digest, tags=entry.tags)
    return old


@dataclass(frozen=True)
class Restored:
    """What `undo` did: tags that are back, and tags that were left because they name another image now."""

    entry: Entry
    tags: tuple[str, ...]
    taken: tuple[str, ...]


def restore(registry: Registry, entry: Entry, moments: Moments, *, overwrite: bool = False, dry_run: bool = False) -> Restored:
    """Puts an image back into its repository with its tags, and its record out of the bin when every tag is back.

    A tag that somebody pushed anew meanwhile is left alone unless `overwrite`; that is looked up with the gate closed. An image without
    tags needs no closed gate: it is back by its digest.
    """
    repository = entry.repository
    now = {tag: registry.head_manifest(repository, tag) for tag in entry.tags}
    if dry_run:
        taken = tuple(tag for tag, digest in now.items() if digest not in (None, entry.digest) and not overwrite)
        return Restored(entry, tuple(tag for tag in entry.tags if tag not in taken), taken)
    manifest = copy(registry, bin_of(repository), repository, entry.digest)
    back: list[str] = []
    left: list[str] = []
    waiting = list(entry.tags)
    while waiting:
        before = len(waiting)
        with moments(f"undo of {repository}@{entry.digest}") as moment:
            while waiting and (moment.left() > 0 or len(waiting) == before):
                tag = waiting.pop(0)
                moment.check()
                there = registry.head_manifest(repository, tag)
                if there not in (None, entry.digest) and not overwrite:
                    left.append(tag)
                    continue
                if there != entry.digest:
                    registry.put_manifest(repository, tag, manifest.media_type, manifest.body)
                back.append(tag)
    if registry.head_manifest(repository, entry.digest) is None:
        raise RegistryError(f"{repository}@{entry.digest} is not there after it was restored; it is still in the recycle bin", 404)
    if not left:
        remove(registry, entry)
    log("undone", repository=repository, digest=entry.digest, tags=back, taken=left)
    return Restored(entry, tuple(back), tuple(left))
