"""One line of the edge's journal: what a request touched. The format is `log_format journal` in the edge's nginx.conf."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MANIFEST = re.compile(r"/v2/(.+)/manifests/([^/?#]+)")
_COMPONENT = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?::[0-9]+)?(?:/{_COMPONENT})*")
"""Everything that the registry takes for a repository, and a little more (reference/regexp.go of distribution/reference)."""
_REFERENCE = re.compile(r"\w[\w.-]{0,127}|[A-Za-z0-9+._-]+:[0-9a-fA-F]{32,}", re.ASCII)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED = frozenset({401, 403})
"""No account, no right: who may not even ask must not keep a blob alive."""
_UNSURE = frozenset({408, 499})
"""The client went away; the registry may have finished all the same."""


class LineError(ValueError):
    """A line that is not whole: something was lost here."""


@dataclass(frozen=True)
class Written:
    """A manifest that was or may have been written. `digest` is empty where the answer did not say."""

    repository: str
    reference: str
    digest: str


@dataclass(frozen=True)
class Touch:
    """A request: the digests that it names or that its answer named, and the manifest that it wrote.

    `modifies`: it came through the gate to a replica and is no plain read.
    """

    at: float
    digests: frozenset[str]
    written: Written | None = None
    modifies: bool = False


@dataclass(frozen=True)
class Marker:
    """A line of the edge itself. `kind`: segment (first line of a file), alive, trouble (lines were lost), stop (clean end)."""

    kind: str
    at: float
    segment: str = ""
    previous: str = ""
    clean: bool = False


def parse(line: bytes) -> Touch | Marker:
    """Understands one line without its newline. Raises LineError."""
    try:
        # A client may put any bytes into an address; they are not what we look for.
        fields = cast(object, json.loads(line.decode("utf-8", "replace")))
        if not isinstance(fields, dict):
            raise LineError(f"not an object: {line[:80]!r}")
        return _understand(cast(dict[str, object], fields))
    except (ValueError, KeyError, TypeError) as error:
        raise LineError(f"{error}: {line[:80]!r}") from error


def _understand(fields: Mapping[str, object]) -> Touch | Marker:
    at = float(str(fields["at"]))
    if "marker" in fields:
        return Marker(
            str(fields["marker"]), at, str(fields.get("segment", "")), str(fields.get("previous", "")), fields.get("clean") is True
        )
    status = int(str(fields["status"]))
    # Empty when no replica was asked; "-" when one was and its answer was not waited for.
    reached = str(fields["upstream"]).strip() != ""
    modifies = reached and str(fields["method"]) not in _READS
    if status in _REFUSED or not reached:
        # Refused by the gate or by the registry: nothing was said or done about any blob.
        return Touch(at, frozenset(), modifies=modifies)
    uri = re.sub("/{2,}", "/", unquote(str(fields["uri"])))
    answered = {str(fields[name]) for name in ("digest", "upstreamDigest")}
    digests = frozenset(_DIGEST.findall(uri)) | {digest for digest in answered if _DIGEST.fullmatch(digest)}
    return Touch(at, digests, _written(str(fields["method"]), status, uri, answered), modifies)


def _written(method: str, status: int, uri: str, answered: set[str]) -> Written | None:
    # A redirection, as for a path with dots in it, was answered before the registry looked at anything, even at the account.
    if method != "PUT" or not (200 <= status < 300 or status >= 500 or status in _UNSURE):
        return None
    match = _MANIFEST.match(uri)
    if match is None:
        return None
    repository, reference = match.groups()
    if not _REPOSITORY.fullmatch(repository) or not _REFERENCE.fullmatch(reference):
        return None
    digests = [digest for digest in answered if _DIGEST.fullmatch(digest)]
    if _DIGEST.fullmatch(reference):
        digests.append(reference)
    return Written(repository, reference, digests[0] if digests else "")
