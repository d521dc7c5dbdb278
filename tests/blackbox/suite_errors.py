"""What the registry says when something is wrong, and what it doesn't believe."""

from urllib.parse import urlsplit

import pytest

from tests.blackbox.images import build_image, digest_of
from tests.blackbox.names import fresh
from tests.blackbox.target import RegistryTarget

SPOOFED = {
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Port": "81",
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Prefix": "/evil",
    "X-Real-IP": "203.0.113.7",
    "Forwarded": "host=evil.example;proto=http;for=203.0.113.7",
}


class ErrorSuite:
    """Runs unchanged against any registry."""

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("/v2/no/such/image/manifests/latest", "MANIFEST_UNKNOWN"),
            (f"/v2/no/such/image/manifests/{digest_of(b'none')}", "MANIFEST_UNKNOWN"),
            (f"/v2/no/such/image/blobs/{digest_of(b'none')}", "BLOB_UNKNOWN"),
        ],
    )
    def test_what_is_not_there_is_a_404_in_the_registrys_format(self, target: RegistryTarget, path: str, code: str) -> None:
        answer = target.client().request("GET", path)
        assert answer.status == 404
        assert answer.codes == [code]
        assert answer.header("Content-Type").startswith("application/json")

    def test_an_unknown_path_is_a_404(self, target: RegistryTarget) -> None:
        for path in ("/v1/", "/v2/x", "/nothing", "/metrics", "/debug/vars", "/debug/pprof/"):
            answer = target.client().request("GET", path)
            assert answer.status == 404, f"{path} answered {answer.status}"

    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            (f"/v2/{'a' * 40_000}/tags/list", {}),
            ("/v2/", {"X-Long": "a" * 40_000}),
        ],
        ids=["long path", "long header"],
    )
    def test_a_request_that_never_reaches_the_registry_is_answered_in_its_format(
        self, target: RegistryTarget, path: str, headers: dict[str, str]
    ) -> None:
        answer = target.client().request("GET", path, headers=headers)
        assert 400 <= answer.status < 500
        assert answer.codes, "a container tool prints the message of such a body, and a page of HTML otherwise"

    @pytest.mark.parametrize("header", sorted(SPOOFED))
    def test_a_clients_claim_about_its_address_is_not_believed(self, target: RegistryTarget, header: str) -> None:
        answer = target.client().request(
            "POST", f"/v2/{fresh('spoof')}/blobs/uploads/", b"", headers={header: SPOOFED[header]}, want=(202,)
        )
        location = urlsplit(answer.header("Location"))
        assert (location.scheme, location.netloc) in (("https", target.address), ("", "")), (
            f"with {header}: {SPOOFED[header]} the client would be sent to {answer.header('Location')}"
        )
        assert location.path.startswith("/v2/"), answer.header("Location")

    def test_all_claims_together_are_not_believed_either(self, target: RegistryTarget) -> None:
        repository = fresh("spoof")
        client = target.client()
        answer = client.request("POST", f"/v2/{repository}/blobs/uploads/", b"", headers=SPOOFED, want=(202,))
        assert "evil" not in answer.header("Location")
        assert not answer.header("Location").startswith("http:")
        image = build_image(repository)
        client.push(repository, "v1", image)
        for method, path in (("GET", f"/v2/{repository}/tags/list?n=1"), ("GET", "/v2/_catalog?n=1")):
            answer = client.request(method, path, headers=SPOOFED, want=(200,))
            assert "evil" not in answer.header("Link")

    def test_the_answer_names_no_server_version(self, target: RegistryTarget) -> None:
        for path in ("/v2/", "/nothing"):
            assert "/" not in target.client().request("GET", path).header("Server"), "a version tells an attacker what to try"
