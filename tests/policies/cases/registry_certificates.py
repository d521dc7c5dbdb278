"""Cases of policies/registry/certificates.py."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from policies.registry import certificates
from policies.values import UNKNOWN
from tests.certificates import make_ca, make_pair
from tests.policies.case import CANARY, Cases, Says, With, resource
from tests.policies.containers import filled

CA = make_ca()
GOOD = make_pair("registry.example.com", ca=CA)
SHORT = make_pair("registry.example.com", ca=CA, rsa_bits=1024)
ENDED = make_pair("registry.example.com", ca=CA, start=datetime(2020, 1, 1, tzinfo=UTC), end=datetime(2020, 2, 1, tzinfo=UTC))
LONG = make_pair("registry.example.com", ca=CA, end=datetime.now(UTC) + timedelta(days=2000))
OTHER = {"image": "busybox:1.37.0"}
BUNDLE = "/bundle/edge/tls.crt"
KEY = "/bundle/edge/tls.key"


def _nameless() -> str:
    """A certificate with a common name alone."""
    key = ec.generate_private_key(ec.SECP224R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry.example.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def _old_form() -> str:
    """A short RSA key in the form that begins with BEGIN RSA PRIVATE KEY."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - short on purpose
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


NAMELESS = _nameless()

CASES = [
    Cases(
        certificates.MADE_KEY,
        compliant={
            "P-256": {"algorithm": "ECDSA", "ecdsaCurve": "P256"},
            "RSA": {"algorithm": "RSA", "rsaBits": 4096.0},
            "RSA as it comes": {"algorithm": "RSA"},
            "Ed25519": {"algorithm": "ED25519"},
        },
        violating={
            "short RSA": Says(("rsaBits is 1024",), {"algorithm": "RSA", "rsaBits": 1024}),
            "P-224": Says(("P224",), {"algorithm": "ECDSA", "ecdsaCurve": "P224"}),
            "the default curve": Says(("not set",), {"algorithm": "ECDSA"}),
            "a parameter": With({"minimumRsaBits": 3072}, {"algorithm": "RSA"}),
        },
        default={},
        default_violates=False,
        unknown={"algorithm": {"algorithm": UNKNOWN}, "bits": {"algorithm": "RSA", "rsaBits": UNKNOWN}},
    ),
    Cases(
        certificates.VALIDITY,
        compliant={
            "397 days": {"validityPeriodHours": 397 * 24},
            "a CA of ten years": {"validityPeriodHours": 3650 * 24, "isCaCertificate": True},
        },
        violating={
            "ten years": Says(("3650 days", "825"), {"validityPeriodHours": 3650 * 24}),
            "a CA of a hundred years": {"validityPeriodHours": 36500 * 24, "isCaCertificate": True},
            "issued": resource(certificates.ISSUED, props={"validityPeriodHours": 826 * 24}),
            "a parameter": With({"maximumDays": 90}, {"validityPeriodHours": 397 * 24}),
        },
        default={},
        default_violates=False,
        unknown={"hours": {"validityPeriodHours": UNKNOWN}},
    ),
    Cases(
        certificates.RENEWAL,
        compliant={"set": {"earlyRenewalHours": 1440}},
        violating={"zero": Says(("earlyRenewalHours",), {"earlyRenewalHours": 0})},
        default={},
        default_violates=True,
        unknown={"hours": {"earlyRenewalHours": UNKNOWN}},
    ),
    Cases(
        certificates.NAMES,
        compliant={
            "a name": {"dnsNames": ["registry.example.com"]},
            "a name that is not known": {"dnsNames": [UNKNOWN]},
            "an address": {"ipAddresses": ["127.0.0.1"]},
            "a CA": resource(certificates.SELF_SIGNED, props={"isCaCertificate": True}),
        },
        violating={
            "a common name only": Says(("dnsNames",), {"subject": {"commonName": "registry.example.com"}, "dnsNames": []}),
            "self-signed": resource(certificates.SELF_SIGNED, props={"subject": {"commonName": "registry.example.com"}}),
        },
        default={},
        default_violates=True,
        unknown={"names": {"dnsNames": UNKNOWN}, "CA or not": resource(certificates.SELF_SIGNED, props={"isCaCertificate": UNKNOWN})},
    ),
    Cases(
        certificates.CERTIFICATE_FILES,
        compliant={"good": filled(GOOD.certificate, BUNDLE), "with its CA": filled(GOOD.certificate + CA.certificate, BUNDLE)},
        violating={
            "short RSA": Says(("1024 bits", "'registry.example.com'"), filled(SHORT.certificate, BUNDLE)),
            "the second of a chain": Says(("1024 bits",), filled(GOOD.certificate + SHORT.certificate, BUNDLE)),
            "ended": Says(("ended on 2020-02-01",), filled(ENDED.certificate, BUNDLE)),
            "valid too long": Says(("more than 825",), filled(LONG.certificate, BUNDLE)),
            "no names, and a short curve": Says(("no subject alternative names", "224 bits"), filled(NAMELESS, "/x/site.pem")),
            "a parameter": With({"maximumDays": 10}, filled(GOOD.certificate, BUNDLE)),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": filled(UNKNOWN, BUNDLE)},
        ignored={
            "no certificate": filled("nothing", BUNDLE),
            "a broken one": filled("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", BUNDLE),
        },
    ),
    Cases(
        certificates.KEY_FILES,
        compliant={"good": filled(GOOD.key, KEY), "encrypted": filled(make_pair("a", ca=CA, passphrase=CANARY.encode()).key, KEY)},
        violating={
            "short RSA": Says(("1024 bits",), filled(SHORT.key, KEY)),
            "the older form, with its certificate": filled(_old_form() + GOOD.certificate, "/certs/both.pem"),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": filled(UNKNOWN, KEY)},
        ignored={"no key": filled("nothing", KEY)},
    ),
]
