"""Stacks on object storage: one deployment a storage and registry version, shared by all tests of the session."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.blackbox", "tests.engine.deployment")

from tests.blackbox.suite_operations import OPERATIONS  # noqa: E402
from tests.blackbox.target import RegistryTarget  # noqa: E402
from tests.engine.checkout import Checkout  # noqa: E402
from tests.engine.deployment import Deployment, gateway_address, settings_for  # noqa: E402
from tests.stack_names import stack_name  # noqa: E402
from tests.storage.backends import Backend, azure_backend, s3_backend  # noqa: E402

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Kind:
    """A storage and a registry version. `everywhere`: published on every address, as the example stacks are."""

    stack: str
    registry_major: int
    make: Callable[[Path], Backend]
    everywhere: bool = False


# Registry 2.8 as Debian builds it has no azure driver.
KINDS = {
    "s3-tls-registry-3": Kind(stack_name("sts3"), 3, lambda folder: s3_backend(folder, tls=True), everywhere=True),
    "s3-registry-2.8": Kind(stack_name("sts2"), 2, lambda folder: s3_backend(folder, tls=False)),
    "azure-registry-3": Kind(stack_name("staz"), 3, azure_backend, everywhere=True),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            for marker in (pytest.mark.engine, pytest.mark.docker, pytest.mark.live):
                item.add_marker(marker)


@dataclass(frozen=True)
class Running:
    """A deployed stack and the storage under it."""

    kind: Kind
    backend: Backend
    deployment: Deployment
    target: RegistryTarget


def deploy(kind: Kind, backend: Backend, folder: Path) -> Deployment:
    """Deploys a stack on a storage."""
    settings = settings_for(registry_major=kind.registry_major, everywhere=kind.everywhere)
    if not kind.everywhere:
        address = gateway_address()
        settings |= {"hostname": address, "docker": {"bindAddress": address}, "tls": {"extraNames": ["localhost"]}}
    deployment = Deployment(Checkout.copy(folder), kind.stack, {**settings, **OPERATIONS, **backend.settings})
    deployment.remove()
    deployment.create()
    for path, value in backend.secrets.items():
        deployment.set_secret(path, value)
    return deployment


@pytest.fixture(scope="session", params=list(KINDS))
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running stack, for as many tests as need it."""
    kind = KINDS[request.param]
    folder = tmp_path_factory.mktemp(kind.stack)
    backend = kind.make(folder)
    try:
        deployment = deploy(kind, backend, folder)
        try:
            deployment.up()
            yield Running(kind, backend, deployment, deployment.target())
        finally:
            deployment.remove()
    finally:
        backend.server.stop()


@pytest.fixture(scope="session")
def target(running: Running) -> RegistryTarget:
    """What the black-box suite runs against."""
    return running.target
