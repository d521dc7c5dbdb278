"""The private registry as one component: wires certificates, credentials, storage and hosts, and says how to use the result."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from bundle.build import build
from bundle.model import BundleSpec, Cache, FleetSpec, Images, OperationsSpec, StorageSpec, Values
from components.certificates import Certificates, CertificatesArgs
from components.client_setup import client_setup
from components.credentials import Credentials, CredentialsArgs
from components.hosts import HostsArgs, platform_of
from components.settings.model import Settings
from components.storage import create_storage


def endpoint(hostname: str, port: int) -> str:
    """What stands before the repository in an image's name: the port only where it is not 443."""
    host = f"[{hostname}]" if ":" in hostname else hostname
    return host if port == 443 else f"{host}:{port}"


def bundle_spec(settings: Settings, storage: StorageSpec, bind_address: str = "0.0.0.0", fleet: FleetSpec | None = None) -> BundleSpec:  # noqa: S104
    """The part of the settings that shapes the bundle, and what the platform adds."""
    images = settings.images
    return BundleSpec(
        hostname=settings.hostname,
        port=settings.port,
        redirect_port=settings.redirect_port,
        bind_address=bind_address,
        images=Images(
            registry=images.registry, edge=images.edge, redis=images.redis, config=images.config, ops=images.ops, sweeper=images.sweeper
        ),
        registry_major=settings.registry_major,
        replicas=settings.replicas,
        cache=settings.cache,
        log_level=settings.registry.log_level,
        storage=storage,
        operations=OperationsSpec(gc=settings.gc.for_ops(), retention=settings.retention.for_ops(), verify=settings.verify.for_ops()),
        fleet=fleet,
    )


@dataclass(frozen=True)
class PrivateRegistryArgs:
    """The validated settings of the stack."""

    settings: Settings


class PrivateRegistry(pulumi.ComponentResource):
    """A container registry with TLS and accounts on the platform and storage of the settings."""

    url: pulumi.Output[str]
    """https://hostname[:port]"""
    ca_certificate: pulumi.Output[str | None]
    """PEM of the CA that clients must trust; None where it is a public one."""
    accounts: Mapping[str, pulumi.Output[str]]
    """Password an account; each secret."""
    client_setup: pulumi.Output[str]
    """The lines that make Docker, podman and containerd trust the registry and log in."""
    address: pulumi.Output[str]
    """What the DNS record of the hostname should point to."""
    ops_command: pulumi.Output[str]
    """What runs the `ops` tool, to be followed by its arguments, e.g. `status`."""

    def __init__(self, name: str, args: PrivateRegistryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:PrivateRegistry", name, None, opts)
        settings = args.settings
        child = pulumi.ResourceOptions(parent=self)
        platform = platform_of(settings)
        certificates = Certificates(name, CertificatesArgs(settings.hostname, settings.tls), child)
        # The hosts of a fleet agree through Redis, whether it is the cache or not.
        needs_redis = settings.cache is Cache.REDIS or platform.fleet is not None
        credentials = Credentials(name, CredentialsArgs(settings.auth.users, needs_redis), child)
        storage = create_storage(name, settings, platform.identity, child)
        bundle = build(bundle_spec(settings, storage.spec, platform.bind_address, platform.fleet))
        values = pulumi.Output.secret(
            pulumi.Output.all(
                certificate_pem=certificates.certificate_pem,
                private_key_pem=certificates.private_key_pem,
                htpasswd=credentials.htpasswd,
                http_secret=credentials.http_secret,
                redis_password=credentials.redis_password,
                ops_password=credentials.ops_password,
                storage=storage.values,
            ).apply(lambda found: Values(**found))
        )
        hosts = platform.create(name, HostsArgs(bundle, values, storage.access), child)
        self.ops_command = hosts.ops_command
        self.address = hosts.address
        called = endpoint(settings.hostname, settings.port)
        self.url = pulumi.Output.from_input(f"https://{called}")
        self.ca_certificate = certificates.ca_certificate_pem
        self.accounts = credentials.passwords
        account = settings.auth.users[0].name
        self.client_setup = self.ca_certificate.apply(lambda pem: client_setup(called, account, private_ca=pem is not None))
        self.register_outputs(
            {
                "url": self.url,
                "caCertificate": self.ca_certificate,
                "accounts": self.accounts,
                "clientSetup": self.client_setup,
                "address": self.address,
                "opsCommand": self.ops_command,
            }
        )
