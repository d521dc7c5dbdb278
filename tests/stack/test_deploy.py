"""`make up`: when a preview is enough, and when the update runs. A script stands in for pulumi and writes the event log."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from offline.kit import places, prepared
from stack.__main__ import main
from tests.stack.stand_in_engine import StandInEngine
from tests.stack.stand_in_pulumi import put_on_path

STATE = ".state/backend/.pulumi/stacks/private-registry/dev.json"
PULUMI = r"""#!/bin/sh
printf '%s\n' "$*" >> "$FAKE/log"
state="${PULUMI_BACKEND_URL#file://}/.pulumi/stacks/private-registry"
case "$*" in
  *"stack init"*) mkdir -p "$state"; echo '{}' > "$state/dev.json" ;;
  *"stack ls"*) echo '[{"name":"dev"}]' ;;
  *"stack output"*) printf '%s' '{"url":"https://asked:1","accounts":{"admin":"hunter2hunter2"}}' ;;
esac
before=
for word; do
  if [ "$before" = --event-log ]; then cp "$FAKE/$1.jsonl" "$word"; fi
  before=$word
done
case "$1" in
  up) mkdir -p "$state"; echo "{\"of\": \"update $$\"}" > "$state/dev.json"; exit "${FAKE_UP:-0}" ;;
  preview) exit "${FAKE_PREVIEW:-0}" ;;
esac
"""
OUTPUTS = {"url": "https://localhost:5443", "caCertificate": "PEM\n", "accounts": {"eve": {"ciphertext": "[secret]"}}}


def _events(*more: dict[str, Any], old: object = OUTPUTS, summary: bool = True) -> str:
    """The log of a run that finds everything as it was, and these events."""
    stack = {"op": "same", "type": "pulumi:pulumi:Stack", "urn": "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"}
    events: list[dict[str, Any]] = [
        {"resourcePreEvent": {"metadata": {**stack, "new": {"outputs": {}}, "old": {"outputs": old}}}},
        {"resOutputsEvent": {"metadata": {**stack, "new": {"outputs": OUTPUTS}, "old": {"outputs": old}}}},
        *more,
    ]
    events += [{"summaryEvent": {"resourceChanges": {"same": 2}}}] if summary else []
    return "".join(f"{json.dumps(event)}\n" for event in events)


def _step(operation: str) -> dict[str, Any]:
    urn = "urn:pulumi:dev::p::docker:index/container:Container::edge"
    return {"resourcePreEvent": {"metadata": {"op": operation, "type": "docker:index/container:Container", "urn": urn}}}


class Fake:
    """A checkout with the policy pack, the script on PATH, and what it was called with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = folder / "repo"

    def write(self, operation: str, log: str) -> None:
        (self.folder / f"{operation}.jsonl").write_text(log)

    def calls(self) -> list[str]:
        """The operations since the last time, each with what it was asked to skip."""
        file = self.folder / "log"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        skips = [(line.split()[0], " --skip-preview" if "--skip-preview" in line else "") for line in lines]
        return [f"{operation}{skip}" for operation, skip in skips if operation in {"up", "preview"}]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    program = put_on_path(tmp_path, PULUMI, monkeypatch)
    made = Fake(tmp_path)
    (made.repo / "policies").mkdir(parents=True)
    (made.repo / "policies" / "PulumiPolicy.yaml").touch()
    (made.repo / "components").mkdir()
    (made.repo / "components" / "registry.py").write_text("one\n")
    (made.repo / "Pulumi.dev.yaml").write_text("config: {}\n")
    for name, path in (("REPO", made.repo), ("STATE", made.repo / ".state"), ("BIN", program.parent)):
        monkeypatch.setattr(places, name, path)
    monkeypatch.setattr(prepared, "STATE", made.repo / ".state")
    monkeypatch.setenv("FAKE", str(tmp_path))
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    prepared.save("dev", prepared.Prepared(kit_cli=True, images={"config": "offline/config:1"}))
    for operation in ("up", "preview"):
        made.write(operation, _events())
    return made


@pytest.fixture
def deployed(fake: Fake) -> Fake:
    """A checkout whose stack is deployed."""
    assert main(["up"]) == 0
    assert fake.calls() == ["up"], "the first time pulumi previews and updates in one"
    return fake


def test_with_nothing_to_change_a_preview_is_all_that_runs(deployed: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up"]) == 0
    assert deployed.calls() == ["preview"]
    shown = capsys.readouterr()
    assert "Registry: https://localhost:5443" in shown.out, "the lines for use are printed all the same"
    assert "Account:  eve" in shown.out
    assert "is up to date" in shown.err
    assert main(["up"]) == 0
    assert deployed.calls() == ["preview"], "and again"


@pytest.mark.parametrize(
    ("log", "why"),
    [
        (_events(_step("update")), "a change"),
        (_events(_step("create")), "a new resource"),
        (_events({"diagnosticEvent": {"severity": "warning", "message": "3 pending operations"}}), "a warning, e.g. of an interrupted run"),
        (_events(old={**OUTPUTS, "url": "https://before:1"}), "another output"),
        (_events(summary=False), "a preview that did not come to its end"),
        ("", "a log without events"),
    ],
)
def test_a_preview_that_finds_anything_is_followed_by_the_update(deployed: Fake, log: str, why: str) -> None:
    deployed.write("preview", log)
    assert main(["up"]) == 0
    assert deployed.calls() == ["preview", "up --skip-preview"], why


def test_what_the_preview_refuses_is_not_created(deployed: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.write("preview", _events(_step("create")))
    monkeypatch.setenv("FAKE_PREVIEW", "255")
    assert main(["up"]) == 255
    assert deployed.calls() == ["preview"], "a policy's refusal at the preview has to keep the update from running"


@pytest.mark.parametrize(
    "file",
    ["components/registry.py", "components/new.py", "policies/rule.py", "Pulumi.dev.yaml", "Policies.dev.json", STATE, "requirements.txt"],
)
def test_after_any_change_to_program_settings_policies_or_state_the_update_runs(deployed: Fake, file: str) -> None:
    """Although its preview may be empty: what a resource depends on, or how long it may take, is in no preview."""
    path = deployed.repo / file
    before = path.read_text() if path.exists() else ""
    path.write_text(f"{before}# changed\n" if file.endswith((".py", ".txt")) else '{"config": {"private-registry:port": 1}}')
    assert main(["up"]) == 0
    assert deployed.calls() == ["up"], "with pulumi's own preview first, for the policies"


def test_after_an_update_that_failed_the_next_one_runs(deployed: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.write("preview", _events(_step("create")))
    monkeypatch.setenv("FAKE_UP", "1")
    assert main(["up"]) == 1
    assert deployed.calls() == ["preview", "up --skip-preview"]
    deployed.write("preview", _events())
    monkeypatch.setenv("FAKE_UP", "0")
    assert main(["up"]) == 0
    assert deployed.calls() == ["up"]


def test_options_for_pulumi_go_to_one_update_and_what_they_deploy_is_not_taken_for_the_whole(deployed: Fake) -> None:
    assert main(["up", "--refresh"]) == 0
    assert deployed.calls() == ["up"]
    assert main(["up"]) == 0
    assert deployed.calls() == ["up"], "--target, say, leaves the rest as it was"


def test_a_shared_state_is_updated_each_time(deployed: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{deployed.folder}/elsewhere")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "x")
    (deployed.folder / "elsewhere/.pulumi/stacks/private-registry").mkdir(parents=True)
    for _ in range(2):
        assert main(["up"]) == 0
        assert deployed.calls() == ["up"], "what others did to it can't be seen from here"


def test_without_outputs_in_the_log_the_state_is_asked(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.write("up", "")
    assert main(["up"]) == 0
    assert "https://asked:1" in capsys.readouterr().out


def test_a_stack_that_is_gone_is_forgotten(deployed: Fake) -> None:
    (deployed.repo / STATE).unlink()
    assert main(["down"]) == 0
    left = sorted(path.name for path in (deployed.repo / ".state").rglob("dev*") if path.is_file())
    assert left == [], "nothing may stay that speaks of a stack which does not exist"


def test_the_event_log_does_not_stay(deployed: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert main(["up"]) == 0
    assert list(folder.iterdir()) == [], "values of resources are in it"


VENDORS_WORDS = (
    "1 error occurred:\n\t* Unable to start container: Error response from daemon: driver failed programming external connectivity on "
    "endpoint registry-dev-edge (1f2e): Bind for 0.0.0.0:443 failed: port is already allocated\n\n\n"
)
EDGE = "urn:pulumi:dev::private-registry::private-registry:index:PrivateRegistry$docker:index/container:Container::registry-dev-edge"


@pytest.mark.parametrize("operation", ["preview", "up"])
def test_a_failure_is_explained_in_the_products_own_words(
    deployed: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], operation: str
) -> None:
    """The vendor's plugins pass on what the engine said, and no remedy."""
    error = {"diagnosticEvent": {"severity": "error", "urn": EDGE, "message": f"<{{%reset%}}>{VENDORS_WORDS}<{{%reset%}}>"}}
    deployed.write(operation, _events(_step("create"), error, summary=False))
    if operation == "up":
        deployed.write("preview", _events(_step("create")))
    monkeypatch.setenv(f"FAKE_{operation.upper()}", "255")
    assert main(["up"]) == 255
    shown = capsys.readouterr().err
    assert "error: private-registry:port = 443: the port is in use on the Docker host" in shown
    assert "set private-registry:port to another port" in shown
    assert shown.index("private-registry:port = 443") < shown.index("the same command carries on"), "the cause comes first"


def test_where_a_port_is_taken_pulumi_does_not_even_start(fake: Fake, engine: StandInEngine, capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"IP": "0.0.0.0", "PublicPort": 443, "PrivatePort": 80, "Type": "tcp"}  # noqa: S104 - all addresses
    engine.answers["/containers/json"] = [{"Names": ["/web"], "Labels": {}, "Ports": [entry]}]
    assert main(["up"]) == 1
    assert not (fake.folder / "log").exists(), "not one call of pulumi: not even the stack is created"
    assert "held by container web" in capsys.readouterr().err
    assert main(["preview"]) == 0, "a preview shows the plan all the same"
    assert "make up would be refused: private-registry:port = 443" in capsys.readouterr().err
