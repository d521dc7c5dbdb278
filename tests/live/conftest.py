"""The black-box suite's target: a stack on this machine's Docker, deployed by the real pulumi, once with each registry version."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.blackbox", "tests.engine.deployment")

from tests.blackbox.target import RegistryTarget  # noqa: E402
from tests.engine.checkout import Checkout  # noqa: E402
from tests.engine.deployment import Deployment, gateway_address, settings_for  # noqa: E402
from tests.stack_names import stack_name  # noqa: E402

HERE = Path(__file__).parent

# The two stacks differ in more than the version: one is called localhost and published everywhere, as the examples are; the other
# is called by an address of its own and published only there.
STACKS: dict[str, dict[str, Any]] = {
    "registry-3": {"stack": stack_name("live3"), "registry_major": 3, "everywhere": True},
    "registry-2.8": {"stack": stack_name("live2"), "registry_major": 2},
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "live: talks to a running registry")
    config.addinivalue_line("markers", "docker: needs a Docker engine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)
            item.add_marker(pytest.mark.docker)


@pytest.fixture(scope="session", params=list(STACKS))
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A running stack of one registry version, for as many tests as need it."""
    wanted = STACKS[request.param]
    settings = settings_for(registry_major=wanted["registry_major"], everywhere=wanted.get("everywhere", False))
    if not wanted.get("everywhere"):
        address = gateway_address()
        settings |= {"hostname": address, "docker": {"bindAddress": address}, "tls": {"extraNames": ["localhost", "registry.example.com"]}}
    deployment = Deployment(Checkout.copy(tmp_path_factory.mktemp("live")), wanted["stack"], settings)
    deployment.remove()
    deployment.create()
    try:
        deployment.up()
        yield deployment
    finally:
        deployment.remove()


@pytest.fixture(scope="session")
def target(deployment: Deployment) -> RegistryTarget:
    """What the suite runs against."""
    return deployment.target()
