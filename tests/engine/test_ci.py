"""`make ci-preview`, `ci-drift` and `ci-deploy` on the real engine, as the workflows run them: a fresh checkout each, a shared state."""

import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.command import Done, run
from tests.engine.checkout import Checkout
from tests.engine.deployment import PREFIX, settings_for
from tests.engine.make_run import MakeRun
from tests.stack_names import stack_name

STACK = stack_name("ci")
CONTAINER = "`docker:index/container:Container`"


class Runner:
    """Runs make targets the way a runner of GitHub does: nothing is left of the run before but the shared state."""

    def __init__(self, base: Path) -> None:
        self.run = MakeRun(Checkout.copy(base))
        self.shared = base / "shared"
        self.shared.mkdir()
        self.passphrase = secrets.token_hex(16)
        self.settings = settings_for(replicas=1, cache="inmemory")
        del self.settings["images"]
        self.run.write(STACK, self.settings)

    def make(self, target: str, *, passphrase: str | None = None, arguments: str = "") -> Done:
        """Runs `make TARGET`."""
        shutil.rmtree(self.run.folder / ".state" / "stacks", ignore_errors=True)
        given = self.passphrase if passphrase is None else passphrase
        environment = {"PULUMI_BACKEND_URL": f"file://{self.shared}", "PULUMI_CONFIG_PASSPHRASE": given}
        return self.run.make(target, STACK, env=environment, arguments=arguments)

    def with_settings(self, target: str, **more: object) -> Done:
        """Runs `make TARGET` with a changed stack file."""
        self.run.write(STACK, {**self.settings, **more})
        try:
            return self.make(target)
        finally:
            self.run.write(STACK, self.settings)

    def report(self, kind: str) -> tuple[str, str]:
        """State and text of the last report."""
        content = json.loads((self.run.folder / ".state" / "ci" / f"{kind}-{STACK}.json").read_text(encoding="utf-8"))
        return content["state"], content["markdown"]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    made = Runner(tmp_path_factory.mktemp("ci"))
    yield made
    made.make("down")
    made.run.remove(STACK)


@pytest.fixture(scope="module")
def deployed(runner: Runner) -> Runner:
    done = runner.make("ci-deploy")
    assert done.code == 0, done.text
    return runner


def test_a_stack_that_nobody_has_deployed_is_previewed_without_creating_it(runner: Runner) -> None:
    done = runner.make("ci-preview")
    assert done.code == 0, done.text
    state, text = runner.report("preview")
    assert state == "changed"
    assert "not deployed yet: everything is new" in text
    assert f"`registry-{STACK}-edge`" in text
    assert not list(runner.shared.rglob("*.json")), "the preview wrote into the shared state"
    copy = runner.run.folder / ".state" / "stacks" / f"Pulumi.{STACK}.yaml"
    assert "encryptionsalt" not in copy.read_text(encoding="utf-8"), "the salt of the thrown away state is left"


def test_a_shared_state_without_a_passphrase_is_refused_and_the_report_says_why(runner: Runner) -> None:
    assert runner.make("ci-preview", passphrase="").code != 0
    state, text = runner.report("preview")
    assert state == "failed"
    assert "has no secrets provider, and there is no passphrase" in text


def test_a_deployed_stack_is_what_the_code_says(deployed: Runner) -> None:
    done = deployed.make("ci-drift")
    assert done.code == 0, done.text
    assert deployed.report("drift")[0] == "unchanged"


def test_a_change_is_previewed_by_name_and_without_secrets(deployed: Runner) -> None:
    done = deployed.with_settings("ci-preview", auth={"users": [{"name": "admin"}, {"name": "reader"}]})
    assert done.code == 0, done.text
    state, text = deployed.report("preview")
    assert state == "changed"
    assert f"| create | `random:index/randomPassword:RandomPassword` | `registry-{STACK}-reader` |" in text
    assert f"| replace | {CONTAINER} | `registry-{STACK}-config` | `uploads" in text
    password = deployed.make("password").out.strip()
    assert len(password) >= 32
    for secret in (password, deployed.passphrase):
        assert secret not in text + done.text


def test_a_mistake_in_the_stack_file_fails_the_preview_and_is_named(deployed: Runner) -> None:
    assert deployed.with_settings("ci-preview", port=99999).code != 0
    state, text = deployed.report("preview")
    assert state == "failed"
    assert f"{PREFIX}:port" in text


# The last one, because the others want the stack whole.
def test_what_is_changed_outside_is_found_and_undone(deployed: Runner) -> None:
    run("docker", "update", "--memory", "300m", "--memory-swap", "300m", f"registry-{STACK}-registry-1", seconds=60)
    run("docker", "rm", "--force", f"registry-{STACK}-edge", seconds=60)
    assert deployed.make("ci-drift").code != 0
    state, text = deployed.report("drift")
    assert state == "changed"
    assert f"| changed | {CONTAINER} | `registry-{STACK}-registry-1` | `memory`, `memorySwap` |" in text
    assert f"| deleted | {CONTAINER} | `registry-{STACK}-edge` |" in text
    assert f"| create | {CONTAINER} | `registry-{STACK}-edge` |" in text
    undone = deployed.make("ci-deploy", arguments="--refresh")
    assert undone.code == 0, undone.text
    run("docker", "inspect", f"registry-{STACK}-edge", seconds=60)
