"""Fixtures of the tests with a real pulumi and real containers."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.blackbox", "tests.engine.deployment")

from tests.engine.checkout import Checkout  # noqa: E402
from tests.engine.deployment import Deployment, settings_for  # noqa: E402
from tests.stack_names import stack_name  # noqa: E402

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "engine: runs the real pulumi")
    config.addinivalue_line("markers", "docker: needs a Docker engine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.engine)
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """One copy of the program for all tests of the session: every test has stacks of its own in it."""
    return Checkout.copy(tmp_path_factory.mktemp("engine"))


MakeStack = Callable[..., Deployment]


def _maker(checkout: Checkout, made: list[Deployment]) -> MakeStack:
    def make(stack: str, **settings: Any) -> Deployment:  # noqa: ANN401 - whatever a stack file can hold
        deployment = Deployment(checkout, stack, settings_for(**settings))
        # An earlier run that was killed may have left something.
        deployment.remove()
        deployment.create()
        made.append(deployment)
        return deployment

    return make


def _make_and_remove(checkout: Checkout) -> Iterator[MakeStack]:
    made: list[Deployment] = []
    yield _maker(checkout, made)
    for deployment in made:
        deployment.remove()
        checkout.pulumi("stack", "rm", "--yes", "--force", deployment.stack, check=False)


@pytest.fixture
def make_stack(checkout: Checkout) -> Iterator[MakeStack]:
    """Makes stacks, not yet deployed, and takes them away after the test."""
    yield from _make_and_remove(checkout)


@pytest.fixture(scope="module")
def make_module_stack(checkout: Checkout) -> Iterator[MakeStack]:
    """Makes stacks, not yet deployed, and takes them away after the module's last test."""
    yield from _make_and_remove(checkout)


@pytest.fixture(scope="module")
def running(make_module_stack: MakeStack) -> Deployment:
    """A deployed stack, shared by the tests of a module that leave it as they found it."""
    deployment = make_module_stack(stack_name("main"))
    deployment.up()
    return deployment
