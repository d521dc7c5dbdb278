"""PrivateKey: an RSA, ECDSA or Ed25519 key in every format the vendor's plugin gives."""

from __future__ import annotations

import base64
import hashlib
from typing import ClassVar

from offline.plugins.framework import CheckFailure, Properties
from offline.plugins.framework.state_only import Input, StateOnlyKind

from .keys import generate_key

_LEAST_RSA_BITS = 1024  # what `cryptography` can make; a certificate needs 2048 to be trusted


class PrivateKey(StateOnlyKind):
    """A private key; the id is the SHA-1 of its public half."""

    inputs: ClassVar = {
        "algorithm": Input(str, required=True, choices=("RSA", "ECDSA", "ED25519")),
        "ecdsaCurve": Input(str, default="P224", choices=("P224", "P256", "P384", "P521")),
        "rsaBits": Input(int, default=2048),
    }
    secret_outputs = frozenset({"privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"})
    computed = secret_outputs | {"publicKeyFingerprintMd5", "publicKeyFingerprintSha256", "publicKeyOpenssh", "publicKeyPem"}
    schema_version = 1

    def problems(self, values: Properties) -> list[CheckFailure]:
        bits = values["rsaBits"]
        if values["algorithm"] == "RSA" and isinstance(bits, int) and bits < _LEAST_RSA_BITS:
            return [CheckFailure("rsaBits", f"must be at least {_LEAST_RSA_BITS}, is {bits}")]
        return []

    def generate(self, values: Properties) -> tuple[str, Properties]:
        from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415 - only creation needs it

        key = generate_key(values["algorithm"], curve=values["ecdsaCurve"], rsa_bits=values["rsaBits"])
        public = key.public_key()
        plain = form.NoEncryption()
        pkcs8 = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, plain).decode()
        outputs: Properties = {
            # An Ed25519 key has no format of its own.
            "privateKeyPem": pkcs8
            if values["algorithm"] == "ED25519"
            else key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, plain).decode(),
            "privateKeyPemPkcs8": pkcs8,
            "publicKeyPem": public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode(),
            "privateKeyOpenssh": "",
            "publicKeyOpenssh": "",
            "publicKeyFingerprintMd5": "",
            "publicKeyFingerprintSha256": "",
        }
        if values["algorithm"] != "ECDSA" or values["ecdsaCurve"] != "P224":  # SSH knows no P224
            line = public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
            outputs["publicKeyOpenssh"] = line.decode() + "\n"
            outputs |= ssh_fingerprints(outputs["publicKeyOpenssh"])
            outputs["privateKeyOpenssh"] = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, plain).decode()
        der = public.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha1(der, usedforsecurity=False).hexdigest(), outputs


def ssh_fingerprints(line: str) -> dict[str, str]:
    """Compute the fingerprints of a public key in authorized_keys format, written as `ssh-keygen -l` does."""
    blob = base64.b64decode(line.split()[1])
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()
    return {
        "publicKeyFingerprintMd5": hashlib.md5(blob, usedforsecurity=False).digest().hex(":"),
        "publicKeyFingerprintSha256": f"SHA256:{sha256}",
    }
