"""The tls plugin: keys in every format, chains that strict verifiers accept, renewal, and what replaces."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store

from offline.plugins.framework import UNKNOWN, Properties
from offline.plugins.framework.codec import Decoded, decode
from offline.plugins.framework.proto import provider_pb2, provider_pb2_grpc
from offline.plugins.tls import PLUGIN
from offline.plugins.tls.certificate import LocallySignedCert
from offline.plugins.tls.private_key import ssh_fingerprints
from offline.plugins.tls.uses import ALLOWED_USES
from tests.offline.plugin_client import Client, call_error, served

ALGORITHMS = [
    ("RSA", {"rsaBits": 2048}),
    ("ECDSA", {"ecdsaCurve": "P224"}),
    ("ECDSA", {"ecdsaCurve": "P256"}),
    ("ECDSA", {"ecdsaCurve": "P384"}),
    ("ECDSA", {"ecdsaCurve": "P521"}),
    ("ED25519", {}),
]
# The rules for the web (CA/Browser Forum), which this verifier enforces, allow no other keys.
WEB_ALGORITHMS = [("RSA", {"rsaBits": 2048}), ("ECDSA", {"ecdsaCurve": "P256"}), ("ECDSA", {"ecdsaCurve": "P384"})]
PEM_TITLES = {"RSA": "RSA PRIVATE KEY", "ECDSA": "EC PRIVATE KEY", "ED25519": "PRIVATE KEY"}
SECRET_FORMS = {("privateKeyPem",), ("privateKeyPemPkcs8",), ("privateKeyOpenssh",)}


class Tls:
    """One client for each type."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub) -> None:
        self.key = Client(stub, "tls:index/privateKey:PrivateKey")
        self.request = Client(stub, "tls:index/certRequest:CertRequest")
        self.self_signed = Client(stub, "tls:index/selfSignedCert:SelfSignedCert")
        self.signed = Client(stub, "tls:index/locallySignedCert:LocallySignedCert")

    def make_key(self, algorithm: str = "ECDSA", **more: object) -> str:
        given = more or ({"ecdsaCurve": "P256"} if algorithm == "ECDSA" else {})
        return self.key.create({"algorithm": algorithm, **given})[1].values["privateKeyPem"]

    def make_authority(self, key: str, **more: object) -> Decoded:
        inputs: Properties = {
            "privateKeyPem": key,
            "subject": {"commonName": "Test CA", "organization": "Örg"},
            "isCaCertificate": True,
            "setSubjectKeyId": True,
            "setAuthorityKeyId": True,
            "maxPathLength": 0,
            "validityPeriodHours": 24,
            "allowedUses": ["cert_signing", "crl_signing", "digital_signature"],
        }
        return self.self_signed.create(inputs | more, (("privateKeyPem",),))[1]


@pytest.fixture(scope="module")
def tls() -> Iterator[Tls]:
    with served(PLUGIN) as stub:
        yield Tls(stub)


@pytest.fixture(scope="module")
def authority_key(tls: Tls) -> str:
    return tls.make_key()


@pytest.fixture(scope="module")
def authority(tls: Tls, authority_key: str) -> str:
    return tls.make_authority(authority_key).values["certPem"]


@pytest.fixture(scope="module")
def request_pem(tls: Tls) -> str:
    inputs = {
        "privateKeyPem": tls.make_key(),
        "subject": {"commonName": "localhost", "streetAddresses": ["a", "b"], "emailAddress": "x@example.com", "country": "DE"},
        "dnsNames": ["localhost", "registry.example.com"],
        "ipAddresses": ["127.0.0.1", "::1"],
        "uris": ["spiffe://example.com/registry"],
    }
    return tls.request.create(inputs)[1].values["certRequestPem"]


def signed_inputs(authority: str, authority_key: str, request_pem: str, **more: object) -> Properties:
    inputs: Properties = {
        "caCertPem": authority,
        "caPrivateKeyPem": authority_key,
        "certRequestPem": request_pem,
        "validityPeriodHours": 24 * 30,
        "earlyRenewalHours": 24,
        "setSubjectKeyId": True,
        "allowedUses": ["server_auth", "digital_signature", "key_encipherment"],
    }
    return inputs | more


@pytest.fixture(scope="module")
def inputs(authority: str, authority_key: str, request_pem: str) -> Properties:
    """The inputs of `leaf`."""
    return signed_inputs(authority, authority_key, request_pem)


@pytest.fixture(scope="module")
def leaf(tls: Tls, inputs: Properties) -> tuple[str, Decoded]:
    return tls.signed.create(inputs, (("caPrivateKeyPem",),))


@pytest.mark.parametrize(("algorithm", "more"), ALGORITHMS)
def test_a_key_is_the_same_key_in_every_format(tls: Tls, algorithm: str, more: Properties) -> None:
    resource_id, outputs = tls.key.create({"algorithm": algorithm, **more})
    values = outputs.values
    assert set(outputs.secrets) == SECRET_FORMS
    assert outputs.internal == {"__meta": '{"schema_version":"1"}'}
    assert values["privateKeyPem"].startswith(f"-----BEGIN {PEM_TITLES[algorithm]}-----\n")
    assert values["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----\n")
    public = load_pem_public_key(values["publicKeyPem"].encode())
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert resource_id == values["id"] == hashlib.sha1(der, usedforsecurity=False).hexdigest()
    for form in ("privateKeyPem", "privateKeyPemPkcs8"):
        assert load_pem_private_key(values[form].encode(), None).public_key() == public
    if more.get("ecdsaCurve") == "P224":
        assert values["privateKeyOpenssh"] == values["publicKeyOpenssh"] == values["publicKeyFingerprintMd5"] == ""
    else:
        assert load_ssh_private_key(values["privateKeyOpenssh"].encode(), None).public_key() == public
        assert load_ssh_public_key(values["publicKeyOpenssh"].encode()) == public
        assert values["publicKeyOpenssh"].endswith("\n")


def test_fingerprints_are_those_of_the_vendors_plugin() -> None:
    """A public key and its fingerprints from the vendor plugin's recorded upgrade tests."""
    line = (
        "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBPt2IRtIZKpsS9L63b+zz3zbt/WX+ecbZbYC3MRZyXpPKxEk"
        "7ymS8+Hh3xcbDRCcvtobCM9wgxwsAfb0hi65yNrwJqbvHHpiB5TJAeMcfQaaiHAaynR5K24pZvnRYcpSkA==\n"
    )
    assert ssh_fingerprints(line) == {
        "publicKeyFingerprintMd5": "47:73:a0:a8:d1:dc:26:1d:67:a3:cc:56:dc:bc:9f:eb",
        "publicKeyFingerprintSha256": "SHA256:T5toTDoA5MiifG+O36rx3fT9eNLOZlb/Kj2mK+RDOKo",
    }


def test_what_is_never_a_key_is_refused(tls: Tls) -> None:
    assert tls.key.failures({"algorithm": "DSA"})["algorithm"] == "DSA is not one of: RSA, ECDSA, ED25519"
    assert tls.key.failures({"algorithm": "RSA", "rsaBits": 512})["rsaBits"] == "must be at least 1024, is 512"
    assert "P256" in tls.key.failures({"algorithm": "ECDSA", "ecdsaCurve": "P128"})["ecdsaCurve"]


def test_the_vendors_default_curve_and_size_are_no_change(tls: Tls) -> None:
    outputs: Properties = {"algorithm": "ECDSA", "ecdsaCurve": "P256", "rsaBits": 2048, "__meta": "{}"}
    inputs: Properties = {"algorithm": "ECDSA", "ecdsaCurve": "P256"}
    assert not tls.key.diff(outputs, inputs, inputs).detailedDiff
    assert list(tls.key.diff(outputs, inputs, {"algorithm": "ECDSA"}).replaces) == ["ecdsaCurve"]


def test_a_request_carries_its_names(request_pem: str) -> None:
    request = x509.load_pem_x509_csr(request_pem.encode())
    assert request.is_signature_valid
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "registry.example.com"]
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1"), ip_address("::1")]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://example.com/registry"]
    assert request.subject.rfc4514_string() == "1.2.840.113549.1.9.1=x@example.com,CN=localhost,STREET=b,STREET=a,C=DE"


def test_a_requests_id_is_its_digest_and_the_key_stays_secret(tls: Tls, authority_key: str) -> None:
    resource_id, outputs = tls.request.create({"privateKeyPem": authority_key, "dnsNames": ["a"]}, (("privateKeyPem",),))
    request = x509.load_pem_x509_csr(outputs.values["certRequestPem"].encode())
    assert resource_id == hashlib.sha1(request.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest()
    assert outputs.secrets == (("privateKeyPem",),)
    assert outputs.values["keyAlgorithm"] == "ECDSA"


def test_an_authority_has_all_that_strict_verifiers_want(tls: Tls, authority_key: str) -> None:
    outputs = tls.make_authority(authority_key)
    certificate = x509.load_pem_x509_certificate(outputs.values["certPem"].encode())
    extensions = certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert constraints.value == x509.BasicConstraints(ca=True, path_length=0)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.key_encipherment
    own = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == own.digest
    assert outputs.values["id"] == str(certificate.serial_number)
    assert certificate.serial_number > 0
    assert certificate.serial_number.bit_length() <= 128
    assert set(outputs.secrets) == {("privateKeyPem",)}


def test_a_signed_certificate_has_its_names_uses_and_key_ids(leaf: tuple[str, Decoded], authority: str) -> None:
    resource_id, outputs = leaf
    certificate = x509.load_pem_x509_certificate(outputs.values["certPem"].encode())
    extensions = certificate.extensions
    issuer = x509.load_pem_x509_certificate(authority.encode())
    assert resource_id == str(certificate.serial_number)
    assert extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]
    key_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == key_id
    assert extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest != key_id
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(hours=24 * 30)
    assert outputs.values["validityEndTime"] == f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    assert outputs.values["caKeyAlgorithm"] == "ECDSA"
    assert outputs.values["readyForRenewal"] is False
    assert outputs.secrets == (("caPrivateKeyPem",),)


def test_a_certificate_without_a_subject_has_critical_names(tls: Tls, authority: str, authority_key: str) -> None:
    request = tls.request.create({"privateKeyPem": authority_key, "dnsNames": ["a.example.com"]})[1].values["certRequestPem"]
    pem = tls.signed.create(signed_inputs(authority, authority_key, request))[1].values["certPem"]
    certificate = x509.load_pem_x509_certificate(pem.encode())
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


@pytest.mark.parametrize(("algorithm", "more"), WEB_ALGORITHMS)
def test_a_strict_verifier_accepts_the_chain(tls: Tls, request_pem: str, algorithm: str, more: Properties) -> None:
    key = tls.make_key(algorithm, **more)
    root = tls.make_authority(key).values["certPem"]
    leaf = tls.signed.create(signed_inputs(root, key, request_pem))[1].values["certPem"]
    store = Store([x509.load_pem_x509_certificate(root.encode())])
    for subject in (x509.DNSName("registry.example.com"), x509.IPAddress(ip_address("127.0.0.1"))):
        verifier = PolicyBuilder().store(store).build_server_verifier(subject)
        assert len(verifier.verify(x509.load_pem_x509_certificate(leaf.encode()), [])) == 2


@pytest.mark.parametrize(("algorithm", "more"), ALGORITHMS)
def test_openssl_accepts_the_chain(tls: Tls, request_pem: str, tmp_path: Path, algorithm: str, more: Properties) -> None:
    key = tls.make_key(algorithm, **more)
    root = tls.make_authority(key).values["certPem"]
    (tmp_path / "root.pem").write_text(root)
    (tmp_path / "leaf.pem").write_text(tls.signed.create(signed_inputs(root, key, request_pem))[1].values["certPem"])
    options = ["-x509_strict", "-check_ss_sig", "-purpose", "sslserver", "-verify_hostname", "localhost", "-CAfile", "root.pem"]
    done = subprocess.run(["openssl", "verify", *options, "leaf.pem"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_allowed_use_can_be_written(tls: Tls, authority_key: str) -> None:
    outputs = tls.make_authority(authority_key, allowedUses=list(ALLOWED_USES))
    extensions = x509.load_pem_x509_certificate(outputs.values["certPem"].encode()).extensions
    assert len(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == 14
    assert extensions.get_extension_for_class(x509.KeyUsage).value.decipher_only


@pytest.mark.parametrize(
    ("more", "failing", "reason"),
    [
        ({"allowedUses": ["server_auth", "fun"]}, "allowedUses", "fun is not one of"),
        ({"allowedUses": ["encipher_only"]}, "allowedUses", "encipher_only means nothing without key_agreement"),
        ({"validityPeriodHours": -1}, "validityPeriodHours", "must be at least 0, is -1"),
        ({"validityPeriodHours": 10**9}, "validityPeriodHours", "1000000000 hours end after the year 9999"),
        ({"subject": None}, "subject", "is required for the certificate of an authority"),
        ({"subject": {"commonname": "x"}}, "subject", "commonname is no part of a subject"),
        ({"subject": {"country": "Germany"}}, "subject", "country must be a code of two letters"),
        ({"subject": {"commonName": 3}}, "subject", "commonName must be text"),
        ({"ipAddresses": ["localhost"]}, "ipAddresses", "localhost is not an IP address"),
        ({"dnsNames": ["bücher.example"]}, "dnsNames", "bücher.example has characters that are not ASCII"),
        ({"privateKeyPemWo": "x"}, "privateKeyPemWo", "the offline plugin knows no such input"),
    ],
)
def test_bad_inputs_are_named(tls: Tls, more: Properties, failing: str, reason: str) -> None:
    inputs: Properties = {
        "privateKeyPem": "x",
        "subject": {"commonName": "x"},
        "isCaCertificate": True,
        "validityPeriodHours": 1,
        "allowedUses": [],
    }
    assert tls.self_signed.failures(inputs | more)[failing].startswith(reason)


def test_inputs_that_are_not_known_yet_pass(tls: Tls) -> None:
    names = ["privateKeyPem", "subject", "dnsNames", "ipAddresses", "uris", "validityPeriodHours", "allowedUses", "isCaCertificate"]
    assert not tls.self_signed.failures(dict.fromkeys(names, UNKNOWN))
    assert not tls.self_signed.failures(dict.fromkeys(names, UNKNOWN) | {"dnsNames": [UNKNOWN], "subject": {"country": UNKNOWN}})


def test_what_cannot_be_signed_is_explained_without_quoting_a_key(tls: Tls, authority: str, authority_key: str, request_pem: str) -> None:
    good = signed_inputs(authority, authority_key, request_pem)
    other = tls.make_key()

    def message(**more: object) -> str:
        return call_error(lambda: tls.signed.create(good | more, (("caPrivateKeyPem",),))).details()

    assert message(caPrivateKeyPem=other) == "caPrivateKeyPem is not the key of caCertPem"
    assert message(caPrivateKeyPem="junk") == "caPrivateKeyPem is not an unencrypted private key in PEM format"
    assert message(certRequestPem=authority).startswith("certRequestPem is not a certificate request in PEM format")
    assert message(caCertPem="junk").startswith("caCertPem is not a certificate in PEM format")
    forged = x509.load_pem_x509_csr(request_pem.encode()).public_bytes(Encoding.DER)
    forged = forged[:-1] + bytes([forged[-1] ^ 1])
    pem = "-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(forged).decode() + "-----END CERTIFICATE REQUEST-----\n"
    assert message(certRequestPem=pem) == "certRequestPem is not signed with the key it contains"


def test_a_preview_of_unknown_inputs_works(tls: Tls) -> None:
    inputs = signed_inputs("", "", "") | dict.fromkeys(["caCertPem", "caPrivateKeyPem", "certRequestPem"], UNKNOWN)
    _, outputs = tls.signed.create(inputs, preview=True)
    assert outputs.values["certPem"] is UNKNOWN
    assert outputs.values["readyForRenewal"] is False


def test_nearly_every_change_replaces_a_certificate(tls: Tls, leaf: tuple[str, Decoded], inputs: Properties) -> None:
    state = leaf[1].values
    assert not tls.signed.diff(state, inputs, inputs).detailedDiff
    for name, value in {
        "validityPeriodHours": 1000,
        "allowedUses": ["client_auth"],
        "certRequestPem": UNKNOWN,
        "isCaCertificate": True,
    }.items():
        assert list(tls.signed.diff(state, inputs, inputs | {name: value}).replaces) == [name]


def test_early_renewal_alone_is_taken_over_in_place(tls: Tls, leaf: tuple[str, Decoded], inputs: Properties) -> None:
    state = leaf[1].values
    answer = tls.signed.diff(state, inputs, inputs | {"earlyRenewalHours": 48})
    assert list(answer.detailedDiff) == ["earlyRenewalHours"]
    assert not answer.replaces
    updated = tls.signed.update(state, inputs | {"earlyRenewalHours": 48}).values
    assert updated == state | {"earlyRenewalHours": 48}


class Later(LocallySignedCert):
    """The same certificate, some days on."""

    def __init__(self, days: int) -> None:
        self.days = days

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)


@pytest.mark.parametrize(("days", "early", "due"), [(0, 24, False), (28, 24, False), (30, 24, True), (28, 72, True), (31, 0, True)])
def test_a_certificate_is_replaced_within_its_early_renewal_hours(
    leaf: tuple[str, Decoded], inputs: Properties, days: int, early: int, due: bool
) -> None:
    state = leaf[1].values | {"earlyRenewalHours": early}
    inputs = inputs | {"earlyRenewalHours": early}
    result = Later(days).diff("1", state, inputs, inputs)
    assert (result.replaces == {"readyForRenewal"}) is due
    assert bool(result.changes) is due
    found = Later(days).read("1", inputs, state)
    assert found
    assert found[2]["readyForRenewal"] is due


def test_the_engine_is_told_that_the_real_thing_changed_not_the_program(tls: Tls, leaf: tuple[str, Decoded], inputs: Properties) -> None:
    state = leaf[1].values | {"validityEndTime": "2026-03-16T18:32:32.577151145Z"}  # the vendor writes nanoseconds
    change = tls.signed.diff(state, inputs, inputs).detailedDiff["readyForRenewal"]
    assert change.kind == provider_pb2.PropertyDiff.UPDATE_REPLACE
    assert not change.inputDiff


def test_the_vendors_certificate_needs_no_change(tls: Tls) -> None:
    """Outputs as the vendor's plugin writes them (its recorded upgrade tests)."""
    inputs: Properties = {
        "allowedUses": ["cert_signing"],
        "privateKeyPem": "k",
        "subject": {"__defaults": [], "commonName": "api.example.com"},
        "validityPeriodHours": 876000,
    }
    outputs: Properties = inputs | {
        "certPem": "c",
        "earlyRenewalHours": 0,
        "id": "119949912264102064646439690837239176073",
        "isCaCertificate": False,
        "keyAlgorithm": "ECDSA",
        "readyForRenewal": False,
        "setAuthorityKeyId": False,
        "setSubjectKeyId": False,
        "maxPathLength": None,
        "subject": {"commonName": "api.example.com", "country": "", "streetAddresses": []},
        "validityEndTime": "2126-02-20T18:32:32.577151145Z",
        "validityStartTime": "2026-03-16T18:32:32.577151145Z",
    }
    news = inputs | {"subject": {"commonName": "api.example.com"}}
    assert not tls.self_signed.diff(outputs, inputs, news).detailedDiff
    assert decode(tls.self_signed.read("1", inputs, outputs).properties).values == outputs


def test_an_import_is_refused_with_a_reason(tls: Tls) -> None:
    assert call_error(lambda: tls.key.read("abc", {}, {})).details() == (
        "abc: a resource of this type cannot be imported with the offline plugin"
    )
