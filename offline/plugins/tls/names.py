"""Who a certificate is for: the subject's name and the alternative names, from properties to `cryptography`'s objects."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from offline.plugins.framework import UNKNOWN, CheckFailure, Properties
from offline.plugins.framework.state_only import Input

if TYPE_CHECKING:
    from cryptography import x509

NAME_INPUTS = {"subject": Input(dict), "dnsNames": Input(list), "ipAddresses": Input(list), "uris": Input(list)}

# In the order that the vendor's plugin (Go's crypto/x509) writes them.
_SUBJECT_PARTS = {
    "country": "COUNTRY_NAME",
    "organization": "ORGANIZATION_NAME",
    "organizationalUnit": "ORGANIZATIONAL_UNIT_NAME",
    "locality": "LOCALITY_NAME",
    "province": "STATE_OR_PROVINCE_NAME",
    "streetAddresses": "STREET_ADDRESS",
    "postalCode": "POSTAL_CODE",
    "commonName": "COMMON_NAME",
    "serialNumber": "SERIAL_NUMBER",
    "emailAddress": "EMAIL_ADDRESS",
}


def name_problems(values: Properties) -> list[CheckFailure]:
    """Check subject and alternative names as far as they are known."""
    failures = []
    subject = values.get("subject")
    if isinstance(subject, dict):
        failures += [
            CheckFailure("subject", f"{part} is no part of a subject; the parts are: {', '.join(_SUBJECT_PARTS)}")
            for part in sorted(subject.keys() - _SUBJECT_PARTS.keys())
        ]
        failures += [
            CheckFailure("subject", f"{part} must be {'a list of texts' if part == 'streetAddresses' else 'text'}")
            for part, value in subject.items()
            if part in _SUBJECT_PARTS and value is not UNKNOWN and not isinstance(value, list if part == "streetAddresses" else str)
        ]
        country = subject.get("country")
        if isinstance(country, str) and len(country) != 2:
            failures.append(CheckFailure("subject", f"country must be a code of two letters, is {country}"))
    for name in ("dnsNames", "uris"):
        failures += [
            CheckFailure(name, f"{item} has characters that are not ASCII: write it in its encoded form (xn--... for a host)")
            for item in _texts(values.get(name))
            if not item.isascii()
        ]
    failures += [
        CheckFailure("ipAddresses", f"{item} is not an IP address") for item in _texts(values.get("ipAddresses")) if not _is_address(item)
    ]
    return failures


def subject_name(values: Properties) -> x509.Name:
    """Build the subject's distinguished name; it is empty when no subject is given."""
    from cryptography import x509  # noqa: PLC0415

    subject = values.get("subject") or {}
    attributes: list[x509.NameAttribute[str]] = []
    for part, oid in _SUBJECT_PARTS.items():
        given = subject.get(part)
        texts = given if isinstance(given, list) else [given] if given else []
        attributes += [x509.NameAttribute(getattr(x509.NameOID, oid), text) for text in texts]
    return x509.Name(attributes)


def alternative_names(values: Properties) -> list[x509.GeneralName]:
    """Build the alternative names: hosts, then addresses, then URIs."""
    from cryptography import x509  # noqa: PLC0415

    return [
        *(x509.DNSName(item) for item in values.get("dnsNames") or []),
        *(x509.IPAddress(ipaddress.ip_address(item)) for item in values.get("ipAddresses") or []),
        *(x509.UniformResourceIdentifier(item) for item in values.get("uris") or []),
    ]


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
