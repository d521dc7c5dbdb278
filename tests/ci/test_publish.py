"""What is said on GitHub."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from offline.kit.errors import KitError
from stack.ci import __main__ as program
from stack.ci import comment, outcome, publish
from stack.ci.event_log import Report
from stack.ci.github import GitHub
from stack.ci.outcome import Kind, Outcome, State
from tests.ci.fake_github import BOT, PERSON, TOKEN, FakeGitHub, serve


@pytest.fixture
def fake() -> Iterator[FakeGitHub]:
    with serve() as running:
        yield running


@pytest.fixture
def github(fake: FakeGitHub) -> GitHub:
    return GitHub.from_environment(fake.environment)


def _preview(stack: str, text: str = "text") -> Outcome:
    return Outcome(Kind.PREVIEW, stack, State.CHANGED, f"{comment.marker(Kind.PREVIEW, stack)}\n{text}\n")


def _drift(stack: str, state: State) -> Outcome:
    return Outcome(Kind.DRIFT, stack, state, comment.drift_text(stack, Report(), state))


def test_each_stack_has_one_comment_that_is_updated(fake: FakeGitHub, github: GitHub) -> None:
    stacks = ("dev", "prod")
    publish.previews(github, 7, stacks, [_preview("dev", "first"), _preview("prod", "first")], "footer")
    publish.previews(github, 7, stacks, [_preview("dev", "second"), _preview("prod", "second")], "footer")
    assert [str(entry["body"]).splitlines()[1:] for entry in fake.comments] == [["second", "", "footer"]] * 2
    assert {entry["on"] for entry in fake.comments} == {"issues/7/comments"}


def test_a_comment_is_found_behind_a_hundred_others(fake: FakeGitHub, github: GitHub) -> None:
    fake.comments += [{"id": number, "user": PERSON, "body": "talk"} for number in range(1000, 1250)]
    publish.previews(github, 7, ["dev"], [_preview("dev", "first")], "")
    publish.previews(github, 7, ["dev"], [_preview("dev", "second")], "")
    assert len(fake.comments) == 251


def test_a_comment_of_a_person_is_never_touched_even_if_it_looks_like_ours(fake: FakeGitHub, github: GitHub) -> None:
    theirs = _preview("dev").markdown
    fake.comments.append({"id": 99, "user": PERSON, "body": theirs})
    publish.previews(github, 7, ["dev"], [_preview("dev", "ours")], "")
    assert [entry["body"] for entry in fake.comments if entry["user"] == PERSON] == [theirs]
    assert len(fake.comments) == 2


def test_a_stack_whose_job_wrote_no_report_is_not_passed_over(fake: FakeGitHub, github: GitHub) -> None:
    publish.previews(github, 7, ["dev"], [_preview("dev", "all is well")], "")
    publish.previews(github, 7, ["dev"], [], "")
    assert "did not run" in str(fake.comments[0]["body"])
    assert "all is well" not in str(fake.comments[0]["body"])


def test_the_comment_of_a_stack_that_is_no_longer_touched_says_so(fake: FakeGitHub, github: GitHub) -> None:
    publish.previews(github, 7, ["dev"], [_preview("dev", "3 to create")], "")
    publish.previews(github, 7, [], [], "")
    assert "no longer touches it" in str(fake.comments[0]["body"])
    assert "3 to create" not in str(fake.comments[0]["body"])


def test_a_report_about_a_stack_that_was_not_asked_for_is_not_posted(fake: FakeGitHub, github: GitHub) -> None:
    publish.previews(github, 7, ["dev"], [_preview("dev"), _preview("other")], "")
    assert len(fake.comments) == 1


def test_a_report_without_its_first_line_is_refused(fake: FakeGitHub, github: GitHub) -> None:
    with pytest.raises(KitError, match="does not start with its own first line"):
        publish.previews(github, 7, ["dev"], [replace(_preview("dev"), markdown="anything")], "")
    assert not fake.comments


def test_drift_has_one_issue_that_is_closed_when_it_is_over(fake: FakeGitHub, github: GitHub) -> None:
    for state in (State.UNCHANGED, State.CHANGED, State.CHANGED):
        publish.drift(github, [_drift("dev", state)], "footer")
    assert [(issue["title"], issue["state"]) for issue in fake.issues] == [("Drift: stack dev", "open")]
    publish.drift(github, [_drift("dev", State.UNCHANGED)], "footer")
    assert fake.issues[0]["state"] == "closed"
    assert "what the code says again" in str(fake.comments[0]["body"])
    publish.drift(github, [_drift("dev", State.CHANGED)], "footer")
    assert [issue["state"] for issue in fake.issues] == ["closed", "open"]


@pytest.mark.parametrize("state", [State.FAILED, State.NOT_DEPLOYED])
def test_a_check_that_says_nothing_leaves_the_issue_alone(fake: FakeGitHub, github: GitHub, state: State) -> None:
    publish.drift(github, [_drift("dev", State.CHANGED)], "")
    before = dict(fake.issues[0])
    publish.drift(github, [_drift("dev", state)], "")
    assert fake.issues == [before]


def test_a_pull_request_is_no_drift_issue(fake: FakeGitHub, github: GitHub) -> None:
    fake.issues.append({"number": 1, "state": "open", "user": BOT, "body": _drift("dev", State.CHANGED).markdown, "pull_request": {}})
    publish.drift(github, [_drift("dev", State.CHANGED)], "")
    assert len(fake.issues) == 2


def test_the_last_deployment_that_succeeded_is_found(fake: FakeGitHub, github: GitHub) -> None:
    assert publish.last_deployed(github, "prod") == ""
    fake.deployments = [
        {"id": 4, "sha": "other", "environment": "deploy-dev"},
        {"id": 3, "sha": "failed", "environment": "deploy-prod"},
        {"id": 2, "sha": "good", "environment": "deploy-prod"},
        {"id": 1, "sha": "older", "environment": "deploy-prod"},
    ]
    fake.statuses = {
        4: [{"state": "success"}],
        3: [{"state": "failure"}, {"state": "in_progress"}],
        2: [{"state": "inactive"}, {"state": "success"}, {"state": "waiting"}],
        1: [{"state": "success"}],
    }
    assert publish.last_deployed(github, "prod") == "good"


def test_a_missing_permission_is_told_without_the_token(fake: FakeGitHub, github: GitHub) -> None:
    fake.refuse = 403
    with pytest.raises(KitError, match=r"GET issues/7/comments.* with 403: .*not accessible.*permission") as caught:
        publish.previews(github, 7, ["dev"], [], "")
    assert TOKEN not in str(caught.value)
    assert TOKEN not in repr(github)


def test_outside_github_it_is_said_what_is_missing() -> None:
    with pytest.raises(KitError, match="not set: GITHUB_REPOSITORY, GITHUB_TOKEN"):
        GitHub.from_environment({"GITHUB_API_URL": "https://api.github.com"})


def test_reports_travel_as_files(tmp_path: Path) -> None:
    outcome.save(tmp_path / "preview-dev", _preview("dev"))
    outcome.save(tmp_path / "preview-prod", _preview("prod"))
    outcome.save(tmp_path / "drift-dev", _drift("dev", State.CHANGED))
    assert [found.stack for found in outcome.load_all(tmp_path, Kind.PREVIEW)] == ["dev", "prod"]
    assert outcome.load_all(tmp_path, Kind.DRIFT) == (_drift("dev", State.CHANGED),)
    assert (tmp_path / "preview-dev" / "preview-dev.md").read_text(encoding="utf-8") == _preview("dev").markdown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "is no report"),
        ("{", "is no report"),
        ('{"kind": "preview", "stack": "$(id)", "state": "changed", "markdown": ""}', "is no stack name"),
        ('{"kind": "preview", "stack": "prod", "state": "changed", "markdown": ""}', "holds the report of another stack"),
        ('{"kind": "preview", "stack": "dev", "state": "fine", "markdown": ""}', "is no report"),
        (" " * 1_000_001, "is larger than any report"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "preview-dev.json").write_text(content, encoding="utf-8")
    with pytest.raises(KitError, match=message):
        outcome.load_all(tmp_path, Kind.PREVIEW)


def test_the_command_reads_the_list_of_stacks_from_the_environment(
    fake: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome.save(tmp_path, _preview("dev"))
    run = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "42", "REPORTED_COMMIT": "0123456789abcdef"}
    for name, value in {**fake.environment, **run, "STACKS": '["dev"]'}.items():
        monkeypatch.setenv(name, value)
    assert program.main(["comment", "--number", "7", "--reports", str(tmp_path)]) == 0
    (only,) = fake.comments
    assert str(only["body"]).endswith("<sub>commit 0123456789ab, [run](https://github.com/example/registry/actions/runs/42)</sub>\n")
    monkeypatch.setenv("STACKS", "'; touch x")
    assert program.main(["comment", "--number", "7", "--reports", str(tmp_path)]) == 1
    assert "is no JSON list" in capsys.readouterr().err
    monkeypatch.setenv("STACKS", '["$(id)"]')
    assert program.main(["comment", "--number", "7", "--reports", str(tmp_path)]) == 1
    assert "is no stack name" in capsys.readouterr().err
