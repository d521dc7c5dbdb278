"""The tls plugin: keys, certificate requests and certificates, made with `cryptography`, in the vendor plugin's formats."""

from __future__ import annotations

from typing import Final

from offline.plugins.framework import Plugin

from .certificate import LocallySignedCert, SelfSignedCert
from .private_key import PrivateKey
from .request import CertRequest

PLUGIN: Final = Plugin(
    name="tls",
    distribution="pulumi-tls",
    kinds={
        "tls:index/certRequest:CertRequest": CertRequest(),
        "tls:index/locallySignedCert:LocallySignedCert": LocallySignedCert(),
        "tls:index/privateKey:PrivateKey": PrivateKey(),
        "tls:index/selfSignedCert:SelfSignedCert": SelfSignedCert(),
    },
)
