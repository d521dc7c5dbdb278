"""Tests that share something deployed share a worker, and the longest come first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import scheduling
from tests.scheduling import group_of, rank

REPO = Path(__file__).parents[2]


def test_tests_of_one_stack_share_a_group_whatever_their_module() -> None:
    groups = {
        group_of("storage", f"storage/{module}.py", {"running": "azure-registry-3"})
        for module in ("test_suites", "test_uploads", "test_secrets")
    }
    assert groups == {"storage/azure-registry-3"}, "each worker would deploy the stack for itself"


def test_stacks_of_one_module_are_groups_of_their_own() -> None:
    groups = {group_of("live", "live/test_docker_stack.py", {"deployment": name}) for name in ("registry-3", "registry-2.8")}
    assert len(groups) == 2, "one worker would run both, one after the other"


def test_other_tests_are_grouped_by_module() -> None:
    assert group_of("engine", "engine/test_changes.py", {"running": "x"}) == "engine/test_changes.py"


def test_the_longest_come_first_and_what_never_waits_comes_last() -> None:
    ranks = [
        rank(scheduling.LONGEST_FIRST[0], waits=True),
        rank("engine/test_make.py", waits=True),
        rank("unit/test_settings.py", waits=False),
    ]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 3


def test_the_named_groups_exist() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests/fleet", "tests/live", "tests/storage"],
        cwd=REPO, capture_output=True, text=True, check=True, timeout=300,
    ).stdout  # fmt: skip
    for group in scheduling.LONGEST_FIRST:
        folder, _, name = group.partition("/")
        assert any(line.startswith(f"tests/{folder}/") and name in line for line in listed.splitlines()), (
            f"nothing runs in {group} any more"
        )


PROBE = """
import os
import time
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def shared():
    with (Path(__file__).parent / "made").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + chr(10))


@pytest.mark.parametrize("number", range(6))
def test_shares(shared, number):
    time.sleep(0.1)
"""


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    """A folder of tests with this repository's scheduling."""
    folder = tmp_path / "tests"
    (folder / "area").mkdir(parents=True)
    (folder / "area" / "test_probe.py").write_text(PROBE)
    (folder / "scheduling.py").write_text((REPO / "tests" / "scheduling.py").read_text())
    hooks = (REPO / "tests" / "conftest.py").read_text()
    start, end = hooks.index("def pytest_itemcollected"), hooks.index("@pytest.hookimpl(wrapper=True)")
    (folder / "conftest.py").write_text(f"import pytest\nimport scheduling\n\n\n{hooks[start:end]}")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = tests\n")
    return folder


def test_what_a_module_shares_is_made_once(probe: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder", "tests"],
        cwd=probe.parent, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    made = (probe / "area" / "made").read_text().split()
    assert len(made) == 1, "pytest-xdist takes no notice of the groups: every worker would deploy every stack (findings/)"
