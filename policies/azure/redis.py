"""Managed Redis: Azure Cache for Redis, and Azure Managed Redis (Enterprise)."""

from collections.abc import Iterator

from policies.azure.types import REDIS, REDIS_ENTERPRISE, REDIS_ENTERPRISE_DATABASES, AnyVersion
from policies.rule import Finding, Resource, Result, Rule
from policies.values import View


def _tls(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means port 6379 off and TLS 1.2: new caches can't have less since March 2024
    (https://learn.microsoft.com/azure/azure-cache-for-redis/cache-remove-tls-10-11), and clientProtocol Encrypted
    (https://www.pulumi.com/registry/packages/azure-native/api-docs/redisenterprise/database/)."""
    props = resource.props
    if resource.type in REDIS_ENTERPRISE_DATABASES:
        if props.text("clientProtocol") == "Plaintext":
            yield Finding("clientProtocol is Plaintext")
        return
    if props.flag("enableNonSslPort"):
        yield Finding("enableNonSslPort is true: port 6379 speaks without TLS")
    version = props.text("minimumTlsVersion")
    if version in ("1.0", "1.1"):
        yield Finding(f"minimumTlsVersion is {version}")


REDIS_TLS = Rule(
    id="azure-redis-tls",
    title="Managed Redis speaks TLS 1.2 or newer only",
    why="The password and the registry's gate and locks go over this connection.",
    fix="Set enableNonSslPort to false and minimumTlsVersion to 1.2; for Managed Redis clientProtocol to Encrypted.",
    types=AnyVersion((*REDIS, *REDIS_ENTERPRISE, *REDIS_ENTERPRISE_DATABASES)),
    check=_tls,
)


def _auth(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means that access keys are asked for (https://learn.microsoft.com/azure/azure-cache-for-redis/cache-configure)."""
    if resource.props.view("redisConfiguration").flag("authnotrequired"):
        yield Finding("redisConfiguration.authnotrequired is true")


REDIS_AUTH = Rule(
    id="azure-redis-auth",
    title="Managed Redis asks for a password",
    why="Whoever reaches an open Redis can open the registry's write gate in the middle of a garbage collection, or empty it.",
    fix="Leave redisConfiguration.authnotrequired unset.",
    types=REDIS,
    check=_auth,
)


def _network(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means Enabled, unless the cache is in a subnet
    (https://learn.microsoft.com/azure/azure-cache-for-redis/cache-network-isolation)."""
    if resource.props.has("subnetId"):
        return
    access = resource.props.text("publicNetworkAccess")
    if access != "Disabled":
        yield Finding(f"publicNetworkAccess is {access or 'not set'}")


REDIS_NETWORK = Rule(
    id="azure-redis-network",
    title="Managed Redis is not on the internet",
    why="Only the fleet needs it, and nobody else should get to guess its key or to try its next flaw.",
    fix="Set publicNetworkAccess to Disabled and add a private endpoint, or put the cache into a subnet.",
    types=AnyVersion((*REDIS, *REDIS_ENTERPRISE)),
    check=_network,
)
