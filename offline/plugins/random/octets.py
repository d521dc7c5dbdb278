"""RandomBytes and RandomId: bytes, written in base64, hexadecimal and decimal."""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import ClassVar

from offline.plugins.framework import Properties, ResourceError
from offline.plugins.framework.state_only import Input, StateOnlyKind


class RandomBytes(StateOnlyKind):
    """Random bytes that are a secret.

    The vendor's plugin uses the bytes themselves as the id, which is plain text in the state; here it is `none`.
    """

    inputs: ClassVar = {"length": Input(int, required=True, minimum=1), "keepers": Input(dict)}
    computed = frozenset({"base64", "hex"})
    secret_outputs = frozenset({"base64", "hex"})

    def generate(self, values: Properties) -> tuple[str, Properties]:
        return _bytes_outputs(secrets.token_bytes(values["length"]))

    def adopt(self, import_id: str) -> tuple[Properties, str, Properties]:
        """The id that the user gives is the bytes in base64."""
        octets = _decode(import_id, urlsafe=False)
        return {"length": len(octets)}, *_bytes_outputs(octets)


def _bytes_outputs(octets: bytes) -> tuple[str, Properties]:
    return "none", {"base64": base64.b64encode(octets).decode(), "hex": octets.hex()}


class RandomId(StateOnlyKind):
    """Random bytes that are no secret, to tell things apart; the id is their URL-safe base64 without padding."""

    inputs: ClassVar = {"byteLength": Input(int, required=True, minimum=1), "prefix": Input(str), "keepers": Input(dict)}
    computed = frozenset({"b64Std", "b64Url", "dec", "hex"})

    def generate(self, values: Properties) -> tuple[str, Properties]:
        return _id_outputs(secrets.token_bytes(values["byteLength"]), values.get("prefix") or "")

    def adopt(self, import_id: str) -> tuple[Properties, str, Properties]:
        """The id that the user gives is the resource's id, after the prefix and a comma if there is a prefix."""
        prefix, _, plain = import_id.rpartition(",")
        octets = _decode(plain, urlsafe=True)
        found: Properties = {"byteLength": len(octets)}
        return found | ({"prefix": prefix} if prefix else {}), *_id_outputs(octets, prefix)


def _id_outputs(octets: bytes, prefix: str) -> tuple[str, Properties]:
    plain = base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
    return plain, {
        "b64Url": prefix + plain,
        "b64Std": prefix + base64.b64encode(octets).decode(),
        "hex": prefix + octets.hex(),
        "dec": prefix + str(int.from_bytes(octets)),
    }


def _decode(text: str, *, urlsafe: bool) -> bytes:
    """Decode what the user gave as the id of an import. Raises ResourceError."""
    padding = "=" * (-len(text) % 4) if urlsafe else ""
    try:
        return base64.b64decode(text + padding, altchars=b"-_" if urlsafe else None, validate=True)
    except binascii.Error as error:
        raise ResourceError(f"the id of an import has to be base64: {error}") from error
