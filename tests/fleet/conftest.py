"""A small cloud with VMs: shared by all tests of the folder; each module makes the hosts that it needs."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.blackbox")

from offline.images import vm as machines  # noqa: E402
from offline.kit.engine_api import Address, Engine  # noqa: E402
from tests.certificates import Pair, make_ca  # noqa: E402
from tests.fleet.cloud import Cloud  # noqa: E402
from tests.fleet.hosts import Hosts, save_images  # noqa: E402
from tests.fleet.network import Network, make_network  # noqa: E402
from tests.fleet.product import Registry  # noqa: E402
from tests.images import TestImages  # noqa: E402
from tests.leftovers import remove_leftovers  # noqa: E402
from tests.ports import free_port  # noqa: E402
from tests.stack_names import stack_name  # noqa: E402

HERE = Path(__file__).parent
PREFIX = f"registry-{stack_name('vm')}"
MOST_HOSTS = 40
"""Hosts that one run makes at most: their addresses stand in the certificate."""

MakeRegistry = Callable[..., Registry]
MakeHosts = Callable[[machines.Machine, str], AbstractContextManager[Hosts]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Known where the folder is named on the command line: `make test ARGS="tests/fleet --fleet-rounds 5"`."""
    parser.addoption("--fleet-rounds", type=int, default=1, help="how often hosts are killed and replaced and images are collected")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            for marker in (pytest.mark.docker, pytest.mark.live):
                item.add_marker(marker)


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> int:
    """How often each part of the fleet test runs: once, unless a longer test is asked for."""
    found = pytestconfig.getoption("--fleet-rounds", 1)
    return found if isinstance(found, int) else 1


@pytest.fixture(scope="session")
def network() -> Iterator[Network]:
    """The VMs' network."""
    # Otherwise a run that is told to end would leave VMs and servers behind.
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", 1))
    remove_leftovers(PREFIX)
    made = make_network(PREFIX)
    try:
        yield made
    finally:
        remove_leftovers(PREFIX)
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def cloud(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """S3, Secrets Manager and Redis, running."""
    made = Cloud(tmp_path_factory.mktemp("cloud"), network)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def test_images(images: TestImages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the images that VMs are given."""
    return save_images(images, tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def registry_ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Path]:
    """The CA of the registries' certificates, and its file."""
    ca = make_ca("CA of the registry")
    path = tmp_path_factory.mktemp("registry-ca") / "ca.crt"
    path.write_text(ca.certificate)
    return ca, path


@pytest.fixture(scope="session")
def ca_file(registry_ca: tuple[Pair, Path]) -> Path:
    """What clients of the registries trust."""
    return registry_ca[1]


@pytest.fixture(scope="session")
def make_registry(cloud: Cloud, images: TestImages, registry_ca: tuple[Pair, Path]) -> MakeRegistry:
    """Makes a registry in the cloud: its bundle and its secret. Keyword arguments are those of Registry."""

    def make(**more: object) -> Registry:
        names = (cloud.network.gateway, *cloud.network.addresses(MOST_HOSTS))
        return Registry(cloud, images, registry_ca[0], free_port(), names=names, **more)  # pyright: ignore[reportArgumentType]

    return make


@pytest.fixture(scope="session")
def make_hosts(cloud: Cloud, test_images: Path) -> MakeHosts:
    """Gives VMs of one kind of machine; the second argument goes into their names. They are gone when the context ends."""
    numbers = iter(range(0, MOST_HOSTS, 10))

    @contextmanager
    def hosts(machine: machines.Machine, purpose: str) -> Iterator[Hosts]:
        image = machines.provide(Engine(Address()), machine)
        made = Hosts(cloud, f"{PREFIX}-{purpose}", image, test_images, made=next(numbers))
        try:
            yield made
        finally:
            made.remove_all()

    return hosts
