"""The edge's certificate: from a CA of the stack's own, or the pair that the settings supply."""

from dataclasses import dataclass

import pulumi
import pulumi_tls as tls

from components.settings.model import TlsMode, TlsSettings, is_ip_address

HOURS = 24
CA_RENEW_BEFORE_DAYS = 365
"""A CA is replaced long before its end: every client has to learn the new one."""


@dataclass(frozen=True)
class CertificatesArgs:
    """`hostname` is what clients call; `tls` the settings."""

    hostname: str
    tls: TlsSettings


class Certificates(pulumi.ComponentResource):
    """With `private-ca`: a CA key and certificate, a server key and certificate. With `provided`: no resource at all. With `acm`: as with
    `private-ca`, but only the load balancer sees the edge's certificate, and clients one of a public CA.

    All keys are ECDSA P-256. A `pulumi up` within `tls.renewBeforeDays` of its end replaces the server certificate.
    """

    certificate_pem: pulumi.Output[str]
    """What the edge presents: the server's certificate, then its issuers."""
    private_key_pem: pulumi.Output[str]
    """Secret."""
    ca_certificate_pem: pulumi.Output[str | None]
    """What clients must trust; None where the certificate comes from a public CA."""

    def __init__(self, name: str, args: CertificatesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:Certificates", name, None, opts)
        if args.tls.mode is TlsMode.PROVIDED:
            self._use_provided(args.tls)
        else:
            self._create_private(name, args)
        if args.tls.mode is TlsMode.ACM:
            self.ca_certificate_pem = pulumi.Output.from_input(None)
        self.register_outputs({"certificatePem": self.certificate_pem, "caCertificatePem": self.ca_certificate_pem})

    def _use_provided(self, settings: TlsSettings) -> None:
        if settings.certificate is None or settings.private_key is None:
            raise AssertionError("the settings are validated")
        self.certificate_pem = pulumi.Output.from_input(settings.certificate)
        self.private_key_pem = pulumi.Output.secret(settings.private_key.get_secret_value())
        self.ca_certificate_pem = pulumi.Output.from_input(settings.ca_certificate)

    def _create_private(self, name: str, args: CertificatesArgs) -> None:
        child = pulumi.ResourceOptions(parent=self)
        ca_key = tls.PrivateKey(f"{name}-ca", algorithm="ECDSA", ecdsa_curve="P256", opts=child)
        ca = tls.SelfSignedCert(
            f"{name}-ca",
            private_key_pem=ca_key.private_key_pem,
            subject=tls.SelfSignedCertSubjectArgs(common_name=f"{args.hostname} registry CA", organization="private-registry"),
            is_ca_certificate=True,
            set_subject_key_id=True,
            validity_period_hours=args.tls.ca_validity_days * HOURS,
            early_renewal_hours=min(CA_RENEW_BEFORE_DAYS, args.tls.ca_validity_days // 3) * HOURS,
            allowed_uses=["cert_signing", "crl_signing", "digital_signature"],
            opts=child,
        )
        names = list(dict.fromkeys((args.hostname, *args.tls.extra_names)))
        key = tls.PrivateKey(f"{name}-server", algorithm="ECDSA", ecdsa_curve="P256", opts=child)
        request = tls.CertRequest(
            f"{name}-server",
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(common_name=args.hostname),
            dns_names=[entry for entry in names if not is_ip_address(entry)],
            ip_addresses=[entry for entry in names if is_ip_address(entry)],
            opts=child,
        )
        server = tls.LocallySignedCert(
            f"{name}-server",
            cert_request_pem=request.cert_request_pem,
            ca_private_key_pem=ca_key.private_key_pem,
            ca_cert_pem=ca.cert_pem,
            set_subject_key_id=True,
            validity_period_hours=args.tls.validity_days * HOURS,
            early_renewal_hours=args.tls.renew_before_days * HOURS,
            allowed_uses=["digital_signature", "server_auth"],
            opts=child,
        )
        self.certificate_pem = server.cert_pem
        self.private_key_pem = pulumi.Output.secret(key.private_key_pem)
        self.ca_certificate_pem = ca.cert_pem
