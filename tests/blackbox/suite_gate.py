"""The write gate: closed, it keeps every change out and lets every pull through."""

from collections.abc import Iterator

import pytest

from tests.blackbox.images import build_image, digest_of
from tests.blackbox.names import fresh
from tests.blackbox.oci import Response
from tests.blackbox.pull_load import PullLoad
from tests.blackbox.target import HostControl, RegistryTarget

OCTETS = {"Content-Type": "application/octet-stream"}


def _assert_refused_for_now(answer: Response, what: str) -> None:
    assert answer.status == 429, f"{what} got {answer.status} while the write gate is closed: a collection would not be safe"
    assert int(answer.header("Retry-After")) > 0, "clients wait that long and try again"
    assert answer.codes == ["UNAVAILABLE"], "clients print the message, and docker tries again after this code"
    assert answer.header("Content-Type").startswith("application/json")


class GateSuite:
    """Needs a hand on the host."""

    @pytest.fixture
    def host(self, target: RegistryTarget) -> Iterator[HostControl]:
        host = target.control()
        yield host
        host.open_gate()

    def test_closed_it_refuses_every_kind_of_change(self, target: RegistryTarget, host: HostControl) -> None:
        repository = fresh("gate")
        image = build_image(repository)
        client = target.client()
        client.push(repository, "v1", image)
        location = client.start_upload(repository).header("Location")
        host.close_gate()
        layer = image.layers[0]
        attempts = (
            ("POST", f"/v2/{repository}/blobs/uploads/"),
            ("POST", f"/v2/{repository}/blobs/uploads/?mount={digest_of(layer)}&from={repository}"),
            ("PATCH", location),
            ("PUT", f"{location}&digest={digest_of(layer)}"),
            ("PUT", f"/v2/{repository}/manifests/v2"),
            ("DELETE", f"/v2/{repository}/manifests/{image.digest}"),
            ("DELETE", location),
        )
        for method, path in attempts:
            _assert_refused_for_now(client.request(method, path, layer if method in ("PATCH", "PUT") else b"", OCTETS), f"{method} {path}")
        host.open_gate()
        assert client.pull(repository, "v1") == image.digest
        assert client.tags(repository) == ["v1"]

    def test_closed_it_lets_pulls_through(self, target: RegistryTarget, host: HostControl) -> None:
        repository = fresh("gate")
        image = build_image(repository)
        client = target.client()
        client.push(repository, "latest", image)
        with PullLoad(target, repository, image) as load:
            host.close_gate()
            load.more(20)
            assert client.manifest_status(repository, "latest") == 200
            assert client.tags(repository) == ["latest"]
            assert repository in client.repositories()
            host.open_gate()
            load.more(20)

    def test_a_stranger_learns_nothing_from_it(self, target: RegistryTarget, host: HostControl) -> None:
        host.close_gate()
        assert target.client(anonymous=True).request("GET", "/v2/").status == 401

    def test_open_again_everything_can_be_pushed(self, target: RegistryTarget, host: HostControl) -> None:
        repository = fresh("gate")
        image = build_image(repository)
        client = target.client()
        host.close_gate()
        _assert_refused_for_now(client.request("POST", f"/v2/{repository}/blobs/uploads/", b""), "POST")
        host.open_gate()
        client.push(repository, "v1", image)
        assert client.pull(repository, "v1") == image.digest

    def test_an_upload_that_met_the_closed_gate_goes_on_afterwards(self, target: RegistryTarget, host: HostControl) -> None:
        repository = fresh("gate")
        layer = build_image(repository, (100_000,)).layers[0]
        half = len(layer) // 2
        client = target.client()
        location = client.start_upload(repository).header("Location")
        location = client.request("PATCH", location, layer[:half], OCTETS, want=(202,)).header("Location")
        host.close_gate()
        _assert_refused_for_now(client.request("PATCH", location, layer[half:], OCTETS), "PATCH")
        host.open_gate()
        location = client.request("PATCH", location, layer[half:], OCTETS, want=(202,)).header("Location")
        client.request("PUT", f"{location}&digest={digest_of(layer)}", b"", OCTETS, want=(201,))
        assert client.pull_blob(repository, digest_of(layer)) == len(layer)
