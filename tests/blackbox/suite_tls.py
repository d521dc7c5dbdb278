"""The transport: which TLS versions, which certificate, and what happens to plain HTTP."""

import ssl
import warnings

import pytest

from tests.blackbox.oci import RegistryClient, tls_context
from tests.blackbox.target import RegistryTarget
from tests.blackbox.tls import handshake


def _only(target: RegistryTarget, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = tls_context(target.ca_file)
    # At OpenSSL's usual security level this client would not even offer 1.1, and its own refusal would look like the server's.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = version
        context.maximum_version = version
    return context


class TlsSuite:
    """Runs unchanged against any registry with TLS."""

    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["1.0", "1.1"])
    def test_the_server_refuses_old_tls(self, target: RegistryTarget, version: ssl.TLSVersion) -> None:
        with pytest.raises(ssl.SSLError) as refused:
            handshake(target, _only(target, version))
        # An alert is what the peer sent; anything else would be this client's own refusal.
        assert refused.value.reason in ("TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE"), str(refused.value)

    @pytest.mark.parametrize(
        ("version", "name"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")], ids=["1.2", "1.3"]
    )
    def test_the_server_speaks_current_tls(self, target: RegistryTarget, version: ssl.TLSVersion, name: str) -> None:
        assert handshake(target, _only(target, version)).version == name

    @pytest.mark.parametrize("cipher", ["AES128-SHA", "AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "NULL"])
    def test_the_server_refuses_weak_ciphers(self, target: RegistryTarget, cipher: str) -> None:
        context = _only(target, ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(f"{cipher}:@SECLEVEL=0")
        with pytest.raises(ssl.SSLError) as refused:
            handshake(target, context)
        assert refused.value.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE", str(refused.value)

    def test_the_certificate_is_good_for_every_name_of_the_registry(self, target: RegistryTarget) -> None:
        for name in (target.hostname, *target.names):
            assert handshake(target, tls_context(target.ca_file), name), name

    def test_the_certificate_is_not_good_for_another_name(self, target: RegistryTarget) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(target, tls_context(target.ca_file), "another.example")

    def test_a_client_that_does_not_trust_the_ca_refuses(self, target: RegistryTarget) -> None:
        if target.ca_file is None:
            pytest.skip("the certificate comes from a public CA")
        with pytest.raises(ssl.SSLCertVerificationError):
            handshake(target, tls_context(None))

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
    def test_plain_http_on_the_tls_port_is_sent_to_https(self, target: RegistryTarget, method: str) -> None:
        client = RegistryClient(f"http://{target.address}", timeout=10)
        answer = client.request(method, "/v2/some/image/tags/list?n=3", b"" if method in ("POST", "PUT") else None)
        assert answer.status in (301, 302, 307, 308), f"{method} over plain HTTP got {answer.status}"
        assert answer.header("Location") == f"https://{target.address}/v2/some/image/tags/list?n=3"
        if method in ("POST", "PUT"):
            assert answer.status in (307, 308), "with the others a client would go on with GET"
