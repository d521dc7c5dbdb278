"""Opening a stack: what pulumi is run with. A script stands in for pulumi where only its arguments and environment matter."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from offline.kit import places, prepared
from stack import session
from stack.__main__ import main
from stack.stale_lock import stale_locks
from tests.stack.stand_in_pulumi import put_on_path

PULUMI = r"""#!/bin/sh
printf '%s\n' "$*" >> "$FAKE_LOG"
case "$*" in
  *"stack init"*) mkdir -p "${PULUMI_BACKEND_URL#file://}/.pulumi/stacks/private-registry"
     echo '{}' > "${PULUMI_BACKEND_URL#file://}/.pulumi/stacks/private-registry/dev.json" ;;
  *"stack output"*) printf '%s' '{"url":"https://localhost:5443","caCertificate":"PEM\n","accounts":{"admin":"hunter2hunter2"}}' ;;
  *"stack ls"*) echo '[{"name":"organization/dev"}]' ;;
  *"stack export"*) cat "$FAKE_EXPORT" ;;
  up*) printf ' +  a:b:C d creating (0s) \n +  a:b:C d created (0s) \n'; exit "${FAKE_UP:-0}" ;;
  preview*|destroy*) printf ' +  a:b:C d creating (0s) \n +  a:b:C d created (0s) \n' ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout with a stack file and the script on PATH, and no settings of whoever runs the tests."""
    program = put_on_path(tmp_path, PULUMI, monkeypatch)
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "Pulumi.dev.yaml").write_text("config:\n  private-registry:port: 5443\n")
    for name, path in (("REPO", repo), ("STATE", repo / ".state"), ("BIN", program.parent)):
        monkeypatch.setattr(places, name, path)
    monkeypatch.setattr(prepared, "STATE", repo / ".state")
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    prepared.save("dev", prepared.Prepared(kit_cli=True, images={"edge": "offline/edge:1", "config": "offline/config:1"}))
    return repo


def _log(checkout: Path) -> list[str]:
    return (checkout.parent / "log").read_text().splitlines()


def test_up_deploys_and_prints_the_example_without_the_password(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tracked = (checkout / "Pulumi.dev.yaml").read_text()
    assert main(["up", "--stack", "dev", "--target", "x"]) == 0
    shown = capsys.readouterr()
    assert "docker login --username admin --password-stdin localhost:5443" in shown.out
    assert "docker tag offline/config:1 localhost:5443/demo/hello:1" in shown.out
    assert "hunter2" not in shown.out + shown.err
    assert (checkout / ".state/ca/dev/ca.crt").read_text() == "PEM\n"
    assert (checkout / "Pulumi.dev.yaml").read_text() == tracked
    up = next(line for line in _log(checkout) if line.startswith("up "))
    config = f"--config-file {checkout}/.state/stacks/Pulumi.dev.yaml"
    assert re.sub(r"--event-log \S+", "--event-log LOG", up) == (
        f"up --stack dev {config} --suppress-progress --yes --event-log LOG --skip-preview --target x"
    )
    assert "offline/edge:1" in (checkout / ".state/stacks/Pulumi.dev.yaml").read_text()


def test_the_policy_pack_is_used_when_there_is_one(checkout: Path) -> None:
    (checkout / "policies").mkdir()
    (checkout / "policies" / "PulumiPolicy.yaml").touch()
    assert main(["up"]) == 0
    up = next(line for line in _log(checkout) if line.startswith("up "))
    assert up.endswith(" --policy-pack policies")


def test_with_the_policy_pack_up_previews_first_so_that_nothing_refused_is_created(checkout: Path) -> None:
    (checkout / "policies").mkdir()
    (checkout / "policies" / "PulumiPolicy.yaml").touch()
    assert main(["up"]) == 0
    assert not any("--skip-preview" in line for line in _log(checkout) if line.startswith("up "))


def test_a_stacks_policy_config_is_used_for_that_stack_only(checkout: Path) -> None:
    (checkout / "policies").mkdir()
    (checkout / "policies" / "PulumiPolicy.yaml").touch()
    (checkout / "Policies.other.json").write_text("{}")
    assert main(["preview"]) == 0
    assert not any("--policy-pack-config" in line for line in _log(checkout))
    (checkout / "Policies.dev.json").write_text("{}")
    assert main(["preview"]) == 0
    assert any(line.endswith("--policy-pack policies --policy-pack-config Policies.dev.json") for line in _log(checkout))


def test_a_new_stack_gets_pulumis_default_provider(checkout: Path) -> None:
    assert main(["up"]) == 0
    (created,) = [line for line in _log(checkout) if "stack init" in line]
    assert created.endswith("stack init dev")


def test_a_new_stack_gets_the_secrets_provider_that_its_file_names(checkout: Path) -> None:
    provider = "awskms://alias/state?region=eu-central-1"
    (checkout / "Pulumi.dev.yaml").write_text(f"secretsprovider: {provider}\nconfig: {{}}\n")
    assert main(["up"]) == 0
    (created,) = [line for line in _log(checkout) if "stack init" in line]
    assert created.endswith(f"stack init dev --secrets-provider {provider}")


@pytest.mark.parametrize("command", ["up", "preview", "down"])
def test_verbose_shows_all_that_pulumi_says(
    command: str, checkout: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export = checkout.parent / "export.json"
    export.write_text('{"deployment": {"resources": [{"type": "a:b:C", "urn": "a::b::c"}]}}')
    monkeypatch.setenv("FAKE_EXPORT", str(export))
    assert main(["up"]) == 0
    for arguments, all_of_it in (([], False), (["--verbose"], True), (["--verbose=3"], True)):
        capfd.readouterr()
        assert main([command, *arguments]) == 0
        shown = capfd.readouterr().out
        assert "created (0s)" in shown
        assert ("creating (0s)" in shown) is all_of_it, f"{command} {arguments}"
        called = next(line for line in reversed(_log(checkout)) if line.split()[0] in {"up", "preview", "destroy"})
        assert ("--suppress-progress" in called) is not all_of_it
        assert ("--verbose" in called) is ("--verbose=3" in arguments), "only the one with a number is pulumi's"


def test_no_plugin_of_a_cloud_is_fetched_before_a_resource_asks_for_it(checkout: Path) -> None:
    for kit in (True, False):
        prepared.save("dev", prepared.Prepared(kit_cli=kit))
        opened = session.open_session("dev")
        assert opened.environment["PULUMI_OPTION_SKIP_PLUGIN_PRE_INSTALL"] == "true", f"with the kit's CLI: {kit}, {checkout}"


def test_only_the_kits_pulumi_has_another_home_and_a_login_stays_where_it_is(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = session.open_session("dev")
    assert opened.environment["PULUMI_HOME"] == str(places.PULUMI_HOME)
    assert opened.environment["PULUMI_CREDENTIALS_PATH"] == str(Path.home() / ".pulumi")
    monkeypatch.setenv("PULUMI_HOME", str(checkout / "home"))
    assert session.open_session("dev").environment["PULUMI_CREDENTIALS_PATH"] == str(checkout / "home")
    prepared.save("dev", prepared.Prepared(kit_cli=False))
    assert not {"PULUMI_HOME", "PULUMI_CREDENTIALS_PATH"} & session.open_session("dev").environment.keys()


def test_pulumis_exit_code_is_ours(checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert checkout.exists()
    monkeypatch.setenv("FAKE_UP", "7")
    assert main(["up"]) == 7
    assert "the same command carries on" in capsys.readouterr().err


def test_a_lost_passphrase_is_refused_before_pulumi_runs(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up"]) == 0
    ran = len(_log(checkout))
    (checkout / ".state" / "passphrase").unlink()
    assert main(["up"]) == 1
    assert "the passphrase is missing" in capsys.readouterr().err
    assert len(_log(checkout)) == ran
    assert not (checkout / ".state" / "passphrase").exists()


def test_a_stack_file_with_somebody_elses_secrets_needs_their_passphrase(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "Pulumi.dev.yaml").write_text(
        "config: {}\nencryptionsalt: v1:UR0dEBK6yZg=:v1:q8t9GiSkHNpV9/9C:cbnohIuOKTpmkZej/9AmpnADm2A0og==\n"
    )
    assert main(["up"]) == 1
    assert "the stack file holds values that were encrypted" in capsys.readouterr().err
    assert not (checkout / ".state" / "passphrase").exists()
    (checkout / ".state" / "passphrase").write_text("other\n")
    assert main(["up"]) == 1
    assert "wrong passphrase for stack dev" in capsys.readouterr().err
    (checkout / ".state" / "passphrase").write_text("abc\n")
    assert main(["up"]) == 0


def test_the_users_backend_is_respected(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{checkout.parent}/elsewhere")
    opened = session.open_session("dev")
    assert "PULUMI_BACKEND_URL" not in opened.environment
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in opened.environment
    assert not (checkout / ".state" / "passphrase").exists()
    assert opened.exists()


def test_a_salt_from_a_stack_that_is_gone_is_dropped(checkout: Path) -> None:
    copy = checkout / ".state" / "stacks" / "Pulumi.dev.yaml"
    copy.parent.mkdir(parents=True)
    copy.write_text("encryptionsalt: v1:a:v1:b:c\n")
    session.open_session("dev")
    assert "encryptionsalt" not in copy.read_text()


def test_a_stack_without_a_file_and_one_that_is_not_prepared(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--stack", "prod"]) == 1
    assert "no stack file Pulumi.prod.yaml (there are: dev)" in capsys.readouterr().err
    (checkout / "Pulumi.prod.yaml").touch()
    assert main(["up", "--stack", "prod"]) == 1
    assert "python3 -m offline prepare --stack prod" in capsys.readouterr().err


def test_outputs_are_masked_unless_asked(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checkout.exists()
    assert main(["outputs"]) == 1
    assert "is not deployed yet: make up" in capsys.readouterr().err
    assert main(["up"]) == 0
    capsys.readouterr()
    assert main(["outputs"]) == 0
    table = capsys.readouterr().out
    assert "admin: [secret]" in table
    assert "hunter2" not in table
    assert main(["outputs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accounts"] == {"admin": "[secret]"}
    assert main(["outputs", "--json", "--show-secrets"]) == 0
    assert json.loads(capsys.readouterr().out)["accounts"] == {"admin": "hunter2hunter2"}
    assert main(["password"]) == 0
    assert capsys.readouterr().out == "hunter2hunter2\n"
    assert main(["password", "--account", "eve"]) == 1
    assert "has no account 'eve'; it has: admin" in capsys.readouterr().err


def test_down_keeps_the_stack_while_something_is_protected(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    export = checkout.parent / "export.json"
    monkeypatch.setenv("FAKE_EXPORT", str(export))
    assert main(["up"]) == 0
    volume = {
        "type": "docker:index/volume:Volume",
        "urn": "a::b::v",
        "custom": True,
        "protect": True,
        "outputs": {"name": "registry-dev-storage"},
    }
    export.write_text(json.dumps({"deployment": {"resources": [{"type": "pulumi:pulumi:Stack", "urn": "a::s"}, volume]}}))
    assert main(["down"]) == 0
    said = capsys.readouterr().err
    assert "volume registry-dev-storage" in said
    assert "private-registry:allowDestroy: true" in said
    assert not any("stack rm" in line for line in _log(checkout))
    export.write_text(json.dumps({"deployment": {"resources": None}}))
    assert main(["down"]) == 0
    assert any("stack rm --yes --preserve-config" in line for line in _log(checkout))
    assert not (checkout / ".state/stacks/Pulumi.dev.yaml").exists()
    assert not (checkout / ".state/ca").exists()
    assert (checkout / "Pulumi.dev.yaml").exists()


def test_down_of_a_stack_that_is_not_there(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checkout.exists()
    assert main(["down"]) == 0
    assert "does not exist; nothing to do" in capsys.readouterr().err


def test_env_prints_lines_for_a_shell(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env"]) == 0
    lines = capsys.readouterr().out
    shown = subprocess.run(["sh", "-c", f"{lines}\necho $PULUMI_BACKEND_URL"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == f"file://{checkout}/.state/backend"


def test_unknown_arguments_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["outputs", "--nonsense"])
    assert stopped.value.code == 2
    with pytest.raises(SystemExit) as helped:
        main(["--help"])
    assert helped.value.code == 0
    assert "up" in capsys.readouterr().out


def test_only_the_lock_of_a_dead_process_of_this_machine_is_stale(tmp_path: Path) -> None:
    folder = tmp_path / "backend/.pulumi/locks/organization/private-registry/dev"
    folder.mkdir(parents=True)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name, pid, host in (
        ("dead", dead.pid, socket.gethostname()),
        ("alive", os.getpid(), socket.gethostname()),
        ("elsewhere", dead.pid, "another-host"),
    ):
        (folder / f"{name}.json").write_text(json.dumps({"pid": pid, "hostname": host, "username": "u"}))
    (folder / "broken.json").write_text("{")
    assert [file.stem for file in stale_locks(tmp_path, "private-registry", "dev")] == ["dead"]
    assert stale_locks(tmp_path, "private-registry", "other") == []


def test_ctrl_c_lets_pulumi_end_in_order(checkout: Path) -> None:
    program = checkout.parent / "bin" / "pulumi"
    program.write_text("#!/bin/sh\ntrap 'sleep 0.3; echo ended in order; exit 9' INT\necho ready\nwhile :; do sleep 0.05; done\n")
    code = (
        "import sys; from pathlib import Path; from offline.kit import places, prepared; from stack import session\n"
        f"places.REPO = Path({str(checkout)!r}); places.BIN = Path({str(program.parent)!r})\n"
        "places.STATE = prepared.STATE = places.REPO / '.state'\n"
        "sys.exit(session.open_session('dev').perform('up'))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        # As a terminal does it: to the whole group.
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == "ended in order\n"
        assert process.wait(timeout=10) == 9


def test_the_lock_of_a_process_that_has_ended_but_was_not_collected_is_stale(tmp_path: Path) -> None:
    folder = tmp_path / "backend" / ".pulumi" / "locks" / "organization" / "private-registry" / "dev"
    folder.mkdir(parents=True)
    ended = subprocess.Popen(["true"])
    try:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        (folder / "zombie.json").write_text(json.dumps({"pid": ended.pid, "hostname": socket.gethostname()}))
        found = [file.stem for file in stale_locks(tmp_path, "private-registry", "dev")]
    finally:
        ended.wait()
    assert found == ["zombie"], "in a container whose first process collects nobody, the stack would stay locked for good"
