"""Issuing a certificate: from an order and an issuer to a signed X.509 v3 certificate."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from offline.plugins.framework import Properties

from .keys import signing_hash
from .uses import extended_key_usage, key_usage

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from .keys import Key

_SERIAL_BITS = 128


@dataclass(frozen=True)
class Order:
    """What is to be certified."""

    subject: x509.Name
    public_key: CertificatePublicKeyTypes
    names: list[x509.GeneralName]
    values: Properties
    """The resource's inputs with defaults: allowedUses, isCaCertificate, maxPathLength, setSubjectKeyId."""

    def key_id(self) -> bytes:
        """Return the SHA-1 of the public key (RFC 5280, 4.2.1.2, method 1)."""
        from cryptography import x509  # noqa: PLC0415

        return x509.SubjectKeyIdentifier.from_public_key(self.public_key).digest


@dataclass(frozen=True)
class Issuer:
    """Who certifies it."""

    name: x509.Name
    key: Key
    key_id: bytes | None
    """The issuer's subject key identifier, to be named in the certificate when there is one."""


def issue(order: Order, issuer: Issuer, start: datetime, end: datetime) -> x509.Certificate:
    """Sign a certificate that is valid from `start` to `end`, with a random positive serial number."""
    from cryptography import x509  # noqa: PLC0415 - only creation needs it

    values = order.values
    authority = bool(values["isCaCertificate"])
    longest = values.get("maxPathLength")
    path_length = longest if authority and longest is not None and longest >= 0 else None
    builder = (
        x509.CertificateBuilder()
        .subject_name(order.subject)
        .issuer_name(issuer.name)
        .public_key(order.public_key)
        .serial_number(secrets.randbits(_SERIAL_BITS) or 1)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    )
    if usage := key_usage(values["allowedUses"]):
        builder = builder.add_extension(usage, critical=True)
    if extended := extended_key_usage(values["allowedUses"]):
        builder = builder.add_extension(extended, critical=False)
    if authority or values["setSubjectKeyId"]:
        builder = builder.add_extension(x509.SubjectKeyIdentifier(order.key_id()), critical=False)
    if issuer.key_id is not None:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(issuer.key_id, None, None), critical=False)
    if order.names:
        # With an empty subject the names are all there is: RFC 5280, 4.2.1.6 wants the extension critical then.
        builder = builder.add_extension(x509.SubjectAlternativeName(order.names), critical=not order.subject.rdns)
    return builder.sign(issuer.key, signing_hash(issuer.key))
