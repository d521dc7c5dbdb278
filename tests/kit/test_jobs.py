"""Jobs that run side by side: what waits for what, what happens when one fails, and what a person sees."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from offline.kit import command
from offline.kit.command import StoppedError, run
from offline.kit.errors import KitError
from offline.kit.jobs import Job, run_jobs, startable
from offline.kit.places import REPO
from offline.kit.progress import step

DEADLINE = 60.0


@pytest.fixture(autouse=True)
def running(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test ends must not keep the next one from starting programs."""
    monkeypatch.setattr(command, "_all", command._Running())


def _nothing(_results: Mapping[str, object]) -> None:
    return None


def _fails(message: str) -> Callable[[Mapping[str, object]], object]:
    def work(_results: Mapping[str, object]) -> object:
        raise KitError(message)

    return work


def test_a_job_can_start_when_all_that_it_needs_is_done() -> None:
    first, second, both = Job("a", _nothing), Job("b", _nothing), Job("c", _nothing, after=("a", "b"))
    jobs = [first, second, both]
    assert startable(jobs, [], []) == [first, second]
    assert startable(jobs, ["a", "b"], ["a"]) == []
    assert startable(jobs, ["a", "b"], ["a", "b"]) == [both]
    assert startable(jobs, ["a", "b", "c"], ["a", "b"]) == [], "it would run twice"


def test_results_reach_the_jobs_that_wait_for_them() -> None:
    jobs = [
        Job("sum", lambda results: results["one"] + results["two"], after=("one", "two")),  # pyright: ignore[reportOperatorIssue]
        Job("one", lambda _: 1),
        Job("two", lambda _: 2),
    ]
    assert run_jobs(jobs) == {"one": 1, "two": 2, "sum": 3}


def test_jobs_that_do_not_wait_for_each_other_run_at_the_same_time() -> None:
    meet = threading.Barrier(2, timeout=DEADLINE)
    jobs = [Job(name, lambda _: meet.wait()) for name in ("a", "b")]
    assert len(run_jobs(jobs)) == 2, "each of them waits for the other one"


@pytest.mark.parametrize("after", [("gone",), ("a",)])
def test_a_job_that_can_never_start_is_a_fault(after: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="can never start: a"):
        run_jobs([Job("a", _nothing, after=after)])


def test_a_failure_ends_the_others_and_starts_no_more() -> None:
    begun = threading.Event()
    seen: list[str] = []

    def sleeps(_results: Mapping[str, object]) -> object:
        begun.set()
        try:
            return run(["sleep", "600"], why="sleeping")
        except StoppedError:
            seen.append("ended")
            raise

    def fails(_results: Mapping[str, object]) -> object:
        assert begun.wait(DEADLINE)
        raise KitError("no Go here")

    with pytest.raises(KitError, match=r"^no Go here$"):
        run_jobs([Job("long", sleeps), Job("bad", fails), Job("later", lambda _: seen.append("later"), after=("long",))])
    assert seen == ["ended"]


def test_all_that_went_wrong_is_told() -> None:
    meet = threading.Barrier(2, timeout=DEADLINE)

    def fails(name: str) -> Callable[[Mapping[str, object]], object]:
        def work(_results: Mapping[str, object]) -> object:
            meet.wait()
            raise KitError(f"{name} failed")

        return work

    with pytest.raises(KitError) as stopped:
        run_jobs([Job("a", fails("a")), Job("b", fails("b"))])
    assert sorted(str(stopped.value).splitlines()) == ["a failed", "b failed"]


def test_one_problem_of_two_jobs_is_told_once() -> None:
    meet = threading.Barrier(2, timeout=DEADLINE)

    def fails(_results: Mapping[str, object]) -> object:
        meet.wait()
        raise KitError("no rights")

    with pytest.raises(KitError, match=r"^no rights$"):
        run_jobs([Job("a", fails), Job("b", fails)])


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    def faulty(_results: Mapping[str, object]) -> object:
        return {}["missing"]

    with pytest.raises(KeyError, match="missing"):
        run_jobs([Job("faulty", faulty)])


def _await(path: Path) -> str:
    """The text of a file that a program writes."""
    deadline = time.monotonic() + DEADLINE
    while not path.exists() or not path.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline, f"waited for {path.name}"
        time.sleep(0.02)
    return path.read_text(encoding="utf-8")


def test_a_program_that_must_finish_is_not_ended(tmp_path: Path) -> None:
    def installs(_results: Mapping[str, object]) -> object:
        waits = "echo x > begun; until [ -e stopping ]; do sleep 0.02; done; echo whole"
        return run(["sh", "-c", waits], cwd=tmp_path, why="installing", finish=True)

    def fails(_results: Mapping[str, object]) -> object:
        _await(tmp_path / "begun")
        raise KitError("bad")

    def watches(_results: Mapping[str, object]) -> object:
        with suppress(StoppedError):
            run(["sleep", "600"], why="sleeping")
        (tmp_path / "stopping").touch()
        return None

    seen: list[object] = []
    jobs = [Job("apt", lambda results: seen.append(installs(results))), Job("other", watches), Job("bad", fails)]
    with pytest.raises(KitError, match=r"^bad$"):
        run_jobs(jobs)
    assert seen == ["whole\n"], "dpkg would be left with half-installed packages"


def test_nothing_starts_after_the_end_was_ordered() -> None:
    command.stop_all()
    with pytest.raises(StoppedError):
        run(["true"], why="trying")


def test_from_time_to_time_a_line_says_what_still_runs(capsys: pytest.CaptureFixture[str]) -> None:
    def work(_results: Mapping[str, object]) -> object:
        with step("building pulumi (once per machine)"):
            time.sleep(0.3)
        return None

    run_jobs([Job("a", work)], report_seconds=0.1)
    shown = capsys.readouterr().err
    assert re.search(r"^still busy: building pulumi \(\d+ s\)$", shown, re.MULTILINE)
    assert re.search(r"^building pulumi \(once per machine\): done in \d+\.\d s\n$", shown.splitlines(keepends=True)[-1])


def test_lines_of_jobs_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    def work(name: str) -> Callable[[Mapping[str, object]], object]:
        def steps(_results: Mapping[str, object]) -> object:
            for number in range(50):
                with step(f"{name} {number}"):
                    pass
            return None

        return steps

    run_jobs([Job(name, work(name)) for name in ("a", "b", "c")])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 300
    assert all(re.fullmatch(r"[abc] \d+( \.\.\.|: done in \d+\.\d s)", line) for line in lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_programs_too(number: signal.Signals, tmp_path: Path) -> None:
    """As a whole process, because only its main thread is told."""
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent("""
            import signal
            from offline.kit.command import run
            from offline.kit.jobs import Job, run_jobs

            # Both: a shell that starts something in the background lets it ignore Ctrl-C, and so would everything below it.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.default_int_handler)
            try:
                run_jobs([Job("long", lambda _: run(["sh", "-c", "echo $$ > pid; exec sleep 600"], why="sleeping"))])
            except KeyboardInterrupt:
                print("stopped")
        """),
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(REPO)}
    process = subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    child = int(_await(tmp_path / "pid"))
    process.send_signal(number)
    output, _ = process.communicate(timeout=DEADLINE)
    assert output == "stopped\n"
    assert not Path(f"/proc/{child}").exists(), "the program goes on without anybody"
