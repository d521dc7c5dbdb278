"""Who gets in, and what the registry tells those who don't."""

from tests.blackbox.images import build_image
from tests.blackbox.names import fresh
from tests.blackbox.oci import Account
from tests.blackbox.target import RegistryTarget

API_VERSION = "Docker-Distribution-Api-Version"


class AccessSuite:
    """Runs unchanged against any registry with accounts."""

    def test_without_an_account_the_answer_is_401_and_says_how_to_log_in(self, target: RegistryTarget) -> None:
        for path in ("/v2/", "/v2/_catalog", "/v2/some/image/manifests/latest", "/v2/some/image/tags/list"):
            answer = target.client(anonymous=True).request("GET", path)
            assert answer.status == 401, f"{path} answered {answer.status} without an account: private images would be public"
            assert answer.header("WWW-Authenticate").split(" ", 1)[0] in ("Basic", "Bearer"), "clients need it to know how to log in"
            assert answer.header(API_VERSION) == "registry/2.0", "clients recognise a registry by this header"
            assert answer.codes == ["UNAUTHORIZED"], "clients print the code"

    def test_without_an_account_nothing_can_be_written_or_deleted(self, target: RegistryTarget) -> None:
        digest = build_image("nobody").digest
        attempts = (
            ("POST", "/v2/some/image/blobs/uploads/"),
            ("PUT", "/v2/some/image/manifests/latest"),
            ("DELETE", f"/v2/some/image/manifests/{digest}"),
        )
        for method, path in attempts:
            answer = target.client(anonymous=True).request(method, path, b"")
            assert answer.status == 401, f"{method} {path} answered {answer.status} without an account"

    def test_a_wrong_password_is_refused(self, target: RegistryTarget) -> None:
        for account in (
            Account(target.account.name, "not-the-password"),
            Account(target.account.name, ""),
            Account("no-such-account", target.account.password),
            Account(target.account.name, target.account.password + "x"),
        ):
            answer = target.client(account).request("GET", "/v2/")
            assert answer.status == 401, f"account {account.name!r} with a wrong password got {answer.status}"

    def test_a_header_that_is_no_login_is_refused(self, target: RegistryTarget) -> None:
        for value in ("Basic", "Basic %%%", "Bearer none", "Negotiate x"):
            answer = target.client(anonymous=True).request("GET", "/v2/", headers={"Authorization": value})
            assert answer.status in (400, 401), f"Authorization: {value} got {answer.status}"

    def test_every_account_gets_in(self, target: RegistryTarget) -> None:
        for account in target.accounts.values():
            answer = target.client(account).request("GET", "/v2/", want=(200,))
            assert answer.header(API_VERSION) == "registry/2.0"

    def test_the_catalog_lists_what_was_pushed(self, target: RegistryTarget) -> None:
        repository = fresh("catalog")
        client = target.client()
        client.push(repository, "latest", build_image(repository))
        assert repository in client.repositories()
