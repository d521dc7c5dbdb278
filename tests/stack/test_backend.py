"""Where the state goes."""

import json
from pathlib import Path

from stack.backend import Source, choose, state_file


def _login(folder: Path, current: str) -> None:
    folder.mkdir(parents=True)
    (folder / "credentials.json").write_text(json.dumps({"current": current}))


def test_without_a_choice_the_state_stays_in_the_checkout(tmp_path: Path) -> None:
    chosen = choose({}, tmp_path / "home", tmp_path / "state")
    assert chosen.source is Source.LOCAL
    assert chosen.is_local
    assert chosen.environment == {"PULUMI_BACKEND_URL": f"file://{tmp_path}/state/backend"}


def test_a_url_in_the_environment_wins_and_is_left_alone(tmp_path: Path) -> None:
    _login(tmp_path / "home" / ".pulumi", "https://api.example.com")
    chosen = choose({"PULUMI_BACKEND_URL": "s3://bucket"}, tmp_path / "home", tmp_path)
    assert (chosen.source, chosen.url, dict(chosen.environment)) == (Source.ENVIRONMENT, "s3://bucket", {})


def test_a_login_is_respected(tmp_path: Path) -> None:
    _login(tmp_path / "home" / ".pulumi", "https://api.example.com")
    chosen = choose({}, tmp_path / "home", tmp_path)
    assert (chosen.source, chosen.url, dict(chosen.environment)) == (Source.LOGIN, "https://api.example.com", {})


def test_a_login_in_another_pulumi_home_is_respected(tmp_path: Path) -> None:
    _login(tmp_path / "other", "gs://bucket")
    assert choose({"PULUMI_HOME": str(tmp_path / "other")}, tmp_path / "home", tmp_path).url == "gs://bucket"
    assert choose({"PULUMI_ACCESS_TOKEN": "token"}, tmp_path / "home", tmp_path).source is Source.LOGIN


def test_a_logout_or_a_broken_file_is_no_login(tmp_path: Path) -> None:
    _login(tmp_path / "home" / ".pulumi", "")
    assert choose({}, tmp_path / "home", tmp_path).is_local
    (tmp_path / "home" / ".pulumi" / "credentials.json").write_text("{")
    assert choose({}, tmp_path / "home", tmp_path).is_local


def test_the_state_file_of_the_local_backend(tmp_path: Path) -> None:
    assert state_file(tmp_path, "project", "dev") == tmp_path / "backend/.pulumi/stacks/project/dev.json"
