"""Pieces of GitHub's Markdown that hold text from elsewhere without being changed by it, and that never grow too long."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LIMIT_BYTES = 60_000
"""GitHub refuses bodies of more than 65,536 characters; what is posted adds a footer. Bytes, so that both ways to count fit."""
_CELL_CHARACTERS = 160
_BLOCK_CHARACTERS = 2_000
_MORE_BYTES = 100


def clipped(text: str, characters: int) -> str:
    """The text, or its start and a sign that there was more."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"


def code(text: str) -> str:
    """One line in a code span; works inside tables, too."""
    line = clipped(" ".join(text.split()), _CELL_CHARACTERS).replace("`", "'").replace("|", "\\|")
    return f"`{line}`" if line else ""


def block(text: str) -> str:
    """Several lines, as they are, in a block that no line of theirs can end."""
    text = clipped(text, _BLOCK_CHARACTERS)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


@dataclass(frozen=True)
class Section:
    """A list of pieces with something before and after it. It can lose pieces from its end, never its frame."""

    before: str
    pieces: Sequence[str]
    after: str = ""


def assemble(head: str, sections: Sequence[Section], limit: int = LIMIT_BYTES) -> str:
    """The head and the sections in at most `limit` bytes of UTF-8. The first sections get their room first; what is left out is counted."""
    parts = [head]
    room = limit - _size(head)
    for section in sections:
        frame = _size(section.before) + _size(section.after) + _MORE_BYTES
        if not section.pieces or frame > room:
            continue
        room -= frame
        kept = 0
        for piece in section.pieces:
            if _size(piece) > room:
                break
            room -= _size(piece)
            kept += 1
        left_out = len(section.pieces) - kept
        more = [f"\n… and {left_out} more, left out here: see the job's log\n"] if left_out else []
        parts += [section.before, *section.pieces[:kept], section.after, *more]
    return "\n".join(part for part in parts if part) + "\n"


def _size(text: str) -> int:
    """Bytes of a part with the line break that follows it."""
    return len(text.encode()) + 1
