"""Replaces the markers in a bundle's files by the host's values (bundle/markers.py writes them)."""

import re
from collections.abc import Mapping

from host.boot import HostError

_MARKER = re.compile(r"@@([a-z_]+)@@")
_FITS = re.compile(r"[A-Za-z0-9._-]+")
"""What may stand inside JSON, YAML and the other formats of our files without a change of their meaning."""


def fill(path: str, text: str, values: Mapping[str, str]) -> str:
    """The file's text with values in place of markers. A marker that is the whole file takes any value.

    HostError names a value that is missing, or that does not fit where it would stand; never the value itself.
    """
    whole = _MARKER.fullmatch(text)

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise HostError(f"{path} needs the value {name}, which this host does not have: `pulumi up` writes a secret that has it")
        if not whole and not _FITS.fullmatch(values[name]):
            raise HostError(f"the value {name} can't stand inside {path}: it may have letters, digits and . _ - only")
        return values[name]

    return _MARKER.sub(value, text)
