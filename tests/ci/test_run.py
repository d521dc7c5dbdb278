"""What is decided before pulumi runs."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from offline.kit.errors import KitError
from offline.kit.prepared import Prepared
from stack.backend import Backend, Source
from stack.ci import __main__ as program
from stack.ci import run
from stack.session import Session

SHARED = Backend(Source.ENVIRONMENT, "s3://state?region=eu-central-1", {})


@pytest.fixture
def session(tmp_path: Path) -> Session:
    made = Session("prod", tmp_path, SHARED, {}, Prepared(kit_cli=False, images={}))
    made.folder.mkdir()
    made.config.write_text("config: {}\n", encoding="utf-8")
    return made


def test_a_shared_state_without_a_key_is_refused(session: Session) -> None:
    with pytest.raises(
        KitError, match=r"no secrets provider, and there is no passphrase: put `secretsprovider:` .* into Pulumi\.prod\.yaml"
    ):
        run.check_encryption(session, {"PULUMI_CONFIG_PASSPHRASE": ""})


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_a_passphrase_will_do(session: Session, name: str) -> None:
    run.check_encryption(session, {name: "given"})


def test_a_key_service_will_do_and_the_word_passphrase_is_none(session: Session) -> None:
    session.config.write_text("secretsprovider: awskms://alias/state?region=eu-central-1\n", encoding="utf-8")
    run.check_encryption(session, {})
    session.config.write_text("secretsprovider: passphrase\n", encoding="utf-8")
    with pytest.raises(KitError, match="no secrets provider"):
        run.check_encryption(session, {})


@pytest.mark.parametrize("url", ["https://api.pulumi.com", "Pulumi Cloud"])
def test_pulumi_cloud_has_its_own_keys(session: Session, url: str) -> None:
    run.check_encryption(replace(session, backend=Backend(Source.LOGIN, url, {})), {})


def test_a_passphrase_that_github_hands_over_empty_is_no_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    run.drop_empty_passphrase()
    assert "PULUMI_CONFIG_PASSPHRASE" not in os.environ
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "given")
    run.drop_empty_passphrase()
    assert os.environ["PULUMI_CONFIG_PASSPHRASE"] == "given"


def test_a_preview_that_cannot_start_leaves_a_report_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(stack: str) -> Session:
        raise KitError(f"stack {stack} cannot be opened with hidden-passphrase")

    monkeypatch.setattr(run, "open_session", refuse)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hidden-passphrase")
    monkeypatch.setenv("CI_OUT", str(tmp_path / "out"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    assert program.main(["preview", "--stack", "prod"]) == 1
    text = (tmp_path / "out" / "preview-prod.md").read_text(encoding="utf-8")
    assert "did not run" in text
    assert "cannot be opened with [secret]" in text
    assert (tmp_path / "summary").read_text(encoding="utf-8").strip() == text.strip()


def test_a_deployment_whose_state_would_be_lost_is_refused(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    local = replace(session, backend=Backend(Source.LOCAL, f"file://{session.state}", {}))
    monkeypatch.setattr(run, "open_session", lambda _stack: local)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(KitError, match="PULUMI_BACKEND_URL is not set"):
        run.deploy("prod", [])


def test_the_affected_stacks_are_handed_to_the_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("CI_STACKS", "s3 dev")
    assert program.main(["affected"]) == 0
    assert capsys.readouterr().out == '["s3", "dev"]\n'
    monkeypatch.setenv("CI_STACKS", "")
    assert program.main(["affected"]) == 0
    assert "CI_STACKS is not set" in capsys.readouterr().err
    assert (tmp_path / "output").read_text(encoding="utf-8") == 'stacks=["s3", "dev"]\nstacks=[]\n'
