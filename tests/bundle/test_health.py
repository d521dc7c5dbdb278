"""The health check as the shell runs it: quick when a container gets ready or sick, and rarely started while all is well."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundle import health
from bundle.build import build
from bundle.model import Healthcheck
from offline.plugins.docker.values import format_duration
from tests.blackbox.waiting import wait_for
from tests.bundle.specs import VARIANTS

SECONDS = 30
# It writes down what it is asked to do, and hurries.
SLEEP = "#!{python}\nimport pathlib, sys, time\npathlib.Path('{log}').open('a').write(f'sleep {{sys.argv[1]}}\\n')\ntime.sleep(0.1)\n"


class Container:
    """A folder in place of a container: its mark, what its check did, and whether the service is well."""

    def __init__(self, folder: Path) -> None:
        self.mark, self.log, self.well = folder / "healthy", folder / "log", folder / "well"
        self.well.touch()
        self._bin = folder / "bin"
        self._bin.mkdir()
        sleep = self._bin / "sleep"
        sleep.write_text(SLEEP.format(python=sys.executable, log=self.log))
        sleep.chmod(0o755)
        self.question = f"echo asked >>{self.log}; test -e {self.well}"

    def start(self, check: Healthcheck) -> subprocess.Popen[str]:
        """Starts the check as the engine would."""
        path = f"{self._bin}:/usr/bin:/bin"
        return subprocess.Popen(check.command, env={"PATH": path}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, check: Healthcheck) -> int:
        """Its exit code."""
        process = self.start(check)
        process.communicate(timeout=SECONDS)
        return process.returncode

    def did(self) -> Sequence[str]:
        """What the check did, in order."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    made = Container(tmp_path)
    monkeypatch.setattr(health, "MARK", str(made.mark))
    monkeypatch.setattr(health, "HOLD_SECONDS", 2)
    return made


def test_the_first_good_answer_ends_the_check_at_once(container: Container) -> None:
    assert container.run(health.health_check(container.question)) == 0
    assert container.did().count("asked") == 1
    assert f"sleep {health.PAUSE_SECONDS}" not in container.did(), "`make up` waits for this check"


def test_a_check_after_a_good_one_stays_and_asks_again_and_again(container: Container) -> None:
    check = health.health_check(container.question)
    assert (container.run(check), container.run(check)) == (0, 0)
    assert container.did().count("asked") > 3, "one process asks for minutes: to start another costs far more than a question"
    assert container.mark.exists(), "the next one stays too"


def test_a_bad_answer_ends_a_check_that_stays(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "HOLD_SECONDS", 100_000)
    check = health.health_check(container.question)
    assert container.run(check) == 0
    process = container.start(check)
    wait_for("the check to stay", lambda: container.did().count("asked") > 2, seconds=SECONDS)
    container.well.unlink()
    process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert not container.mark.exists(), "while the service is not well checks must be short: that it is well again is told at once"
    container.well.touch()
    before = container.did().count("asked")
    assert container.run(check) == 0
    assert container.did().count("asked") == before + 1


def test_a_service_that_is_not_well_is_given_some_time_and_then_called_so(container: Container) -> None:
    container.well.unlink()
    assert container.run(health.health_check(container.question)) == 1
    assert container.did().count("asked") > 1, "a service that is just starting is found ready within this check"
    assert not container.mark.exists()


@pytest.mark.parametrize("stays", [False, True], ids=["short", "staying"])
def test_a_question_that_hangs_is_ended_and_counts_as_bad(container: Container, tmp_path: Path, stays: bool) -> None:
    identity = tmp_path / "hung"
    os.mkfifo(tmp_path / "never")
    if stays:
        container.mark.touch()
    process = container.start(health.health_check(f"exec sh -c 'echo $$ >{identity}; read -r _ <{tmp_path}/never'"))
    said = process.communicate(timeout=SECONDS)[0]
    assert process.returncode == 1
    assert "no answer within" in said
    assert not Path(f"/proc/{identity.read_text().strip()}").exists(), "questions that hang must not pile up"


def test_a_check_that_the_engine_ended_does_not_make_the_next_one_stay(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "HOLD_SECONDS", 100_000)
    check = health.health_check(container.question)
    container.mark.touch()
    process = container.start(check)
    wait_for("the check to stay", lambda: container.did().count("asked") > 0, seconds=SECONDS)
    process.terminate()
    process.communicate(timeout=SECONDS)
    assert container.run(check) == 0, "the engine may have called the container unhealthy by then, so this one must end at once"


@pytest.mark.parametrize(("settled", "pauses"), [("true", 0), ("false", 1)])
def test_one_that_others_must_find_first_is_ready_a_little_later(container: Container, settled: str, pauses: int) -> None:
    assert container.run(health.health_check(container.question, settled=settled, settle_seconds=33)) == 0
    assert container.did().count("sleep 33") == pauses
    if pauses:
        assert container.did().index("sleep 33") < container.did().index("asked"), "what counts is the answer after the pause"


@given(seconds=st.integers(0, 3599))
def test_times_are_spelled_as_the_engine_reports_them(seconds: int) -> None:
    times = Healthcheck(("true",), interval=seconds, timeout=seconds, start_period=seconds).times()
    assert set(times.values()) == {format_duration(seconds * 10**9)}, "in another spelling every drift check raises a false alarm"


@pytest.mark.parametrize("name", VARIANTS)
def test_the_engine_starts_few_checks_and_never_ends_one(name: str) -> None:
    for service in build(VARIANTS[name]).services:
        check = service.healthcheck
        assert check.command[:2] == ("sh", "-c"), service.name
        assert f"up + {health.HOLD_SECONDS}" in check.command[2], (
            f"{service.name}: a check each few seconds keeps a processor busy for ever"
        )
        assert check.timeout > health.HOLD_SECONDS + 2 * health.PAUSE_SECONDS, service.name


@pytest.mark.parametrize("name", VARIANTS)
def test_the_edge_has_time_to_find_a_replica_before_the_next_one_is_stopped(name: str) -> None:
    bundle = build(VARIANTS[name])
    for service in bundle.services:
        if service.name.startswith("registry-"):
            assert "nslookup -type=a -timeout=1 -retry=1 edge. " in service.healthcheck.command[2], service.name
            assert service.healthcheck.interval + 3 >= 4, "the edge looks once a second, and a silent replica holds it up for two"
            assert "|| sleep 3\n" in service.healthcheck.command[2], service.name
