"""Files that pulumi uploads from this machine's disk (`uploads[].source`): their content, for the rules that read it."""

from dataclasses import replace
from pathlib import Path

from policies.containers.facts import CONTAINER
from policies.rule import Resource
from policies.values import UNKNOWN, View

MAX_BYTES = 1024 * 1024
"""More than any configuration, key or certificate has."""


def with_contents(resource: Resource, folder: Path) -> Resource:
    """The container with `content` beside each `source`; relative paths start in the program's folder. Others come back as they are.

    A file that is missing, too large or no text is left out: the provider says so, or no rule reads it.
    """
    if resource.type != CONTAINER or not isinstance(resource.props.data, dict):
        return resource
    uploads = resource.props.known("uploads")
    if not isinstance(uploads, list) or not any(isinstance(upload, dict) and upload.get("source") for upload in uploads):
        return resource
    filled = [_filled(upload, folder) for upload in uploads]
    return replace(resource, props=View({**resource.props.data, "uploads": filled}))


def _filled(upload: object, folder: Path) -> object:
    if not isinstance(upload, dict) or upload.get("content") or not upload.get("source"):
        return upload
    source = upload["source"]
    if source is UNKNOWN:
        return {**upload, "content": UNKNOWN}
    if not isinstance(source, str):
        return upload
    try:
        path = folder / source
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return upload
        return {**upload, "content": path.read_text(encoding="utf-8")}
    except (OSError, ValueError):
        return upload
