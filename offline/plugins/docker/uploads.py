"""The files that a container is given before it starts, as one tar archive."""

from __future__ import annotations

import base64
import grp
import io
import pwd
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from offline.plugins.framework.resource import ResourceError


def archive(uploads: Sequence[Mapping[str, Any]]) -> bytes:
    """A tar archive of the files of `uploads`, to be unpacked at the container's root.

    Raises ResourceError when a `source` file cannot be read or an owner's name is not known on this machine. Owner names are looked up
    here and not in the container, as the vendor's plugin does; numbers are safe on every machine.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for upload in uploads:
            content = _content(upload)
            entry = tarfile.TarInfo(upload["file"])
            entry.size = len(content)
            entry.mode = _mode(upload)
            entry.mtime = int(time.time())
            entry.uid = _number(upload, "owner")
            entry.gid = _number(upload, "group")
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _content(upload: Mapping[str, Any]) -> bytes:
    if upload.get("content"):
        return upload["content"].encode()
    if upload.get("contentBase64"):
        return base64.b64decode(upload["contentBase64"])
    try:
        return Path(upload["source"]).read_bytes()
    except OSError as error:
        raise ResourceError(f"uploads: the file {upload['source']} for {upload['file']} cannot be read: {error.strerror}") from error


def _mode(upload: Mapping[str, Any]) -> int:
    if upload.get("permissions"):
        return int(upload["permissions"], 8)
    return 0o744 if upload.get("executable") else 0o644


def _number(upload: Mapping[str, Any], which: str) -> int:
    name = upload.get(which, "")
    if not name:
        return 0
    if name.isdecimal():
        return int(name)
    try:
        return pwd.getpwnam(name).pw_uid if which == "owner" else grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ResourceError(f"uploads: {which} {name!r} of {upload['file']} is not known on this machine: use a number") from error
