"""docs/policies.md is what the rules say."""

from pathlib import Path

from policies import reference
from policies.catalog import RULES

REPO = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_rules_say() -> None:
    assert (REPO / reference.DOC).read_text(encoding="utf-8") == reference.markdown(), "run python -m policies.reference"


def test_the_page_has_every_rule_once() -> None:
    page = reference.markdown()
    assert [rule.id for rule in RULES if page.count(f"**`{rule.id}`**") != 1] == []


def test_adding_a_rule_takes_about_ten_lines() -> None:
    section = reference.markdown().split("## Adding a rule", 1)[1].split("\n## ", 1)[0]
    assert len([line for line in section.splitlines() if line.strip()]) <= 12
