"""Figures of a deployed stack: start, preview, memory, throughput."""

from pathlib import Path

from bench import deploying, throughput
from bench.figures import Figure
from tests.blackbox.docker_host import DockerStack, remove_leftovers
from tests.blackbox.oci import Account, RegistryClient
from tests.engine.checkout import Checkout
from tests.engine.deployment import settings_for
from tests.engine.make_run import MakeRun
from tests.images import find_images
from tests.ports import free_port

STACK = "t-bench"


def measure(base: Path) -> list[Figure]:
    """All figures. Everything that is made on the way is removed, also when something fails."""
    made = MakeRun(Checkout.copy(base))
    settings = settings_for()
    del settings["images"]
    made.write(STACK, settings)
    docker = DockerStack(f"registry-{STACK}")
    try:
        figures = deploying.up(made, STACK)
        figures += deploying.preview(made, STACK)
        figures += deploying.memory(docker)
        password = made.make("password", STACK, check=True).out.strip()
        client = RegistryClient(
            f"https://localhost:{settings['port']}",
            ca_file=made.folder / ".state" / "ca" / STACK / "ca.crt",
            account=Account("admin", password),
            timeout=120,
        )
        with throughput.bare_registry(docker.name("bare"), find_images().registry, free_port()) as bare:
            figures += throughput.compare(client, bare)
        return figures
    finally:
        made.remove(STACK)
        remove_leftovers(f"registry-{STACK}")
