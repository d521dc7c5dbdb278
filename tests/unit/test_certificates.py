"""The private CA's resources, and the checks of a supplied pair."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings.provided_certificate import covers, problems_of_pair
from tests.certificates import Pair, make_ca, make_pair
from tests.unit.engine_mocks import run_program

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def ca() -> Pair:
    return make_ca()


def test_the_private_certificate_covers_the_hostname_and_every_extra_name() -> None:
    run = run_program(
        {"hostname": "registry.example.com", "tls": {"extraNames": ["10.0.0.7", "::1", "*.example.net", "registry.example.com"]}}
    )
    request = run.mocks.one(":CertRequest", "registry-test-server").inputs
    assert request["dnsNames"] == ["registry.example.com", "*.example.net"]
    assert request["ipAddresses"] == ["10.0.0.7", "::1"]


def test_certificates_renew_before_they_end() -> None:
    run = run_program({"tls": {"validityDays": 90, "renewBeforeDays": 30, "caValidityDays": 3650}})
    server = run.mocks.one(":LocallySignedCert", "registry-test-server").inputs
    authority = run.mocks.one(":SelfSignedCert", "registry-test-ca").inputs
    assert (server["validityPeriodHours"], server["earlyRenewalHours"]) == (90 * 24, 30 * 24)
    assert (authority["validityPeriodHours"], authority["earlyRenewalHours"]) == (3650 * 24, 365 * 24)
    assert authority["isCaCertificate"] and not server.get("isCaCertificate")
    assert server["allowedUses"] == ["digital_signature", "server_auth"]


def test_a_short_lived_ca_is_not_renewed_all_the_time() -> None:
    run = run_program({"tls": {"caValidityDays": 30, "validityDays": 20, "renewBeforeDays": 5}})
    authority = run.mocks.one(":SelfSignedCert", "registry-test-ca").inputs
    assert authority["earlyRenewalHours"] < authority["validityPeriodHours"]


def test_a_provided_pair_creates_no_key(ca: Pair) -> None:
    pair = make_pair("registry.example.com", ca=ca)
    run = run_program(
        {"tls": {"mode": "provided", "certificate": pair.certificate, "privateKey": pair.key, "caCertificate": ca.certificate}}
    )
    assert not run.mocks.of_type(":PrivateKey")
    assert run.outputs["caCertificate"] == ca.certificate


def test_a_provided_pair_of_a_public_ca_needs_nothing_to_be_trusted(ca: Pair) -> None:
    pair = make_pair("registry.example.com", ca=ca)
    run = run_program({"tls": {"mode": "provided", "certificate": pair.certificate, "privateKey": pair.key}})
    assert run.outputs["caCertificate"] is None
    assert "certs.d" not in run.outputs["clientSetup"]


def test_a_good_pair_has_no_problem(ca: Pair) -> None:
    pair = make_pair("registry.example.com", ca=ca)
    assert problems_of_pair(pair.certificate, pair.key, ca.certificate, "registry.example.com", NOW) == []


def _problems(pair: Pair, hostname: str = "registry.example.com", ca: Pair | None = None, key: str | None = None) -> str:
    return "\n".join(problems_of_pair(pair.certificate, key or pair.key, ca.certificate if ca else None, hostname, NOW))


def test_a_certificate_for_another_host_names_both(ca: Pair) -> None:
    text = _problems(make_pair("other.example.com", ca=ca))
    assert "not valid for hostname registry.example.com but for other.example.com" in text


def test_an_expired_certificate_says_since_when(ca: Pair) -> None:
    text = _problems(make_pair("registry.example.com", ca=ca, start=NOW - timedelta(days=30), end=NOW - timedelta(days=2)))
    assert f"expired on {NOW - timedelta(days=2):%Y-%m-%d}" in text


def test_a_certificate_of_the_future_says_from_when(ca: Pair) -> None:
    assert "valid only from" in _problems(make_pair("registry.example.com", ca=ca, start=NOW + timedelta(days=1)))


def test_a_key_of_another_certificate_is_refused_without_showing_it(ca: Pair) -> None:
    other = make_pair("registry.example.com", ca=ca)
    text = _problems(make_pair("registry.example.com", ca=ca), key=other.key)
    assert "privateKey: does not belong to tls.certificate" in text
    assert not any(line in text for line in other.key.splitlines() if line), "no part of a key may be printed"


def test_a_small_rsa_key_is_refused(ca: Pair) -> None:
    assert "has 1024 bits" in _problems(make_pair("registry.example.com", ca=ca, rsa_bits=1024))


def test_an_encrypted_key_is_refused(ca: Pair) -> None:
    assert "is encrypted with a passphrase" in _problems(make_pair("registry.example.com", ca=ca, passphrase=b"secret"))


def test_a_chain_in_the_wrong_order_is_refused(ca: Pair) -> None:
    pair = make_pair("registry.example.com", ca=ca)
    stranger = make_ca("another CA")
    text = "\n".join(problems_of_pair(pair.certificate + stranger.certificate, pair.key, None, "registry.example.com", NOW))
    assert "not issued by the one after it" in text


def test_a_ca_that_did_not_issue_the_certificate_is_refused(ca: Pair) -> None:
    assert "did not issue tls.certificate" in _problems(make_pair("registry.example.com", ca=ca), ca=make_ca("another CA"))


@pytest.mark.parametrize("text", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_text_that_is_no_certificate_is_refused(text: str, ca: Pair) -> None:
    pair = make_pair("registry.example.com", ca=ca)
    assert "is no PEM certificate" in "".join(problems_of_pair(text, pair.key, None, "registry.example.com", NOW))
    assert "is no PEM private key" in "".join(problems_of_pair(pair.certificate, text or "x", None, "registry.example.com", NOW))


@pytest.mark.parametrize(
    ("name", "hostname", "valid"),
    [
        ("registry.example.com", "REGISTRY.example.com", True),
        ("*.example.com", "registry.example.com", True),
        ("*.example.com", "a.registry.example.com", False),
        ("*.example.com", "example.com", False),
        ("example.com", "registry.example.com", False),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("10.0.0.1", "registry.example.com", False),
    ],
)
def test_which_hostnames_a_name_covers(name: str, hostname: str, valid: bool) -> None:
    assert covers(name, hostname) is valid


LABEL = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)


@given(st.lists(LABEL, min_size=2, max_size=5))
def test_a_wildcard_covers_exactly_one_label(labels: list[str]) -> None:
    hostname = ".".join(labels)
    wildcard = ".".join(["*", *labels[1:]])
    assert covers(hostname, hostname)
    assert covers(wildcard, hostname)
    assert not covers(wildcard, f"more.{hostname}")
