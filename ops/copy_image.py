"""Copying an image from one repository to another of the same registry, without moving data."""

import threading
import time

from ops.api import Manifest, Registry, RegistryError
from ops.cache import Cache
from ops.images import References, is_stored_as, references

_ONE_AT_A_TIME = tuple(threading.Lock() for _ in range(64))
"""Registry 2.8 rewrites a blob's link when the blob is mounted again, and a manifest that is put at that moment finds it empty [tried]."""
ATTEMPTS = 3


def _copy_blob(registry: Registry, source: str, target: str, digest: str) -> None:
    if not is_stored_as(digest):
        # It answers 201 and the blob is not there afterwards [tried with 3.1.2 and 2.8.2].
        raise RegistryError(f"the registry cannot mount {digest[:19]}...: only blobs with a sha256 digest", 400)
    with _ONE_AT_A_TIME[hash((target, digest)) % len(_ONE_AT_A_TIME)]:
        if registry.head_blob(target, digest) is None and not registry.mount_blob(target, digest, source):
            raise RegistryError(f"the registry does not mount {digest} of {source} into {target}", 404)


def _put(registry: Registry, target: str, manifest: Manifest) -> None:
    """Stores a manifest whose parts were just copied; a client that mounts one of them now can make that fail for a moment."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            registry.put_manifest(target, manifest.digest, manifest.media_type, manifest.body)
        except RegistryError as error:
            if error.status != 400 or attempt == ATTEMPTS:
                raise
            time.sleep(0.1 * attempt)
        else:
            return


def copy(registry: Registry, source: str, target: str, digest: str, cache: Cache | None = None) -> Manifest:
    """Makes a manifest, its children and all their blobs available in `target`, by digest and without a tag; returns the manifest.

    The manifest is read from the registry and not the cache: being in the cache does not prove that it still exists.
    Raises RegistryError when something of it is missing.
    """
    manifest = registry.manifest(source, digest)
    if cache:
        cache.put(manifest)
    refers: References = references(manifest.media_type, manifest.body)
    for child in sorted(refers.children):
        copy(registry, source, target, child, cache)
    for blob in sorted(refers.blobs):
        _copy_blob(registry, source, target, blob)
    _put(registry, target, manifest)
    return manifest
