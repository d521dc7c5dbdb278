"""Reading a whole set of the agreement."""

import time
from collections.abc import Iterator
from typing import cast

from ops.fleet import scripts
from ops.fleet.agreement import Agreement, seconds, texts
from ops.redis import Reply

_PAGE = 5000


def entries(agreement: Agreement, number: int) -> Iterator[tuple[str, float]]:
    """The members of a set (its number in scripts.KEYS), each with the wall-clock time of its last change.

    Read from the newest to the oldest by rank: what changes meanwhile moves to the front, so nothing is left out.
    """
    start = 0
    while True:
        now, _, reply = cast("list[Reply]", agreement.run(scripts.LIST, number, start, start + _PAGE - 1))
        offset = time.time() - seconds(texts([now])[0])
        items = texts(reply)
        for member, score in zip(items[::2], items[1::2], strict=True):
            if score != "0":
                yield member, seconds(score) + offset
        if len(items) < 2 * _PAGE:
            return
        start += _PAGE
