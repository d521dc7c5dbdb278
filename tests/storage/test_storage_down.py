"""The storage goes away: honest answers, and nothing that was acknowledged is lost."""

import http.client
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.blackbox.images import MANIFEST, Image, build_image
from tests.blackbox.names import fresh
from tests.blackbox.oci import RegistryClient, Response, StatusError
from tests.blackbox.target import RegistryTarget
from tests.blackbox.waiting import wait_for
from tests.storage.conftest import Running

UNHEALTHY_SECONDS = 150
"""Three failed storage checks ten seconds apart, each as long as the SDK's retries take, then three checks of the engine."""
HEALTHY_SECONDS = 120
PATIENCE = 120


def _health(running: Running, service: str) -> str:
    return str(running.deployment.docker.inspect(service)["State"]["Health"]["Status"])


def _wait_for_health(running: Running, wanted: str, seconds: float) -> None:
    for replica in running.deployment.docker.replicas():
        wait_for(f"{replica} to be {wanted}", lambda replica=replica: _health(running, replica) == wanted, seconds=seconds, interval=1)


@dataclass
class PushLoad:
    """Pushes images one after the other and remembers the acknowledged ones. A push that is refused must be refused in order."""

    target: RegistryTarget
    acknowledged: list[tuple[str, Image]] = field(default_factory=list[tuple[str, Image]])
    refused: int = 0
    problems: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="push-load")

    def _run(self) -> None:
        while not self._stop.is_set():
            repository = fresh("down")
            image = build_image(repository)
            try:
                self.target.client(timeout=PATIENCE).push(repository, "v1", image)
                self.acknowledged.append((repository, image))
            except StatusError as error:
                self.refused += 1
                if error.status < 500:
                    self.problems.append(str(error))
                self._stop.wait(0.5)
            except (OSError, http.client.HTTPException) as error:
                self.problems.append(repr(error))

    def __enter__(self) -> "PushLoad":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(PATIENCE)

    def wait_for_pushes(self, number: int) -> None:
        """Waits until that many more pushes were acknowledged."""
        goal = len(self.acknowledged) + number
        wait_for(f"{number} more pushes", lambda: len(self.acknowledged) >= goal, seconds=60)


@pytest.fixture
def outage(running: Running) -> Iterator[Running]:
    """A stack whose storage the test may end; it is there again afterwards."""
    yield running
    running.backend.server.start()
    _wait_for_health(running, "healthy", HEALTHY_SECONDS)
    running.deployment.docker.wait_healthy("edge")


def _assert_honest(answer: Response, what: str) -> None:
    assert answer.status >= 500, f"{what} got {answer.status} without a storage"
    assert answer.codes, f"{what}: clients print the message"
    assert answer.header("Content-Type").startswith("application/json")


def test_an_outage_is_seen_told_and_loses_nothing(outage: Running) -> None:
    """One test, because an outage takes minutes. Azurite is ended in order: killed it loses what it had acknowledged (see backends)."""
    target = outage.target

    def client() -> RegistryClient:
        # A connection of its own each time: the edge closes one that waits for minutes.
        return target.client(timeout=PATIENCE)

    before = fresh("down")
    image = build_image(before)
    client().push(before, "v1", image)
    with PushLoad(target) as load:
        load.wait_for_pushes(5)
        outage.backend.crash()
        wait_for("a push to be refused", lambda: load.refused > 0, seconds=PATIENCE)
    assert not load.problems, load.problems[:3]

    # At once, while the replicas still believe in their storage.
    _assert_honest(client().request("POST", f"/v2/{fresh('down')}/blobs/uploads/", b""), "the start of an upload")
    _assert_honest(client().request("PUT", f"/v2/{before}/manifests/v2", image.manifest, {"Content-Type": MANIFEST}), "a manifest")
    _assert_honest(client().request("GET", f"/v2/{before}/manifests/v1"), "a pull")

    _wait_for_health(outage, "unhealthy", UNHEALTHY_SECONDS)
    _assert_honest(client().request("POST", f"/v2/{fresh('down')}/blobs/uploads/", b""), "an upload to an unhealthy registry")
    _assert_honest(client().request("GET", f"/v2/{before}/manifests/v1"), "a pull from an unhealthy registry")

    started = time.monotonic()
    outage.backend.server.start()
    _wait_for_health(outage, "healthy", HEALTHY_SECONDS)
    outage.deployment.docker.wait_healthy("edge")
    wait_for("the registry to answer", lambda: client().request("GET", "/v2/").status == 200, seconds=60)
    print(f"healthy again {time.monotonic() - started:.0f} s after the storage was; {len(load.acknowledged)} pushes were acknowledged")
    for repository, pushed in [(before, image), *load.acknowledged]:
        assert client().pull(repository, "v1") == pushed.digest
    assert client().tags(before) == ["v1"], "a refused tag must not appear later"
    after = fresh("down")
    client().push(after, "v1", build_image(after))
    assert client().pull(after, "v1") == build_image(after).digest
