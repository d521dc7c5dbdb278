"""Outputs that an update changes: versions that count up."""

from __future__ import annotations

from offline.plugins.framework import UNKNOWN, Properties
from offline.plugins.preview import Shape

_NOT_PLANNED = frozenset({"name", "namePrefix", "description", "defaultVersion", "updateDefaultVersion"})
_NO_VERSION = frozenset({"name", "namePrefix", "defaultVersion", "updateDefaultVersion", "tags", "region"})
"""Inputs of a launch template whose change makes no version of it (internal/service/ec2/ec2_launch_template.go of terraform-provider-aws:
what its plan calls not known yet, and what its update creates a version for)."""


def revised(shape: Shape, changed: frozenset[str], olds: Properties, news: Properties, *, preview: bool) -> Properties:
    """Return the outputs that differ, or stay, because these inputs changed; `olds` are the outputs before."""
    if shape.kind == "LaunchTemplate":
        return _launch_template(changed, olds, news, preview=preview)
    if (
        shape.kind in {"BucketObject", "BucketObjectv2"}
        and preview
        and changed & {"content", "contentBase64", "source", "sourceHash", "etag"}
    ):
        return {"versionId": UNKNOWN}
    return {}


def _launch_template(changed: frozenset[str], olds: Properties, news: Properties, *, preview: bool) -> Properties:
    """A change is a new version; it becomes the default one where the program says so."""
    latest, default = olds.get("latestVersion", 1), olds.get("defaultVersion", 1)
    if preview:
        latest = UNKNOWN if changed - _NOT_PLANNED else latest
    elif changed - _NO_VERSION:
        latest = int(latest) + 1
    if news.get("updateDefaultVersion") is True:
        default = latest
    return {"latestVersion": latest, "defaultVersion": default if news.get("defaultVersion") is None else news["defaultVersion"]}
