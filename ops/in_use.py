"""The list of digests that are running somewhere, from a file or a URL. What is on it can never be deleted.

A list that is shorter than it should be looks like any other list, and deletes what runs. So everything that may not be the whole list is
an error, and with that error nothing is deleted.
"""

import http.client
import json
import re
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from ops.errors import UNREACHABLE, USAGE, OpsError
from ops.settings import Settings

LIMIT_BYTES = 64 << 20
TIMEOUT_SECONDS = 30
NOTHING = "# none"
"""The line by which a list says that really nothing runs."""
_DIGEST = re.compile(r"(?<![0-9a-zA-Z])((?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})(?![0-9a-zA-Z]))")
_CUT = re.compile(r"sha(?:256|384|512):")
_EXPECTED = "nothing is deleted with it. Expected: a digest in every line (sha256:... or name@sha256:..., # begins a comment), or JSON"


def _shown(source: str) -> str:
    """The source for messages: without a query, which may hold a token."""
    return source.partition("?")[0]


def _refuse(source: str, why: str) -> OpsError:
    return OpsError(f"the in-use list {_shown(source)} {why}: {_EXPECTED}", UNREACHABLE)


def parse(text: str, source: str) -> frozenset[str]:
    """Every digest in the text: one or more in each line, or any whole JSON that holds them (such as `kubectl get pods -o json`).

    Raises OpsError when the text may not be the whole list that was meant. `source` is for the message.
    """
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith(("{", "[")):
        try:
            json.loads(text)
        except ValueError as error:
            raise _refuse(source, f"begins like JSON but is not whole: {error}") from error
        found = frozenset(_DIGEST.findall(text))
        if not found:
            raise _refuse(source, f"has no digest in it (if really nothing runs, it must be the one line {NOTHING!r})")
        return found
    lines = text.splitlines()
    digests: set[str] = set()
    for number, line in enumerate(lines, 1):
        content = line.partition("#")[0]
        here = _DIGEST.findall(content)
        # A cut digest is the end of a list that was cut; a line without any names an image that would not be protected.
        if content.strip() and len(here) != max(1, len(_CUT.findall(content))):
            raise _refuse(source, f"has a line without a whole digest, {content.strip()[:100]!r} (line {number})")
        digests.update(here)
    if not digests and NOTHING not in (line.strip() for line in lines):
        raise _refuse(source, f"is empty (if really nothing runs, it must have the line {NOTHING!r})")
    return frozenset(digests)


def _download(url: str) -> bytes:
    """The whole body of an answer 200. Raises OSError, ValueError or HTTPException when it is not, or may not be, whole."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the caller checked the scheme
        if answer.status != 200:
            raise ValueError(f"status {answer.status} instead of 200")
        body: bytes = answer.read(LIMIT_BYTES + 1)
        length = answer.headers.get("Content-Length")
        chunked = answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
        # http.client only notices a cut body by itself when it comes in chunks.
        if length is None and not chunked:
            raise ValueError("the answer does not say how long it is (Content-Length), so it may be cut off")
        if length is not None and len(body) <= LIMIT_BYTES and len(body) != int(length):
            raise ValueError(f"the answer was cut off after {len(body)} of {length} bytes")
    return body


def read(source: str) -> frozenset[str]:
    """The digests from a path or an http(s) URL; empty when `source` is. Raises OpsError when it cannot be read: never guess here."""
    if not source:
        return frozenset()
    if "@" in urlsplit(source).netloc:
        raise OpsError("retention.inUse must be an address without an account in it (no name:password@)", USAGE)
    try:
        if source.startswith(("http://", "https://")):
            body = _download(source)
        else:
            with Path(source.removeprefix("file://")).open("rb") as file:
                body = file.read(LIMIT_BYTES + 1)
        text = body.decode("utf-8")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise OpsError(f"cannot read the in-use list {_shown(source)}: {error}; nothing is deleted without it", UNREACHABLE) from error
    if len(body) > LIMIT_BYTES:
        raise _refuse(source, f"is larger than {LIMIT_BYTES >> 20} MiB")
    return parse(text, source)


def load(settings: Settings) -> frozenset[str]:
    """The list that the settings name, read now; empty when they name none. Raises OpsError: then nothing may be deleted."""
    return read(settings.retention.in_use)
