"""Checks a certificate and key that a user supplies, before anything is deployed with them."""

import ipaddress
import itertools
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtensionOID

MIN_RSA_BITS = 2048
"""CA/Browser Forum Baseline Requirements, section 6.1.5."""


def names_of(certificate: x509.Certificate) -> list[str]:
    """DNS names and IP addresses of the subject alternative name extension, as text; empty where there is none."""
    try:
        names = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return []
    assert isinstance(names, x509.SubjectAlternativeName)  # noqa: S101 - narrows the type
    return [*names.get_values_for_type(x509.DNSName), *(str(ip) for ip in names.get_values_for_type(x509.IPAddress))]


def covers(name: str, hostname: str) -> bool:
    """Whether a certificate's name is valid for the hostname. A wildcard stands for exactly one label (RFC 6125, section 6.4.3)."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(hostname)
    except ValueError:
        pass
    name, hostname = name.lower(), hostname.lower()
    if name.startswith("*."):
        return hostname.partition(".")[2] == name[2:] and bool(hostname.partition(".")[0])
    return name == hostname


def _chain_problems(chain: list[x509.Certificate]) -> list[str]:
    for lower, upper in itertools.pairwise(chain):
        if not _issued(lower, upper):
            return [
                f"certificate: the part for {lower.subject.rfc4514_string()} is not issued by the one after it: "
                "put the server's certificate first, then each issuer"
            ]
    return []


def _key_problems(leaf: x509.Certificate, key_pem: str) -> list[str]:
    try:
        key = load_pem_private_key(key_pem.encode(), password=None)
    except TypeError:
        return ["privateKey: is encrypted with a passphrase: supply it unencrypted (pulumi config set --secret keeps it encrypted)"]
    except ValueError:
        return ["privateKey: is no PEM private key: it must begin with -----BEGIN PRIVATE KEY----- or the like"]
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        return ["privateKey: must be an RSA or an ECDSA key, other kinds are not accepted by all clients"]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size < MIN_RSA_BITS:
        return [f"privateKey: has {key.key_size} bits: an RSA key needs at least {MIN_RSA_BITS}"]

    def encoded(public: object) -> bytes:
        assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)  # noqa: S101 - narrows the type
        return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    public = leaf.public_key()
    if not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) or encoded(public) != encoded(key.public_key()):
        return ["privateKey: does not belong to tls.certificate: supply the key that the certificate was requested with"]
    return []


def problems_of_pair(certificate_pem: str, key_pem: str, ca_pem: str | None, hostname: str, now: datetime) -> list[str]:
    """What is wrong with the pair, as `key: rule and remedy` lines without any part of the key; empty when it can be used."""
    try:
        chain = x509.load_pem_x509_certificates(certificate_pem.encode())
    except ValueError:
        return ["certificate: is no PEM certificate: it must begin with -----BEGIN CERTIFICATE-----"]
    leaf = chain[0]
    problems = [*_key_problems(leaf, key_pem), *_chain_problems(chain)]
    if leaf.not_valid_after_utc <= now:
        problems.append(f"certificate: expired on {leaf.not_valid_after_utc:%Y-%m-%d}: supply a new one")
    if leaf.not_valid_before_utc > now:
        problems.append(f"certificate: is valid only from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC on: wait, or supply another one")
    names = names_of(leaf)
    if not any(covers(name, hostname) for name in names):
        valid_for = ", ".join(names) or "no name at all (it has no subject alternative name)"
        problems.append(
            f"certificate: is not valid for hostname {hostname} but for {valid_for}: change hostname, or supply another certificate"
        )
    if ca_pem:
        try:
            roots = x509.load_pem_x509_certificates(ca_pem.encode())
        except ValueError:
            return [*problems, "caCertificate: is no PEM certificate: it must begin with -----BEGIN CERTIFICATE-----"]
        if chain[-1] not in roots and not any(_issued(chain[-1], root) for root in roots):
            problems.append("caCertificate: did not issue tls.certificate or its last intermediate: supply the CA that did")
    return problems


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
