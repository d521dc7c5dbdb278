"""A first boot that can't succeed: the host never becomes healthy, and says why on its console and in its journal."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from offline.images.vm import INSTALLED
from tests.blackbox.oci import tls_context
from tests.fleet.conftest import MakeHosts, MakeRegistry
from tests.fleet.product import Registry
from tests.fleet.ready import ready_status
from tests.fleet.vm import Vm
from tests.ports import free_port

SAYS_WHY_SECONDS = 240


@dataclass(frozen=True)
class Case:
    """One failure, and words that the host must say."""

    vm: Vm
    words: tuple[str, ...]


@pytest.fixture(scope="module")
def registry(make_registry: MakeRegistry) -> Registry:
    return make_registry()


@pytest.fixture(scope="module")
def cases(registry: Registry, make_hosts: MakeHosts) -> Iterator[dict[str, Case]]:
    """One VM a failure; all boot at the same time."""
    wrong = "0" * 64
    with make_hosts(INSTALLED, "bad") as hosts:
        nobody = f"http://{registry.cloud.network.gateway}:{free_port()}"
        no_secret = registry.secret.replace("secret:", "secret:no-such-")
        yield {
            "checksum": Case(hosts.create(registry.user_data(sha256=wrong)), ("sha-256", wrong, registry.archive.sha256)),
            "secret": Case(hosts.create(registry.user_data(secret=no_secret)), ("no-such-", "ResourceNotFound")),
            "bucket": Case(
                hosts.create(registry.user_data(), endpoints={"AWS_ENDPOINT_URL_S3": nobody}), ("registry-config", registry.archive.key)
            ),
        }


@pytest.mark.parametrize("name", ["checksum", "secret", "bucket"])
def test_the_host_stays_unhealthy_and_says_why(name: str, cases: dict[str, Case], registry: Registry, ca_file: Path) -> None:
    case = cases[name]
    said: dict[str, str] = {}

    def complains() -> bool:
        said["console"] = case.vm.console()
        said["journal"] = case.vm.run("journalctl", "--no-pager", "--output=cat", check=False).out
        return all(word.lower() in text.lower() for text in said.values() for word in case.words)

    case.vm.wait(f"words {case.words} on console and in journal", complains, SAYS_WHY_SECONDS)
    print("\n".join(line for line in said["console"].splitlines() if "private-registry" in line)[-1500:])
    assert ready_status(case.vm.address, registry.port, tls_context(ca_file)) == 0
    assert not case.vm.run("docker", "ps", "--quiet", check=False).out.split(), "a service runs although the boot failed"
    leaked = [secret for secret in registry.secrets for text in said.values() if secret in text]
    assert not leaked, "a secret stands in what the host says"
