"""Secrets in the text that a VM starts with. Anyone who may read the VM's description reads it, and so does every process on the VM."""

import base64
import binascii
import gzip
import math
import re
import zlib
from collections.abc import Iterator

GZIP = b"\x1f\x8b"
MAX_BYTES = 1024 * 1024
"""Clouds take 16 KiB (AWS) or 64 KiB (Azure); a compressed text may unfold to more."""

_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\s|\\n)*[A-Za-z0-9+/]{4}")
_AWS_KEY = re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")
_HASH = re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}|\$(?:apr1|1|5|6|y)\$[./A-Za-z0-9$=,]{16,}|\{SHA\}[A-Za-z0-9+/=]{20,}")
_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}")
_URL = re.compile(r"\b[a-z][a-z0-9+]*://[^\s/:@\"']*:([^\s/@\"']{4,})@")
_ASSIGNED = re.compile(
    r"(?P<key>[A-Za-z0-9_.-]*(?P<kind>passw(?:or)?d|passphrase|secret|token|(?:api|access|account|private|shared)[_-]?key)[A-Za-z0-9_.-]*)"
    r"[\"']?\s*[:=]\s*(?P<quote>[\"']?)(?P<value>[^\s\"']+)",
    re.IGNORECASE,
)
_REFERENCE_KEY = re.compile(
    r"(?:id|arn|name|names|file|path|url|uri|endpoint|version|ttl|seconds|days|length|provider|region|vault)$", re.IGNORECASE
)
_REFERENCE_VALUE = re.compile(r"^(?:[$<{\[(|>%`!&*/]|arn:|[a-z]+://|(?:true|false|null|none|yes|no|on|off)\b|\d+[;,]?$)", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")


def decoded(text: str) -> str:
    """The text as the VM reads it, where it may be base64 (AWS launch templates, Azure) and compressed."""
    content = _from_base64(text)
    if content is None:
        return text
    readable = _readable(content)
    return text if readable is None else readable


def secrets_in(text: str) -> Iterator[str]:
    """What kinds of secrets the text holds, each once; never the secret itself."""
    found: dict[str, None] = {}
    for layer in (text, *_inner_layers(text)):
        for kind in _kinds(layer):
            found[kind] = None
    yield from found


def _kinds(text: str) -> Iterator[str]:
    if _PRIVATE_KEY.search(text):
        yield "a private key"
    if _AWS_KEY.search(text):
        yield "an AWS access key"
    if _HASH.search(text):
        yield "a password hash"
    if _TOKEN.search(text):
        yield "a signed token"
    if any(not match[1].startswith(("$", "{", "<")) for match in _URL.finditer(text)):
        yield "a password in a URL"
    for match in _ASSIGNED.finditer(text):
        if _is_literal(match):
            # The key's name is the program's; its value stays out.
            yield f"a value for {match['key']}"


def _is_literal(match: re.Match[str]) -> bool:
    value = match["value"].rstrip(",;})]")
    if _REFERENCE_KEY.search(match["key"]) or _REFERENCE_VALUE.search(value) or "(" in value or "[" in value:
        return False
    if match["kind"].lower().startswith("pass"):
        # People choose short passwords; a bare word without a digit is more often code than a value.
        return len(value) >= 4 and (bool(match["quote"]) or any(letter.isdigit() for letter in value))
    return len(value) >= 16 and any(letter.isdigit() for letter in value) and _entropy(value) >= 3


def _entropy(text: str) -> float:
    """Shannon entropy in bits a character: words of a language are at about 2.5 to 3 in such short texts, random ones well above."""
    counts = [text.count(letter) for letter in set(text)]
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


def _inner_layers(text: str) -> Iterator[str]:
    """Base64 inside the text (cloud-init's write_files), where it decodes to text."""
    for match in _BASE64.finditer(text):
        content = _from_base64(match[0])
        readable = _readable(content) if content is not None else None
        if readable is not None:
            yield readable


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _readable(content: bytes) -> str | None:
    if content.startswith(GZIP):
        try:
            content = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(content, MAX_BYTES)
        except (zlib.error, gzip.BadGzipFile):
            return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
