"""Keeps secrets out of text that comes from a container: logs and health checks may repeat what was uploaded or set in the environment."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import Any

_WORD_ENDS = re.compile(r"[\s\"'`=,;<>(){}\[\]@]+")
_SHORTEST_SECRET = 8
_SHORTEST_RANDOM_WORD = 12
_CERTAINLY_RANDOM = 40
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d(:\d\d){0,2}(\.\d+)?Z?$")
HIDDEN = "[hidden]"


def hide_secrets(text: str, settings: Mapping[str, Any]) -> str:
    """`text` without the values of environment variables and without the words of uploads that look like secrets."""
    for secret in sorted(_secrets(settings), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def hide_random(text: str) -> str:
    """`text` without any word that looks like a password or key, for text whose secrets are not known. Times stay."""
    for word in sorted({word for word in _words(text) if _looks_random(word) and not _TIME.match(word)}, key=len, reverse=True):
        text = text.replace(word, HIDDEN)
    return text


def _secrets(settings: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for variable in settings.get("envs") or []:
        value = variable.partition("=")[2]
        found |= {word for word in (value, *_words(value)) if len(word) >= _SHORTEST_SECRET and not word.startswith("/")}
    for upload in settings.get("uploads") or []:
        found |= {word for word in _words(_text(upload)) if _looks_random(word)}
    for argument in [*(settings.get("command") or []), *(settings.get("entrypoints") or [])]:
        found |= {word for word in _words(argument) if _looks_random(word)}
    return found


def _words(text: str) -> Iterable[str]:
    for word in _WORD_ENDS.split(text):
        yield word
        yield from word.split(":")


def _text(upload: Mapping[str, Any]) -> str:
    try:
        encoded = base64.b64decode(upload.get("contentBase64") or "")
    except (binascii.Error, ValueError):
        encoded = b""
    return (upload.get("content") or "") + "\n" + encoded.decode(errors="ignore")


def _looks_random(word: str) -> bool:
    """Long, with letters and digits mixed: a password or key, rather than a path, a host name or a plain word."""
    if len(word) >= _CERTAINLY_RANDOM:
        return True
    mixed = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
    return len(word) >= _SHORTEST_RANDOM_WORD and mixed and not word.startswith("/") and "." not in word
