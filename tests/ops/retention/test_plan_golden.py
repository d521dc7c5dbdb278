"""Plans as files to review: golden/<name>.json says what is there, golden/<name>.txt is the plan. Renew with UPDATE_GOLDEN=1."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.retention.collect import parse_time
from ops.retention.image import Image
from ops.retention.plan import make, to_table
from ops.retention.rules import parse

FOLDER = Path(__file__).parent / "golden"


def _digest(name: str) -> str:
    """Names in the files stand for digests: their letters in hexadecimal, filled up."""
    return "sha256:" + name.encode().hex().ljust(64, "0")


def _tag(text: str) -> str:
    """`@name.sig` is the tag of a signature of `name`."""
    if not text.startswith("@"):
        return text
    name, dot, kind = text[1:].partition(".")
    return f"sha256-{_digest(name)[7:]}{dot}{kind}"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    case = json.loads(path.read_text())
    images = [
        Image(
            entry["repository"],
            _digest(entry["image"]),
            tuple(_tag(tag) for tag in entry["tags"]),
            parse_time(entry.get("created")),
            frozenset(_digest(part) for part in entry.get("parts", ())),
            frozenset(),
            _digest(entry["subject"]) if "subject" in entry else None,
            parse_time(entry.get("pushed")),
        )
        for entry in case["images"]
    ]
    now = datetime.fromisoformat(case["now"]).replace(tzinfo=UTC).timestamp()
    plan = make(images, parse(case["rules"]), now, frozenset(_digest(name) for name in case.get("inUse", ())))
    text = to_table(plan) + "\n"
    expected = path.with_suffix(".txt")
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(text)
    assert text == expected.read_text()
