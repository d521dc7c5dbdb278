"""Rules over several properties of a container, checked before anything happens. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import Any

from offline.plugins.docker.container_schema import CONTAINER
from offline.plugins.docker.schema import check_inputs, settings
from offline.plugins.framework.resource import CheckFailure
from offline.plugins.framework.values import UNKNOWN, Properties, has_unknown

_CONTENTS = ("content", "contentBase64", "source")


def check_container(news: Properties) -> tuple[Properties, list[CheckFailure]]:
    """Validate a container's inputs. Returns them without nulls, and every problem found; values of uploads are never quoted."""
    cleaned, failures = check_inputs(CONTAINER, news)
    if not failures:
        wanted = settings(CONTAINER, cleaned)
        for rule in _RULES:
            failures += rule(wanted)
    return cleaned, failures


def _read_only_uploads(wanted: dict[str, Any]) -> Iterator[CheckFailure]:
    if wanted.get("uploads") is not None and _is(wanted["readOnly"], True):
        yield CheckFailure(
            "uploads",
            "the engine copies no files into a container whose root is read-only, not even into its volumes: leave out readOnly, "
            "or let another container put the files into a volume that this one mounts",
        )


def _upload_contents(wanted: dict[str, Any]) -> Iterator[CheckFailure]:
    for at, upload in _entries(wanted, "uploads"):
        path = f"uploads[{at}]"
        given = [name for name in _CONTENTS if upload.get(name) is UNKNOWN or upload.get(name)]
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them, or an empty one (the vendor's plugin refuses empty files too)"
            yield CheckFailure(path, f"needs exactly one of {', '.join(_CONTENTS)}; has {found}")
        elif given == ["contentBase64"] and upload["contentBase64"] is not UNKNOWN and not _is_base64(upload["contentBase64"]):
            yield CheckFailure(f"{path}.contentBase64", "is not base64")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _volumes(wanted: dict[str, Any]) -> Iterator[CheckFailure]:
    for at, volume in _entries(wanted, "volumes"):
        if not has_unknown(volume) and bool(volume.get("fromContainer")) == bool(volume.get("containerPath")):
            yield CheckFailure(f"volumes[{at}]", "needs either containerPath or fromContainer")


def _mounts(wanted: dict[str, Any]) -> Iterator[CheckFailure]:
    for at, mount in _entries(wanted, "mounts"):
        if has_unknown(mount):
            continue
        source = mount.get("source", "")
        if mount["type"] == "bind" and not source.startswith("/"):
            yield CheckFailure(f"mounts[{at}].source", f"must be an absolute path on the engine's host for a bind mount, not {source!r}")
        if mount["type"] == "tmpfs" and source:
            yield CheckFailure(f"mounts[{at}].source", "a tmpfs mount has no source")


def _restart(wanted: dict[str, Any]) -> Iterator[CheckFailure]:
    restart, retries = wanted["restart"], wanted.get("maxRetryCount", 0)
    if has_unknown([restart, retries, wanted["rm"]]):
        return
    if retries and restart != "on-failure":
        yield CheckFailure("maxRetryCount", f'goes with restart "on-failure" only, not with "{restart}"')
    if wanted["rm"] and restart != "no":
        yield CheckFailure("rm", f'a container that removes itself cannot restart: use restart "no" instead of "{restart}"')


def _memory(wanted: dict[str, Any]) -> Iterator[CheckFailure]:
    memory, swap = wanted.get("memory", 0), wanted.get("memorySwap", 0)
    if has_unknown([memory, swap]) or swap <= 0:
        return
    if not memory:
        yield CheckFailure("memorySwap", "needs memory as well: it is the sum of memory and swap, in MiB")
    elif swap < memory:
        yield CheckFailure("memorySwap", f"is the sum of memory and swap in MiB, so at least memory ({memory}), not {swap}")


def _entries(wanted: dict[str, Any], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The known entries of a list, with their places in it."""
    entries = wanted.get(name, [])
    for at, entry in enumerate([] if entries is UNKNOWN else entries):
        if entry is not UNKNOWN:
            yield at, entry


def _is(value: object, expected: bool) -> bool:
    return value is not UNKNOWN and value is expected


_RULES: tuple[Callable[[dict[str, Any]], Iterator[CheckFailure]], ...] = (
    _read_only_uploads,
    _upload_contents,
    _volumes,
    _mounts,
    _restart,
    _memory,
)
