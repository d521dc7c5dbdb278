"""Keys and certificates: those that pulumi makes, and PEM files that containers are given."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import NameOID

from policies.containers.facts import CONTAINER, File, each_file
from policies.rule import AnyRule, Finding, Level, Parameter, Resource, Result, Rule
from policies.values import View

PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
REQUEST = "tls:index/certRequest:CertRequest"
ISSUED = "tls:index/locallySignedCert:LocallySignedCert"

HOURS_A_DAY = 24
_DEFAULT_RSA_BITS = 2048
_CERTIFICATE_FILE = re.compile(r"\.(crt|pem|cer)$")
_KEY_FILE = re.compile(r"\.(key|pem)$")
_PEM_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)
_OLD_HASHES = frozenset(("md5", "sha1"))

_BITS = Parameter(2048, "Fewest bits of an RSA key.")
_CURVE_BITS = Parameter(256, "Fewest bits of an elliptic curve.")
_DAYS = Parameter(825, "Longest validity of a server certificate in days; Apple's systems refuse more (support.apple.com/103769).")
_CA_DAYS = Parameter(7300, "Longest validity of a CA certificate in days.")


def _made_key(resource: Resource, parameters: View) -> Iterator[Result]:
    key = resource.props
    algorithm = (key.text("algorithm") or "").upper()
    if algorithm == "RSA":
        bits = key.number("rsaBits") or _DEFAULT_RSA_BITS
        if bits < (parameters.number("minimumRsaBits") or 0):
            yield Finding(f"rsaBits is {bits:.0f}, fewer than {parameters.number('minimumRsaBits'):.0f}")
    elif algorithm == "ECDSA":
        curve = key.text("ecdsaCurve")
        bits = int((curve or "P224").lstrip("P") or 0)
        if bits < (parameters.number("minimumCurveBits") or 0):
            yield Finding(f"ecdsaCurve is {curve or 'not set, which means P224'}")


MADE_KEY = Rule(
    id="tls-key-strong",
    title="A private key that pulumi makes is strong",
    why="Short keys can be computed from the certificate.",
    fix="Use algorithm ECDSA with ecdsaCurve P256, or RSA with rsaBits 2048 or more.",
    types=(PRIVATE_KEY,),
    parameters={"minimumRsaBits": _BITS, "minimumCurveBits": _CURVE_BITS},
    check=_made_key,
)


def _is_ca(certificate: View) -> bool:
    return certificate.flag("isCaCertificate") is True


def _validity(resource: Resource, parameters: View) -> Iterator[Result]:
    hours = resource.props.number("validityPeriodHours") or 0
    limit = parameters.number("maximumCaDays" if _is_ca(resource.props) else "maximumDays") or 0
    if hours > limit * HOURS_A_DAY:
        yield Finding(f"validityPeriodHours is {hours:.0f}, which is {hours / HOURS_A_DAY:.0f} days and more than {limit:.0f}")


VALIDITY = Rule(
    id="tls-certificate-validity",
    title="Certificates end in due time",
    why="A stolen key is of use until its certificate ends, and clients refuse certificates that are valid too long.",
    fix="Lower validityPeriodHours (9528 is 397 days) and set earlyRenewalHours.",
    types=(SELF_SIGNED, ISSUED),
    parameters={"maximumDays": _DAYS, "maximumCaDays": _CA_DAYS},
    check=_validity,
)


def _renewal(resource: Resource, _parameters: View) -> Iterator[Result]:
    if not resource.props.number("earlyRenewalHours"):
        yield Finding("earlyRenewalHours is not set, so pulumi makes a new certificate only when this one has ended")


RENEWAL = Rule(
    id="tls-certificate-renewal",
    title="A certificate is renewed before it ends",
    why="From its last day on every push and pull fails.",
    fix="Set earlyRenewalHours to some weeks (1440 is 60 days).",
    level=Level.ADVISORY,
    types=(SELF_SIGNED, ISSUED),
    check=_renewal,
)


def _names(resource: Resource, _parameters: View) -> Iterator[Result]:
    certificate = resource.props
    if _is_ca(certificate):
        return
    if not (certificate.count("dnsNames") or certificate.count("ipAddresses")):
        yield Finding("neither dnsNames nor ipAddresses is set; the common name alone is not looked at")


NAMES = Rule(
    id="tls-certificate-names",
    title="A server certificate has the names that clients call",
    why="Docker, podman and containerd refuse a certificate without subject alternative names.",
    fix="Put the registry's host name into dnsNames, an address into ipAddresses.",
    types=(REQUEST, SELF_SIGNED),
    check=_names,
)


def _certificates(text: str) -> list[x509.Certificate]:
    if "-----BEGIN CERTIFICATE-----" not in text:
        return []
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        return []


def _weak_key(key: object, parameters: View) -> str | None:
    """What is wrong with a public or private key."""
    minimum_rsa, minimum_curve = parameters.number("minimumRsaBits") or 0, parameters.number("minimumCurveBits") or 0
    if isinstance(key, rsa.RSAPublicKey | rsa.RSAPrivateKey) and key.key_size < minimum_rsa:
        return f"RSA with {key.key_size} bits, fewer than {minimum_rsa:.0f}"
    if isinstance(key, ec.EllipticCurvePublicKey | ec.EllipticCurvePrivateKey) and key.curve.key_size < minimum_curve:
        return f"a curve with {key.curve.key_size} bits, fewer than {minimum_curve:.0f}"
    if isinstance(key, dsa.DSAPublicKey | dsa.DSAPrivateKey):
        return "DSA, which TLS 1.3 has no place for"
    return None


def _has_ca_flag(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _has_names(certificate: x509.Certificate) -> bool:
    try:
        return len(list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)) > 0
    except x509.ExtensionNotFound:
        return False


def _problems(certificate: x509.Certificate, parameters: View) -> Iterator[str]:
    is_ca = _has_ca_flag(certificate)
    try:
        weak = _weak_key(certificate.public_key(), parameters)
    except (UnsupportedAlgorithm, ValueError):
        weak = "of a kind that is not known here"
    if weak:
        yield f"its key is {weak}"
    hash_name = certificate.signature_hash_algorithm.name if certificate.signature_hash_algorithm else ""
    if hash_name in _OLD_HASHES and certificate.issuer != certificate.subject:
        yield f"it is signed with {hash_name}"
    if certificate.not_valid_after_utc < datetime.now(UTC):
        yield f"it ended on {certificate.not_valid_after_utc:%Y-%m-%d}"
    days = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days
    limit = parameters.number("maximumCaDays" if is_ca else "maximumDays") or 0
    if days > limit:
        yield f"it is valid for {days} days, more than {limit:.0f}"
    if not is_ca and not _has_names(certificate):
        yield "it has no subject alternative names"


def _label(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return f"certificate {names[0].value!r}" if names else "a certificate without a common name"


def _certificate_files(resource: Resource, parameters: View) -> Iterator[Result]:
    def check(file: File) -> Iterator[Result]:
        for certificate in _certificates(file.text):
            for problem in _problems(certificate, parameters):
                yield Finding(f"{file.label}, {_label(certificate)}: {problem}")

    yield from each_file(resource, _CERTIFICATE_FILE, check)


CERTIFICATE_FILES = Rule(
    id="certificate-file-sound",
    title="A certificate that a container is given is strong, valid and names its hosts",
    why="Clients refuse it, or trust a key that can be computed.",
    fix="Issue a new certificate: ECDSA P-256 or RSA 2048 and more, SHA-256, subject alternative names, at most 825 days.",
    types=(CONTAINER,),
    parameters={"minimumRsaBits": _BITS, "minimumCurveBits": _CURVE_BITS, "maximumDays": _DAYS, "maximumCaDays": _CA_DAYS},
    check=_certificate_files,
)


def _key_files(resource: Resource, parameters: View) -> Iterator[Result]:
    def check(file: File) -> Iterator[Result]:
        for pem in _PEM_KEY.findall(file.text):
            try:
                weak = _weak_key(load_pem_private_key(pem.encode(), None), parameters)
            except (TypeError, ValueError, UnsupportedAlgorithm):
                continue  # encrypted, or no key: nothing to measure
            if weak:
                yield Finding(f"{file.label}: the key is {weak}")

    yield from each_file(resource, _KEY_FILE, check)


KEY_FILES = Rule(
    id="private-key-file-strong",
    title="A private key that a container is given is strong",
    why="Short keys can be computed from the certificate.",
    fix="Make a new key: ECDSA P-256, or RSA with 2048 bits or more.",
    types=(CONTAINER,),
    parameters={"minimumRsaBits": _BITS, "minimumCurveBits": _CURVE_BITS},
    check=_key_files,
)

RULES: tuple[AnyRule, ...] = (MADE_KEY, VALIDITY, RENEWAL, NAMES, CERTIFICATE_FILES, KEY_FILES)
