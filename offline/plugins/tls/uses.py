"""What a certificate may be used for: `allowedUses` to the key usage and extended key usage extensions (RFC 5280, 4.2.1.3 and 4.2.1.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offline.plugins.framework import UNKNOWN, CheckFailure, Properties

if TYPE_CHECKING:
    from cryptography import x509

_KEY_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "cert_signing",
    "crl_signing",
    "encipher_only",
    "decipher_only",
)
_EXTENDED_USES = {
    "any_extended": "2.5.29.37.0",
    "server_auth": "1.3.6.1.5.5.7.3.1",
    "client_auth": "1.3.6.1.5.5.7.3.2",
    "code_signing": "1.3.6.1.5.5.7.3.3",
    "email_protection": "1.3.6.1.5.5.7.3.4",
    "ipsec_end_system": "1.3.6.1.5.5.7.3.5",
    "ipsec_tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec_user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp_signing": "1.3.6.1.5.5.7.3.9",
    "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
    "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
}

ALLOWED_USES = (*_KEY_USES, *_EXTENDED_USES)


def use_problems(values: Properties) -> list[CheckFailure]:
    """Refuse the combinations that RFC 5280 leaves undefined."""
    uses = values.get("allowedUses")
    if uses is UNKNOWN or not uses or "key_agreement" in uses or UNKNOWN in uses:
        return []
    alone = [use for use in ("encipher_only", "decipher_only") if use in uses]
    return [CheckFailure("allowedUses", f"{use} means nothing without key_agreement") for use in alone]


def key_usage(uses: list[str]) -> x509.KeyUsage | None:
    """Build the key usage extension, None when no use of that kind is asked for."""
    from cryptography import x509  # noqa: PLC0415

    if not set(uses) & set(_KEY_USES):
        return None
    return x509.KeyUsage(
        digital_signature="digital_signature" in uses,
        content_commitment="content_commitment" in uses,
        key_encipherment="key_encipherment" in uses,
        data_encipherment="data_encipherment" in uses,
        key_agreement="key_agreement" in uses,
        key_cert_sign="cert_signing" in uses,
        crl_sign="crl_signing" in uses,
        encipher_only="encipher_only" in uses,
        decipher_only="decipher_only" in uses,
    )


def extended_key_usage(uses: list[str]) -> x509.ExtendedKeyUsage | None:
    """Build the extended key usage extension, None when no use of that kind is asked for."""
    from cryptography import x509  # noqa: PLC0415

    oids = [x509.ObjectIdentifier(_EXTENDED_USES[use]) for use in dict.fromkeys(uses) if use in _EXTENDED_USES]
    return x509.ExtendedKeyUsage(oids) if oids else None
