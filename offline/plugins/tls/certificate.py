"""SelfSignedCert and LocallySignedCert, and when they are due for renewal."""

from __future__ import annotations

import sys
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from offline.plugins.framework import Change, CheckFailure, DiffResult, Properties, ResourceError
from offline.plugins.framework.state_only import Input, StateOnlyKind

from .issue import Issuer, Order, issue
from .keys import load_key
from .names import NAME_INPUTS, alternative_names, name_problems, subject_name
from .uses import ALLOWED_USES, use_problems

if TYPE_CHECKING:
    from cryptography import x509

_COMMON_INPUTS = {
    "validityPeriodHours": Input(int, required=True, minimum=0),
    "allowedUses": Input(list, required=True, choices=ALLOWED_USES),
    "earlyRenewalHours": Input(int, default=0, minimum=0, in_place=True),
    "isCaCertificate": Input(bool, default=False),
    "maxPathLength": Input(int, minimum=-1),
    "setSubjectKeyId": Input(bool, default=False),
}
_LAST_YEAR = 9999  # an X.509 time has four digits for it


class _Certificate(StateOnlyKind):
    """What both kinds of certificate share: validity and renewal. The id is the serial number in decimal."""

    computed: ClassVar = frozenset({"certPem", "validityStartTime", "validityEndTime"})

    @abstractmethod
    def order(self, values: Properties) -> tuple[Order, Issuer, Properties]:
        """Say what to issue and who signs, and give the outputs that come on top. Raises ResourceError."""

    def now(self) -> datetime:
        """Return the present time in UTC; tests replace it."""
        return datetime.now(UTC)

    def with_defaults(self, values: Properties) -> Properties:
        # No uses is a valid answer to a required question, and has to stay visible in the outputs.
        return super().with_defaults(values) | ({"allowedUses": []} if values.get("allowedUses") == [] else {})

    def problems(self, values: Properties) -> list[CheckFailure]:
        hours = values["validityPeriodHours"]
        if isinstance(hours, int) and self.now().year + hours / 8760 > _LAST_YEAR:
            return [CheckFailure("validityPeriodHours", f"{hours} hours end after the year {_LAST_YEAR}")]
        return use_problems(values)

    def generate(self, values: Properties) -> tuple[str, Properties]:
        from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - only creation needs it

        start = self.now().replace(microsecond=0)
        end = start + timedelta(hours=values["validityPeriodHours"])
        order, issuer, extra = self.order(values)
        certificate = issue(order, issuer, start, end)
        return str(certificate.serial_number), extra | {
            "certPem": certificate.public_bytes(Encoding.PEM).decode(),
            "validityStartTime": _rfc3339(start),
            "validityEndTime": _rfc3339(end),
            "readyForRenewal": False,
        }

    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        resource_id, outputs = super().create(inputs, timeout=timeout, preview=preview)
        return resource_id, outputs | {"readyForRenewal": False}

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        result = super().diff(resource_id, olds, old_inputs, news)
        if not self._due(olds, self.with_defaults(news)["earlyRenewalHours"]):
            return result
        return DiffResult(
            {**result.changes, "readyForRenewal": Change.UPDATE},
            result.replaces | {"readyForRenewal"},
            drifted=frozenset({"readyForRenewal"}),
        )

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties] | None:
        found = super().read(resource_id, inputs, outputs)
        if found and self._due(outputs, outputs.get("earlyRenewalHours", 0)):
            return resource_id, inputs, outputs | {"readyForRenewal": True}
        return found

    def _due(self, outputs: Properties, early_hours: object) -> bool:
        """Tell whether the certificate has ended, or ends within `early_hours`."""
        end = outputs.get("validityEndTime")
        if not isinstance(end, str) or not isinstance(early_hours, int):
            return False
        return self.now() >= _parse_rfc3339(end) - timedelta(hours=early_hours)


class SelfSignedCert(_Certificate):
    """A certificate signed with its own key: a certificate authority, or a server's without one."""

    inputs: ClassVar = {
        "privateKeyPem": Input(str, required=True),
        "setAuthorityKeyId": Input(bool, default=False),
        **NAME_INPUTS,
        **_COMMON_INPUTS,
    }
    secret_outputs = frozenset({"privateKeyPem"})
    computed = _Certificate.computed | {"keyAlgorithm"}

    def problems(self, values: Properties) -> list[CheckFailure]:
        failures = super().problems(values) + name_problems(values)
        if values["isCaCertificate"] is True and not values.get("subject"):
            failures.append(CheckFailure("subject", "is required for the certificate of an authority"))
        return failures

    def order(self, values: Properties) -> tuple[Order, Issuer, Properties]:
        key, algorithm = load_key(values["privateKeyPem"], "privateKeyPem")
        subject = subject_name(values)
        order = Order(subject, key.public_key(), alternative_names(values), values)
        return order, Issuer(subject, key, _own_key_id(order, values)), {"keyAlgorithm": algorithm}


class LocallySignedCert(_Certificate):
    """A certificate for a request, signed by an authority whose key is at hand."""

    inputs: ClassVar = {
        "caCertPem": Input(str, required=True),
        "caPrivateKeyPem": Input(str, required=True),
        "certRequestPem": Input(str, required=True),
        **_COMMON_INPUTS,
    }
    secret_outputs = frozenset({"caPrivateKeyPem"})
    computed = _Certificate.computed | {"caKeyAlgorithm"}

    def order(self, values: Properties) -> tuple[Order, Issuer, Properties]:
        request = _load_request(values["certRequestPem"])
        authority = _load_certificate(values["caCertPem"])
        key, algorithm = load_key(values["caPrivateKeyPem"], "caPrivateKeyPem")
        if key.public_key() != authority.public_key():
            raise ResourceError("caPrivateKeyPem is not the key of caCertPem")
        if values["isCaCertificate"] and not request.subject.rdns:
            raise ResourceError("certRequestPem has no subject, and the certificate of an authority needs one")
        if not _is_authority(authority):
            print("warning: caCertPem is not the certificate of an authority: clients will refuse what it signs", file=sys.stderr)
        order = Order(request.subject, request.public_key(), _requested_names(request), values)
        return order, Issuer(authority.subject, key, _subject_key_id(authority)), {"caKeyAlgorithm": algorithm}


def _own_key_id(order: Order, values: Properties) -> bytes | None:
    """Return what a self-signed certificate names as its issuer's key. Raises ResourceError when it is asked for and missing."""
    if not values["setAuthorityKeyId"]:
        return None
    if not (values["isCaCertificate"] or values["setSubjectKeyId"]):
        raise ResourceError("setAuthorityKeyId needs setSubjectKeyId or isCaCertificate: there is no key id to name")
    return order.key_id()


def _load_request(pem: str) -> x509.CertificateSigningRequest:
    from cryptography import x509  # noqa: PLC0415

    try:
        request = x509.load_pem_x509_csr(pem.encode())
    except ValueError as error:
        raise ResourceError(f"certRequestPem is not a certificate request in PEM format: {error}") from error
    if not request.is_signature_valid:
        raise ResourceError("certRequestPem is not signed with the key it contains")
    return request


def _load_certificate(pem: str) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415

    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise ResourceError(f"caCertPem is not a certificate in PEM format: {error}") from error


def _is_authority(certificate: x509.Certificate) -> bool:
    from cryptography import x509  # noqa: PLC0415

    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _subject_key_id(certificate: x509.Certificate) -> bytes | None:
    from cryptography import x509  # noqa: PLC0415

    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return None


def _requested_names(request: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    from cryptography import x509  # noqa: PLC0415

    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name for name in names if isinstance(name, x509.DNSName | x509.IPAddress | x509.UniformResourceIdentifier)]


def _rfc3339(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _parse_rfc3339(text: str) -> datetime:
    """Read a time that either plugin wrote (the vendor's has nanoseconds). Raises ResourceError."""
    whole, dot, rest = text.partition(".")
    zone = rest.lstrip("0123456789") if dot else ""
    try:
        time = datetime.fromisoformat(whole + zone)
    except ValueError as error:
        raise ResourceError(f"validityEndTime in the state is not a time: {text}") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
