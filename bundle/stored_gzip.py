"""gzip without compression: what compression yields depends on the version of zlib, and these bytes are hashed on many machines."""

import struct
import zlib

# RFC 1952: magic, method deflate, no flags, no time, no extra flags, unknown system.
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_BLOCK = 65535
"""RFC 1951, 3.2.4: a stored block's length has 16 bits."""


def stored_gzip(content: bytes) -> bytes:
    """A gzip file that every gunzip reads; the same bytes for the same content, always."""
    parts = [_HEADER]
    starts = range(0, len(content), _BLOCK) or range(1)
    for start in starts:
        block = content[start : start + _BLOCK]
        last = start + _BLOCK >= len(content)
        parts += [struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF), block]
    parts.append(struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF))
    return b"".join(parts)
