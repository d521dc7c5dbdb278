"""Health checks hold still while a service is well, and look at once when it is new or was not."""

import subprocess
from pathlib import Path

import pytest

from bundle import health
from bundle.build import build
from tests.bundle.specs import DEFAULT


class Container:
    """The check of a container whose service is well when the file `well` is there; `sleep` only notes what it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark, self.well = folder, folder / "mark", folder / "well"
        stub = folder / "bin" / "sleep"
        stub.parent.mkdir()
        stub.write_text(f'#!/bin/sh\necho "$1" >>{folder}/slept\n')
        stub.chmod(0o755)

    def check(self) -> bool:
        found = health.ask(f"test -e {self.well}", hold=60)
        *shell, script = found.command
        environment = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin"}
        done = subprocess.run([*shell, script.replace("/tmp/healthy", str(self.mark))], env=environment, check=False)
        assert done.returncode in (0, 1), "the engine knows 0 and 1 (https://docs.docker.com/reference/dockerfile/#healthcheck)"
        return done.returncode == 0

    @property
    def slept(self) -> list[str]:
        file = self.folder / "slept"
        return file.read_text().split() if file.exists() else []


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_a_new_container_is_asked_at_once_until_it_is_well(container: Container) -> None:
    assert not container.check()
    assert not container.check()
    container.well.touch()
    assert container.check()
    assert container.slept == [], "a new container would be ready later than it is"


def test_one_that_is_well_is_asked_once_in_a_while(container: Container) -> None:
    container.well.touch()
    assert container.check()
    assert container.check()
    assert container.slept == ["60"], "every look costs the engine a process"


def test_one_that_fails_is_asked_at_once_again_until_it_is_well(container: Container) -> None:
    container.well.touch()
    container.check()
    container.well.unlink()
    assert not container.check()
    assert not container.check()
    container.well.touch()
    assert container.check()
    assert container.slept == ["60"], "recovery must be seen as fast as a start"


def test_no_check_is_given_up_while_it_holds() -> None:
    for service in build(DEFAULT).services:
        script = service.healthcheck.command[-1]
        hold = int(script.partition("sleep ")[2].partition(";")[0])
        assert service.healthcheck.timeout > hold + health.CHECK_SECONDS, f"{service.name}: the engine would call a well service unhealthy"


def test_a_restarted_container_is_asked_at_once() -> None:
    for service in build(DEFAULT).services:
        # A tmpfs is empty after a restart; the config service has none and removes its marks by itself.
        assert "/tmp" in service.tmpfs or service.name == "config"
    script = next(file for file in build(DEFAULT).files if file.path == "config/run.sh")
    assert "rm -f /tmp/applied /tmp/healthy\n" in str(script.content)
