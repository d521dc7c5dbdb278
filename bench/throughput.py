"""How fast layers go through the stack, beside a bare registry without TLS, accounts and edge, in the same run."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.figures import Figure, seconds_of
from tests.blackbox.docker_host import docker
from tests.blackbox.images import MIB, GeneratedBlob, build_image
from tests.blackbox.names import fresh
from tests.blackbox.oci import RegistryClient
from tests.blackbox.waiting import wait_for

SIZE = 256 * MIB
ROUNDS = 3
SMALL_PULLS = 100
CONFIG = """\
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000"}
"""


@contextmanager
def bare_registry(name: str, image: str, port: int) -> Iterator[RegistryClient]:
    """A container of the registry's image with the plainest configuration, storage in a volume, on a loopback port."""
    script = "cat > /tmp/config.yml && exec registry serve /tmp/config.yml"
    docker(
        "create", f"--name={name}", "--interactive", f"--publish=127.0.0.1:{port}:5000", "--volume=/var/lib/registry",
        "--env=OTEL_TRACES_EXPORTER=none", "--entrypoint=sh", image, "-c", f"printf '%s' '{CONFIG}' | ({script})",
    )  # fmt: skip
    try:
        docker("start", name)
        client = RegistryClient(f"http://127.0.0.1:{port}", timeout=120)

        def answers() -> bool:
            try:
                return client.request("GET", "/v2/").status == 200
            except OSError:
                return False

        wait_for("the bare registry to answer", answers)
        yield client
    finally:
        docker("rm", "--force", "--volumes", name)


@dataclass
class Seconds:
    """Seconds of each round."""

    push: list[float]
    pull: list[float]
    small: list[float]


def _round(client: RegistryClient, seconds: Seconds) -> None:
    repository = fresh("bench")
    found: list[str] = []
    seconds.push.append(seconds_of(lambda: found.append(client.push_generated(repository, GeneratedBlob(repository, SIZE)))))
    seconds.pull.append(seconds_of(lambda: client.pull_blob(repository, found[0])))
    image = build_image(repository)
    client.push(repository, "small", image)
    seconds.small.append(seconds_of(lambda: [client.pull(repository, "small", image.digest) for _ in range(SMALL_PULLS)]))


def compare(stack: RegistryClient, bare: RegistryClient) -> list[Figure]:
    """Pushes and pulls a layer, and pulls a small image again and again. The two take turns, so that a slow moment meets both."""
    through, direct = Seconds([], [], []), Seconds([], [], [])
    for _ in range(ROUNDS):
        _round(bare, direct)
        _round(stack, through)
    figures: list[Figure] = []
    for what, mine, other in (("push", through.push, direct.push), ("pull", through.pull, direct.pull)):
        rates = [SIZE / MIB / statistics.median(values) for values in (mine, other)]
        figures += [
            Figure(f"{what} of a layer through the stack", f"{rates[0]:.0f} MiB/s"),
            Figure(f"{what} of a layer, bare registry", f"{rates[1]:.0f} MiB/s"),
            Figure(f"{what}, stack to bare", f"{rates[0] / rates[1]:.2f}"),
        ]
    each = [statistics.median(values) / SMALL_PULLS * 1000 for values in (through.small, direct.small)]
    return [
        *figures,
        Figure("pull of a small image through the stack", f"{each[0]:.1f} ms"),
        Figure("pull of a small image, bare registry", f"{each[1]:.1f} ms"),
    ]
