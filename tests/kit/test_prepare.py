"""What is done to prepare a machine, and what waits for what."""

import json
import subprocess
from pathlib import Path

import pytest

from components.settings.model import ImagesSettings
from offline.images.recipe import ALL
from offline.images.vm import MACHINES
from offline.kit import places, prepare, reading
from offline.kit.engine_api import Address
from offline.kit.errors import KitError
from offline.kit.jobs import Job, startable
from offline.kit.need import CliDecision
from offline.kit.prepare import Preparation, Request

KIT, VENDOR = CliDecision(kit=True, why="no `pulumi` on PATH"), CliDecision(kit=False, why="`pulumi` found")


def _plan(*, cli: CliDecision = KIT, engine: bool = True, tests: bool = False) -> dict[str, Job]:
    return {job.name: job for job in Preparation(Request("dev", engine, tests), cli).jobs()}


def _needs(plan: dict[str, Job], name: str) -> set[str]:
    """Everything that must be done before a job."""
    return {name} | {found for after in plan[name].after for found in _needs(plan, after)}


def test_the_longest_build_starts_at_once_beside_the_environment() -> None:
    plan = _plan()
    first = [job.name for job in startable(plan.values(), [], [])]
    assert first == [prepare.CLI, prepare.ENVIRONMENT]
    assert all(prepare.CLI not in job.after for job in plan.values()), "something waits for minutes that need not"


@pytest.mark.parametrize("tests", [False, True])
def test_every_job_can_start_when_those_before_it_are_done(tests: bool) -> None:
    plan = _plan(tests=tests)
    done: set[str] = set()
    while ready := startable(plan.values(), done, done):
        done |= {job.name for job in ready}
    assert done == set(plan)


def test_an_image_waits_for_no_other_image_and_not_for_the_cli() -> None:
    plan = _plan(tests=True)
    images = {prepare.image_job(made.role) for made in (*ALL.values(), *MACHINES)}
    for image in images:
        assert _needs(plan, image) & (images | {prepare.CLI}) == {image}
        assert prepare.NEEDS in _needs(plan, image), "it would be built where the vendor's can be pulled"


def test_what_a_request_leaves_out_is_not_done() -> None:
    assert prepare.CLI not in _plan(cli=VENDOR)
    assert set(_plan(engine=False)) == {prepare.CLI, prepare.ENVIRONMENT, prepare.STACK_FILE}
    assert "crane" in _plan(tests=True)
    assert "crane" not in _plan()


@pytest.fixture
def stack_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "STATE", tmp_path / "state")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config:\n  private-registry:cache: none\n  private-registry:docker: {host: 'ssh://me@box', sshOptions: [-4]}\n")
    return file


def test_a_stack_file_is_read_with_the_default_images(stack_file: Path) -> None:
    found = reading.read(stack_file)
    assert found.wishes.cache == "none"
    assert found.wishes.address == Address("ssh://me@box", ("-4",))
    assert found.vendor_images == {name: str(field.default) for name, field in ImagesSettings.model_fields.items()}


def test_it_is_read_again_only_when_something_has_changed(stack_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    answer = {
        "wishes": {"platform": "docker", "address": {"host": "unix:///x", "ssh_options": []}, "images": {}, "cache": "redis"},
        "vendor": {},
    }

    def note(*_command: object, **_options: object) -> str:
        asked.append(stack_file)
        return json.dumps(answer)

    monkeypatch.setattr(reading, "run", note)
    assert reading.read(stack_file) == reading.read(stack_file)
    assert len(asked) == 1
    stack_file.write_text("config: {}\n")
    reading.read(stack_file)
    assert len(asked) == 2
    monkeypatch.setenv("DOCKER_HOST", "tcp://other:2375")
    reading.read(stack_file)
    assert len(asked) == 3


def test_a_stack_file_that_is_no_yaml_is_one_clear_error_each_time(stack_file: Path) -> None:
    stack_file.write_text("config: [\n")
    for _ in range(2):
        with pytest.raises(KitError, match=r"^Pulumi\.dev\.yaml is no valid YAML: line 2"):
            reading.read(stack_file)


def test_the_kit_itself_starts_without_the_environments_packages() -> None:
    program = "import sys, offline.__main__, offline.kit.prepare; print(sorted({'yaml', 'pydantic', 'pulumi'} & set(sys.modules)))"
    shown = subprocess.run([places.VENV_PYTHON, "-S", "-c", program], cwd=places.REPO, capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n", "on a bare machine it could not make the environment"
