"""Where hosts run: one module a platform, chosen here and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pulumi

from bundle.model import Bundle, FleetSpec, Values
from components.hosts.docker import DockerHost, DockerHostArgs
from components.settings.model import Platform, Settings
from components.storage.access import Identity, RoleAccess


class Hosts(Protocol):
    """What the hosts of every platform hand back."""

    @property
    def ops_command(self) -> pulumi.Output[str]:
        """What runs the `ops` tool, to be followed by its arguments."""
        ...

    @property
    def address(self) -> pulumi.Output[str]:
        """What the DNS record of the registry's hostname should point to."""
        ...


@dataclass(frozen=True)
class HostsArgs:
    """What hosts of every platform are made from: the bundle, the values its files need (secret), and, where the platform has identities
    for its hosts, the way into the storage."""

    bundle: Bundle
    values: pulumi.Output[Values]
    storage: RoleAccess | None


@dataclass(frozen=True)
class HostPlatform:
    """A platform, as the other parts of the stack need to know it.

    `fleet` is what several hosts at once need of the bundle; None for a single host. `bind_address` is the host's address that the ports
    are published on, `identity` what replicas show to their storage. `create` makes the hosts; the text is the prefix of everything.
    """

    fleet: FleetSpec | None
    bind_address: str
    identity: Identity
    create: Callable[[str, HostsArgs, pulumi.ResourceOptions], Hosts]


def platform_of(settings: Settings) -> HostPlatform:
    """The platform that the settings ask for. The cloud SDKs are large, so only the one that is needed is imported."""
    match settings.platform:
        case Platform.DOCKER:
            return HostPlatform(None, settings.docker.bind_address, Identity.KEY, _docker(settings))
        case Platform.AWS:
            # Whatever else is on the host is Session Manager's and needs no port.
            return HostPlatform(FleetSpec(), "0.0.0.0", Identity.ROLE, _aws(settings))  # noqa: S104


def _docker(settings: Settings) -> Callable[[str, HostsArgs, pulumi.ResourceOptions], Hosts]:
    def create(name: str, args: HostsArgs, opts: pulumi.ResourceOptions) -> Hosts:
        made = DockerHostArgs(args.bundle, args.values, settings.docker, settings.hostname, settings.allow_destroy)
        return DockerHost(name, made, opts)

    return create


def _aws(settings: Settings) -> Callable[[str, HostsArgs, pulumi.ResourceOptions], Hosts]:
    def create(name: str, args: HostsArgs, opts: pulumi.ResourceOptions) -> Hosts:
        from components.hosts.aws.fleet import AwsFleet, AwsFleetArgs  # noqa: PLC0415

        if settings.aws is None or args.storage is None:
            raise AssertionError("the settings are validated")
        made = AwsFleetArgs(
            bundle=args.bundle,
            values=args.values,
            settings=settings.aws,
            hostname=settings.hostname,
            hosts=settings.host_count,
            storage=args.storage,
            allow_destroy=settings.allow_destroy,
        )
        return AwsFleet(name, made, opts)

    return create
