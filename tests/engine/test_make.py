"""The make targets, as a person uses them."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.docker_host import leftovers
from tests.engine.checkout import Checkout
from tests.engine.deployment import settings_for
from tests.engine.make_run import MakeRun
from tests.stack_names import stack_name

STACK = stack_name("make")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeRun]:
    runner = MakeRun(Checkout.copy(tmp_path_factory.mktemp("make")))
    settings = settings_for()
    del settings["images"]
    runner.write(STACK, settings)
    yield runner
    runner.remove(STACK)


@pytest.fixture(scope="module")
def printed(made: MakeRun) -> str:
    """What the first `make up` printed."""
    return made.make("up", STACK, check=True).out


def _lines_after(printed: str, heading: str) -> list[str]:
    """The indented lines below a heading."""
    lines = printed.split(heading, 1)[1].splitlines()[1:]
    end = next((number for number, line in enumerate(lines) if not line.startswith("  ")), len(lines))
    return [line.strip() for line in lines[:end]]


def _assert_no_changes(text: str) -> None:
    """Raises AssertionError when pulumi's summary counts anything but unchanged resources."""
    changes = re.findall(r"^\s+[-+~]+ ?\d+ (?:created|updated|replaced|deleted)", text, re.MULTILINE)
    assert not changes, text


def test_an_image_goes_in_and_comes_back_with_the_lines_that_make_up_printed(made: MakeRun, printed: str) -> None:
    lines = _lines_after(printed, "With skopeo")
    assert len(lines) >= 4, printed
    script = "\n".join(lines)
    elsewhere = [path for path in re.findall(r"(?:^|[\s:=>'\"])(/[^\s:/][^\s:]*)", script) if not Path(path).is_relative_to(made.folder)]
    assert not elsewhere, "what another checkout or user left behind must not be in the way"
    for attempt in ("first", "second"):
        digests = [line for line in made.shell(script).out.splitlines() if line.startswith("sha256:")]
        assert len(digests) == 2, f"{attempt} time: the lines end with two digests"
        assert digests[0] == digests[1], f"{attempt} time: what came back is not what was sent"


def test_docker_works_with_the_lines_that_make_up_printed(made: MakeRun, printed: str) -> None:
    lines = _lines_after(printed, "With Docker")
    assert len(lines) >= 4, printed
    (trusted,) = re.findall(r"(/etc/docker/certs\.d/\S+)/ca\.crt", "\n".join(lines))
    (image,) = {line.split()[-1] for line in lines if line.startswith("docker push")}
    try:
        made.shell("\n".join(lines))
        again = made.make("up", STACK, check=True)
        assert "unchanged" in again.text, f"what the example left on the engine must not change what the stack runs:\n{again.text}"
        _assert_no_changes(again.text)
    finally:
        made.shell(f"docker rmi --force {image}")
        shutil.rmtree(trusted)


def test_no_password_is_printed(made: MakeRun, printed: str) -> None:
    password = made.make("password", STACK, check=True).out.strip()
    assert len(password) >= 32
    assert password not in printed
    assert password not in made.make("outputs", STACK, check=True).text


def test_make_up_again_changes_nothing(made: MakeRun, printed: str) -> None:
    assert printed
    again = made.make("up", STACK, check=True)
    assert "unchanged" in again.text
    _assert_no_changes(again.text)


def test_make_up_names_each_resource_once_and_not_where_plugins_lie(made: MakeRun, printed: str) -> None:
    assert made
    rows = re.findall(r"^ [+] +(\S+:\S+:\S+ \S+) (\S+)", printed, re.MULTILINE)
    done = [resource for resource, what in rows if what == "created"]
    assert len(done) == len(set(done)) > 30, printed
    other = {what for _, what in rows} - {"created"}
    assert other <= {"creating"}, "what is only planned is no news"
    assert "creating (0s)" not in printed, "nor is what has just begun"
    assert "from $PATH" not in printed
    assert not re.search(r"^@ ", printed, re.MULTILINE), "dots that only say that it goes on"


def test_a_stack_on_docker_asks_for_no_plugin_of_a_cloud(made: MakeRun, printed: str) -> None:
    assert printed
    # pulumi notes the last use of each plugin that it has looked for and found.
    home = made.folder / ".state" / "pulumi-home" / "plugins"
    used = {path.name.split("-v", 1)[0] for path in home.glob("*.lastused")}
    assert used == {"language-python", "resource-docker", "resource-random", "resource-tls"}


def test_verbose_shows_all_that_pulumi_says(made: MakeRun, printed: str) -> None:
    assert printed
    for target in ("up", "preview"):
        assert "Loading policy packs" not in made.make(target, STACK, check=True).text
        shown = made.make(target, STACK, check=True, arguments="--verbose").text
        assert "Loading policy packs" in shown
        assert "unchanged" in shown


def test_what_a_preview_finds_with_nothing_changed_here_is_deployed(made: MakeRun, printed: str) -> None:
    """As when a certificate is due: the files are those of the last time, and yet there is something to do."""
    assert printed
    file = made.folder / f"Pulumi.{STACK}.yaml"
    before = file.read_text()
    as_deployed = f"from stack import last_deployment, session; last_deployment.remember(session.open_session({STACK!r}))"
    try:
        file.write_text(f"{before}  private-registry:registry:\n    logLevel: debug\n")
        made.shell(f".venv/bin/python -c {shlex.quote(as_deployed)}")
        again = made.make("up", STACK, check=True).text
        assert re.search(rf"Container registry-{STACK}-registry-1 replaced", again), again
        assert again.index("Previewing update") < again.index("Updating")
        shown = made.shell(f"docker inspect --format '{{{{.State.Running}}}}' registry-{STACK}-registry-1").out.strip()
        assert shown == "true"
    finally:
        file.write_text(before)
    assert "unchanged" in made.make("up", STACK, check=True).text


def test_make_preview_runs_and_the_policies_find_nothing(made: MakeRun, printed: str) -> None:
    assert "private-registry@v" in printed, "make up runs the policy pack too"
    shown = made.make("preview", STACK, check=True).text
    assert "unchanged" in shown
    assert "✅ private-registry@v" in shown
    assert "[mandatory]" not in shown
    assert "[advisory]" not in shown


def test_the_tracked_stack_file_stays_as_it_was(made: MakeRun, printed: str) -> None:
    assert printed
    assert "encryptionsalt" not in (made.folder / f"Pulumi.{STACK}.yaml").read_text(), "make up must not change a tracked file"


def test_without_its_passphrase_nothing_is_changed_and_the_message_says_what_to_do(made: MakeRun, printed: str) -> None:
    assert printed
    file = made.folder / ".state" / "passphrase"
    kept = file.read_bytes()
    file.unlink()
    try:
        for target in ("up", "preview", "down"):
            done = made.make(target, STACK)
            assert done.code != 0, f"make {target} must not go on with a new passphrase"
            assert "passphrase" in done.text
            assert "PULUMI_CONFIG_PASSPHRASE" in done.text, "the message must say the remedy"
            assert "Traceback" not in done.text
            assert not file.exists(), "a new passphrase would hide that the old one is missing"
    finally:
        file.write_bytes(kept)
    assert "unchanged" in made.make("up", STACK, check=True).text


def test_with_a_wrong_passphrase_nothing_is_changed(made: MakeRun, printed: str) -> None:
    assert printed
    done = made.make("up", STACK, env={"PULUMI_CONFIG_PASSPHRASE": "wrong"})
    assert done.code != 0
    assert "wrong passphrase" in done.text
    assert "Traceback" not in done.text


def test_make_down_removes_everything_that_make_up_made(made: MakeRun, printed: str) -> None:
    assert printed
    assert leftovers(f"registry-{STACK}")
    made.make("down", STACK, check=True)
    assert leftovers(f"registry-{STACK}") == []
    state = [path.name for path in (made.folder / ".state" / "backend").rglob("*.json") if STACK in path.name]
    assert not state, "the stack itself must be gone too"
    assert made.make("down", STACK).code == 0, "down on nothing has nothing to do"
