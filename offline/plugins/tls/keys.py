"""Making and reading keys with `cryptography`, which is imported late: a refresh or an unchanged update does without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from offline.plugins.framework import ResourceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

    Key: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


def generate_key(algorithm: str, *, curve: str, rsa_bits: int) -> Key:
    """Make a key of `algorithm`: RSA, ECDSA or ED25519."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415

    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
    if algorithm == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    curves = {"P224": ec.SECP224R1, "P256": ec.SECP256R1, "P384": ec.SECP384R1, "P521": ec.SECP521R1}
    return ec.generate_private_key(curves[curve]())


def load_key(pem: str, name: str) -> tuple[Key, str]:
    """Read the private key in the property `name`; return it and its algorithm. Raises ResourceError, never quoting the key."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ResourceError(f"{name} is not an unencrypted private key in PEM format") from error
    if isinstance(key, rsa.RSAPrivateKey):
        return key, "RSA"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key, "ECDSA"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key, "ED25519"
    raise ResourceError(f"{name} is a key of an unsupported type; supported are RSA, ECDSA and Ed25519")


def signing_hash(key: Key) -> SHA256 | SHA384 | SHA512 | None:
    """Choose the hash that matches the key's strength; Ed25519 brings its own."""
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519  # noqa: PLC0415

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return hashes.SHA512() if key.key_size > 384 else hashes.SHA384() if key.key_size > 256 else hashes.SHA256()
    return hashes.SHA256()
