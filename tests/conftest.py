"""Fixtures that several kinds of tests share, how many examples property tests try, who runs what, and what a failure tells."""

import gc
from collections.abc import Generator

import pytest
from hypothesis import settings

from tests import failure_logs, scheduling
from tests.images import TestImages, find_images

# Without a time limit per example: a busy machine is no bug. The fast tests ask for "fast"; a release is tested with the other one.
settings.register_profile("whole", deadline=None, max_examples=200)
settings.register_profile("fast", deadline=None, max_examples=20)
settings.load_profile("whole")


def pytest_itemcollected(item: pytest.Item) -> None:
    scheduling.mark(item)


# The folders' conftest files come before this one, and mark what their tests need.
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    scheduling.arrange(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    failure_logs.attach(item, report)
    return report


def pytest_collection_finish() -> None:
    """Modules and collected tests live as long as the process: looking for garbage among them again and again takes time."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests of whole machines did, also where all went well: how long steps took, what was pushed, pulled and lost."""
    for report in terminalreporter.getreports("passed"):
        if isinstance(report, pytest.TestReport) and report.nodeid.startswith("tests/fleet/") and report.capstdout.strip():
            terminalreporter.write_sep("-", report.nodeid.removeprefix("tests/fleet/"))
            terminalreporter.write_line(report.capstdout.strip("\n"))


@pytest.fixture(scope="session")
def images() -> TestImages:
    """The container images to test with; needs the Docker engine."""
    return find_images()
