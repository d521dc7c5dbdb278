"""CertRequest: a certificate request for a key and its names."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from offline.plugins.framework import CheckFailure, Properties
from offline.plugins.framework.state_only import Input, StateOnlyKind

from .keys import load_key, signing_hash
from .names import NAME_INPUTS, alternative_names, name_problems, subject_name


class CertRequest(StateOnlyKind):
    """A signed request; the id is its SHA-1."""

    inputs: ClassVar = {"privateKeyPem": Input(str, required=True)} | NAME_INPUTS
    secret_outputs = frozenset({"privateKeyPem"})
    computed = frozenset({"certRequestPem", "keyAlgorithm"})

    def problems(self, values: Properties) -> list[CheckFailure]:
        return name_problems(values)

    def generate(self, values: Properties) -> tuple[str, Properties]:
        from cryptography import x509  # noqa: PLC0415 - only creation needs it
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

        key, algorithm = load_key(values["privateKeyPem"], "privateKeyPem")
        subject, names = subject_name(values), alternative_names(values)
        builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject.rdns)
        request = builder.sign(key, signing_hash(key))
        digest = hashlib.sha1(request.public_bytes(Encoding.DER), usedforsecurity=False)
        return digest.hexdigest(), {"certRequestPem": request.public_bytes(Encoding.PEM).decode(), "keyAlgorithm": algorithm}
