"""From pulumi's event log to the Markdown that people read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from stack.ci import comment, event_log
from stack.ci.event_log import Change, Message, Report, Violation
from stack.ci.markdown import LIMIT_BYTES, Section, assemble, block, code
from stack.ci.outcome import Kind, State
from tests.ci import logs
from tests.ci.logs import CANARY

GITHUB_LIMIT = 65_536
SEEDS = st.text(max_size=8)
COUNTS = st.integers(0, 400)


def _large(seed: str, length: int, changes: int, others: int) -> Report:
    """A report with long texts, and many of them."""
    text = seed * length
    change = Change("replace", text, text, (text,) * 30)
    violations = [Violation(text, level, text, text) for level in ("mandatory", "advisory")]
    messages = [Message(severity, text, text) for severity in ("error", "warning")]
    return Report((change,) * changes, (change,) * others, tuple(violations * others), tuple(messages * others), {text: ""})


def _report(events: Sequence[Mapping[str, object]], folder: Path, *secrets: str) -> Report:
    log = folder / "events.jsonl"
    log.write_text("".join(f"{json.dumps(event)}\n" for event in events), encoding="utf-8")
    return comment.masked(event_log.read(log), secrets)


@pytest.mark.parametrize(
    ("events", "code_of_pulumi", "state"),
    [
        (logs.PREVIEW, 0, State.CHANGED),
        (logs.RIGHT, 0, State.UNCHANGED),
        (logs.REFUSED, 1, State.FAILED),
        (logs.FAILED, 1, State.FAILED),
        ((), 0, State.FAILED),
    ],
    ids=["changes", "no changes", "refused by policy", "failed", "ended before it began"],
)
def test_the_comment_of_a_preview(
    events: Sequence[Mapping[str, object]], code_of_pulumi: int, state: State, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    report = _report(events, tmp_path)
    assert comment.preview_state(report, code_of_pulumi) is state
    text = comment.preview_text("dev", report, state)
    assert CANARY not in text
    assert text == snapshot


@pytest.mark.parametrize(
    ("events", "code_of_pulumi", "state"),
    [(logs.DRIFTED, 7, State.CHANGED), (logs.RIGHT, 0, State.UNCHANGED), (logs.FAILED, 255, State.FAILED), ((), 1, State.FAILED)],
    ids=["drifted", "right", "failed", "ended before it began"],
)
def test_the_text_of_a_drift_check(
    events: Sequence[Mapping[str, object]], code_of_pulumi: int, state: State, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    report = _report(events, tmp_path)
    assert comment.drift_state(report, code_of_pulumi) is state
    text = comment.drift_text("dev", report, state)
    assert CANARY not in text
    assert text == snapshot


def test_an_error_is_no_drift(tmp_path: Path) -> None:
    report = _report([*logs.DRIFTED, logs.diagnostic("error", "the cloud did not answer")], tmp_path)
    assert comment.drift_state(report, 1) is State.FAILED


def test_a_failure_that_nobody_explains_is_no_success(tmp_path: Path) -> None:
    assert comment.drift_state(_report(logs.RIGHT, tmp_path), 1) is State.FAILED


def test_a_log_without_an_end_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    log.write_text(json.dumps(logs.PREVIEW[2]) + '\n{"resourcePreEvent": {"meta', encoding="utf-8")
    report = event_log.read(log)
    assert [change.name for change in report.changes] == ["registry-dev-reader"]
    assert not report.finished
    assert event_log.read(tmp_path / "missing") == Report()


def test_known_secrets_leave_every_part_of_the_report(tmp_path: Path) -> None:
    events = (
        logs.step("update", logs.CONTAINER, f"name-{CANARY}", [f"labels.{CANARY}"]),
        logs.look(logs.CONTAINER, f"other-{CANARY}", [f"env.{CANARY}"]),
        logs.policy("rule", "mandatory", f"value {CANARY}", resource=f"r-{CANARY}"),
        logs.diagnostic("error", f"line\n{CANARY}\nline"),
        logs.summary({"update": 1}),
    )
    report = _report(events, tmp_path, CANARY)
    for text in (comment.preview_text("dev", report, State.FAILED), comment.drift_text("dev", report, State.CHANGED)):
        assert CANARY not in text
        assert "[secret]" in text


@settings(max_examples=40)
@given(SEEDS, COUNTS, COUNTS, st.integers(0, 60), st.sampled_from(State))
def test_no_report_is_longer_than_github_takes(seed: str, length: int, changes: int, others: int, state: State) -> None:
    report, footer = _large(seed, length, changes, others), 1_000
    texts = (comment.preview_text("d" * 100, report, state, "note"), comment.drift_text("d" * 100, report, state))
    for text in (*texts, comment.failed_text(Kind.PREVIEW, "dev", seed * 90_000)):
        assert len(text.encode()) + footer < GITHUB_LIMIT
        assert text.startswith("<!-- private-registry ")


def test_what_does_not_fit_is_counted(tmp_path: Path) -> None:
    many = [logs.step("create", logs.CONTAINER, f"container-{number:05}") for number in range(3000)]
    text = comment.preview_text("dev", _report([*many, logs.summary({"create": 3000})], tmp_path), State.CHANGED)
    shown = text.count("| create |")
    assert 0 < shown < 3000
    assert f"… and {3000 - shown} more, left out here" in text
    assert "3000 to create" in text


def test_a_long_list_of_changes_does_not_hide_a_violation(tmp_path: Path) -> None:
    many = [logs.step("create", logs.CONTAINER, f"container-{number:05}") for number in range(3000)]
    text = comment.preview_text("dev", _report([*many, *logs.REFUSED], tmp_path), State.FAILED)
    assert "registry-without-authentication" in text


@given(st.text())
def test_a_line_of_foreign_text_stays_inside_its_code_span(text: str) -> None:
    made = code(text)
    assert made.count("`") in {0, 2}
    assert "\n" not in made
    assert made.replace("\\|", "").count("|") == 0


@given(st.lists(st.sampled_from(["`", "```", "~~~", "\n", "x", "````text"]), max_size=60).map("".join))
def test_no_line_of_foreign_text_ends_its_block(text: str) -> None:
    lines = block(text).split("\n")
    fence = lines[-1]
    assert lines[0] == f"{fence}text"
    assert not [line for line in lines[1:-1] if fence in line]


@given(st.lists(st.text(max_size=200), max_size=40), st.integers(200, 5000))
def test_a_section_keeps_its_frame_whatever_is_left_out(pieces: list[str], limit: int) -> None:
    text = assemble("head", [Section("<before>", pieces, "<after>")], limit)
    assert len(text.encode()) <= limit + 1
    assert text.count("<before>") - sum(piece.count("<before>") for piece in pieces if piece in text) == text.count("<after>")


def test_the_limit_leaves_room_for_the_footer() -> None:
    assert LIMIT_BYTES + 1_000 < GITHUB_LIMIT
