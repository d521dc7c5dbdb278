"""What a killed test left behind is removed; another run's things are not."""

from collections.abc import Iterator

import pytest

from tests.blackbox.docker_host import docker, names
from tests.leftovers import remove_leftovers
from tests.stack_names import stack_name

pytestmark = pytest.mark.docker
MINE = f"registry-{stack_name('left')}"
OTHERS = f"other-{MINE}"


@pytest.fixture(autouse=True)
def _volumes_and_networks() -> Iterator[None]:
    for name in (f"{MINE}-a", f"{OTHERS}-a"):
        docker("volume", "create", name)
        docker("network", "create", name)
    yield
    for prefix in (MINE, OTHERS):
        for name in names("volume", prefix):
            docker("volume", "rm", name)
        for name in names("network", prefix):
            docker("network", "rm", name)


def test_only_this_runs_objects_are_removed() -> None:
    remove_leftovers(MINE)
    left = [*names("volume", MINE), *names("network", MINE)]
    assert left == [], "a killed test must not leave volumes and networks on the machine"
    assert names("volume", OTHERS), "another run may be going on: its volumes hold what it tests"
    assert names("network", OTHERS)
