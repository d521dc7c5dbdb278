"""`loop` of the bench on two checkouts whose make is a few lines of shell: what runs, in which order, and what is left behind."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import bench.__main__ as bench_main
from bench import busy
from bench.figures import BenchError
from bench.loop import __main__ as loop
from bench.loop import checkouts, clones, command, machine_state

# Each target notes what it was asked for, where, and whether its stack file is there.
MAKEFILE = """
up preview down test-fast:
\t@echo "$(NAME) $@ $(STACK)" >> "$(LOG)"
\t@if [ -n "$(STACK)" ]; then grep -q 'private-registry:allowDestroy: true' Pulumi.$(STACK).yaml; fi
\t@echo "$(NAME) says one"; echo two >&2
\t@if [ "$(NAME) $@" = "$$(cat "$(LOG).trouble")" ]; then exit 7; fi
\t@if [ "interrupt $(NAME) $@" = "$$(cat "$(LOG).trouble")" ]; then kill -INT $(PID); sleep 60; fi
"""


class World:
    """Two checkouts, and what their make noted."""

    def __init__(self, folder: Path) -> None:
        self.here, self.against = folder / "here", folder / "against"
        self.log, self.trouble = folder / "log", folder / "log.trouble"
        self.trouble.write_text("")
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        for checkout in (self.here, self.against):
            (checkout / "offline").mkdir(parents=True)
            (checkout / "offline" / "__main__.py").touch()
            (checkout / "Pulumi.dev.yaml").write_text("config:\n  private-registry:platform: docker\n")
            settings = f"NAME := {checkout.name}\nLOG := {self.log}\nPID := {os.getpid()}\n"
            (checkout / "Makefile").write_text(settings + MAKEFILE)
            git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(checkout))
            for arguments in (("init", "--quiet"), ("add", "."), ("commit", "--quiet", "-m", "all")):
                subprocess.run([*git, *arguments], check=True)

    def calls(self) -> list[str]:
        """Checkout and target of every call, in order."""
        return [" ".join(line.split()[:2]) for line in self.log.read_text().splitlines()]

    def stacks(self) -> set[str]:
        """The stacks that make was asked for."""
        return {line.split()[2] for line in self.log.read_text().splitlines()}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two checkouts; no engine, where nothing is left of a stack; and the handlers of signals as they were."""
    made = World(tmp_path)
    monkeypatch.setattr(loop, "REPO", made.here)
    monkeypatch.setattr(tempfile, "tempdir", str(made.temporary))
    monkeypatch.setattr(clones, "remove_leftovers", lambda prefix: made.log.open("a").write(f"engine leftovers {prefix}\n"))
    monkeypatch.setattr(clones, "free_port", lambda: 15_001)
    monkeypatch.setattr(machine_state, "engine_answers", lambda: False)
    # Whatever goes wrong in a test, no image of this machine's engine is removed.
    monkeypatch.setattr(machine_state, "docker", lambda *_: pytest.fail("a test asked the real engine"))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield made
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_unchanged_stacks_are_deployed_once_measured_in_turns_and_removed(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert loop.main(["warm", "--against", str(world.against), "--pairs", "2", "--json"]) == 0
    unmeasured = ["here up", "against up", "here up", "here preview", "against up", "against preview"]
    measured = [f"{side} {target}" for target in ("up", "preview") for side in ("here", "against", "against", "here")]
    removed = ["against down", "engine leftovers", "here down", "engine leftovers"]
    assert world.calls() == [*unmeasured, *measured, *removed]
    assert len(world.stacks()) == 4, "each side has a stack of its own, and the engine is looked through for both"
    content = json.loads(capsys.readouterr().out)
    assert content["against"]["commit"] == checkouts.find(world.against).commit
    lines = next(figure for figure in content["figures"] if figure["name"] == "make up, unchanged: lines printed")
    assert lines["here"] == lines["against"] == [2, 2], "both outputs count"
    assert not list(world.temporary.iterdir()), "clones must not pile up"
    assert not (world.here / "Pulumi.bench.yaml").exists()


def test_a_failure_shows_the_last_lines_and_removes_both_stacks(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.trouble.write_text("against preview")
    assert loop.main(["warm", "--against", str(world.against)]) == 1
    said = capsys.readouterr()
    assert "preview STACK=bench-" in said.err
    assert "against says one" in said.err
    assert "ended with exit code 2" in said.err, "make's own code"
    assert said.out == "", "half of the figures are none"
    assert world.calls()[-4:] == ["against down", "engine leftovers", "here down", "engine leftovers"]
    assert not list(world.temporary.iterdir())


def test_a_stack_whose_make_down_fails_is_removed_from_the_engine(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.trouble.write_text("against down")
    assert loop.main(["warm", "--against", str(world.against), "--pairs", "1"]) == 0
    assert world.calls()[-4:] == ["against down", "engine leftovers", "here down", "engine leftovers"]
    assert "is removed from the engine" in capsys.readouterr().err


def test_control_c_ends_the_command_and_removes_both_stacks(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.trouble.write_text("interrupt here preview")
    assert loop.main(["warm", "--against", str(world.against)]) == 130
    assert world.calls()[-5:] == ["here preview", "against down", "engine leftovers", "here down", "engine leftovers"]
    assert not list(world.temporary.iterdir())
    assert "stopped" in capsys.readouterr().err


def test_an_idle_stack_is_alone_and_the_machine_without_one_is_looked_at_too(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop.parts, "time", SimpleNamespace(sleep=lambda seconds: world.log.open("a").write(f"settle {seconds} x\n")))

    def look(seconds: float) -> busy.BusyShare:
        world.log.open("a").write(f"look {seconds} x\n")
        return busy.BusyShare(seconds, 1)

    monkeypatch.setattr(busy, "measure", look)
    assert loop.main(["idle", "--against", str(world.against), "--pairs", "1", "--seconds", "300", "--settle", "5"]) == 0
    looks = ["settle 5", "look 300"]
    stacks = [call for side in ("here", "against") for call in (f"{side} up", *looks, f"{side} down", "engine leftovers")]
    assert world.calls() == [*stacks, *looks], "settling and measuring, with each stack and without one"
    assert "less without" in capsys.readouterr().out


def test_the_fast_tests_run_once_before_they_are_measured(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert loop.main(["fast", "--against", str(world.against), "--pairs", "1"]) == 0
    assert [line.split()[:2] for line in world.log.read_text().splitlines()] == [["here", "test-fast"], ["against", "test-fast"]] * 2
    assert "make test-fast: wall" in capsys.readouterr().out


def test_a_cold_run_has_no_images_and_no_caches_and_leaves_neither(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_state, "check_cold", lambda **_: None)
    monkeypatch.setattr(machine_state, "engine_answers", lambda: True)
    monkeypatch.setattr(machine_state, "remove_kit_images", lambda: world.log.open("a").write("images removed x\n"))
    assert loop.main(["cold", "--against", str(world.against), "--pairs", "2"]) == 0
    one = [(f"{side} up", f"{side} down", "engine leftovers") for side in ("here", "against", "against", "here")]
    assert world.calls() == [call for calls in one for call in ("images removed", *calls, "images removed")]
    assert len(world.stacks() - {"x"}) == 8, "each run has a stack of its own"
    assert not list(world.temporary.iterdir())


@pytest.mark.parametrize("part", ["cold", "warm", "idle"])
def test_without_the_docker_command_nothing_is_deployed_that_could_not_be_cleared_away(
    part: str, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine_state, "engine_answers", lambda: True)
    monkeypatch.setattr(machine_state.shutil, "which", lambda name, **_: None if name == "docker" else name)
    assert loop.main([part, "--against", str(world.against)]) == 1
    assert "the command `docker` is missing" in capsys.readouterr().err
    assert not world.log.exists()


def test_what_is_measured_is_the_commit(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    makefile = world.here / "Makefile"
    makefile.write_text(makefile.read_text().replace("NAME := here", "NAME := changed"))
    assert loop.main(["fast", "--against", str(world.against), "--pairs", "1"]) == 0
    assert "changed test-fast" not in world.calls()
    assert f"note: uncommitted changes in {world.here} are not in the figures" in capsys.readouterr().out


def test_the_same_commit_twice_shows_noise_only(world: World) -> None:
    one = checkouts.find(world.here)
    assert checkouts.notes(one, one) == ["both are the same commit: the ratio shows nothing but the noise of this machine"]
    assert checkouts.notes(one, checkouts.find(world.against)) == []


def test_a_checkout_that_cannot_be_compared_with_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="--against is missing"):
        checkouts.find_pair(world.here, None)
    with pytest.raises(BenchError, match="is this checkout itself"):
        checkouts.find_pair(world.here, world.against / ".." / "here")
    with pytest.raises(BenchError, match="no such folder"):
        checkouts.find_pair(world.here, tmp_path / "nowhere")
    with pytest.raises(BenchError, match=r"it has no Makefile, Pulumi.dev.yaml, offline/__main__.py"):
        checkouts.find_pair(world.here, world.temporary)
    (world.against / ".git").rename(tmp_path / "git")
    with pytest.raises(BenchError, match="is no git checkout with a commit"):
        checkouts.find_pair(world.here, world.against)


def test_make_bench_leads_to_the_loop_and_prepares_no_engine_for_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "loop", "warm"])
    before = signal.getsignal(signal.SIGTERM)
    assert bench_main.main() == 1
    signal.signal(signal.SIGTERM, before)
    assert "--against is missing" in capsys.readouterr().err
    for words, prepared in (
        ("loop warm --against x", "offline venv --dev"),
        ("gc", "offline prepare --dev"),
        ("", "offline prepare --dev"),
    ):
        shown = subprocess.run(["make", "-n", "bench", f"ARGS={words}"], capture_output=True, text=True, check=True).stdout
        assert prepared in shown, "what prepare builds, a cold run would have to remove again"


def _run(folder: Path, script: str, seconds: float = 60) -> command.Run:
    return command.run([sys.executable, "-c", script], folder=folder, environment=os.environ, log=folder / "log", seconds=seconds)


def test_the_time_of_a_commands_own_processes_counts(tmp_path: Path) -> None:
    work = "import time\nwhile time.process_time() < 0.3: pass"
    done = _run(tmp_path, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)")
    assert done.processor >= 0.3
    assert done.wall > 0


def test_a_command_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"did not end within 0\.5 s"):
        _run(tmp_path, "import time; time.sleep(60)", seconds=0.5)


def test_a_stopped_command_can_end_its_work(tmp_path: Path, world: World) -> None:
    script = (
        "import pathlib, time\n"
        "try:\n"
        "    pathlib.Path('started').touch()\n"
        "    time.sleep(60)\n"
        "except KeyboardInterrupt:\n"
        "    pathlib.Path('ended').touch()\n"
    )

    def stop() -> None:
        deadline = time.monotonic() + 30
        while not (tmp_path / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, script)
    assert (tmp_path / "ended").exists(), "pulumi needs the chance to write its state"
