"""Managed Redis (ElastiCache)."""

from collections.abc import Iterator

from policies.aws.types import CACHE_CLUSTERS, REPLICATION_GROUPS
from policies.rule import Finding, Level, Resource, Result, Rule
from policies.values import View


def _alone(resource: Resource) -> bool:
    """Whether a cluster is on its own: one in a replication group is as the group is."""
    return resource.type in CACHE_CLUSTERS and not resource.props.has("replicationGroupId")


def _transit(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means off (https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)."""
    if resource.type in CACHE_CLUSTERS and not _alone(resource):
        return
    if resource.props.flag("transitEncryptionEnabled") is not True:
        yield Finding("transitEncryptionEnabled is not true")
    elif resource.props.text("transitEncryptionMode") == "preferred":
        yield Finding("transitEncryptionMode is preferred: connections without TLS are still taken")


CACHE_TRANSIT = Rule(
    id="aws-cache-transit-encryption",
    title="Managed Redis speaks TLS only",
    why="The password and the registry's gate and locks go over this connection.",
    fix="Set transitEncryptionEnabled to true and transitEncryptionMode to required; for Redis that needs a ReplicationGroup.",
    types=(*REPLICATION_GROUPS, *CACHE_CLUSTERS),
    check=_transit,
)


def _rest(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means off for redis and on for valkey; engine unset means redis
    (https://www.pulumi.com/registry/packages/aws/api-docs/elasticache/replicationgroup/). A cluster alone can't be encrypted."""
    if resource.type in CACHE_CLUSTERS:
        # Memcached keeps nothing on disk.
        if _alone(resource) and resource.props.text("engine") != "memcached":
            yield Finding("a cluster without a replication group is not encrypted at rest")
        return
    encrypted = resource.props.flag("atRestEncryptionEnabled")
    if encrypted is False or (encrypted is None and resource.props.text("engine") != "valkey"):
        yield Finding("atRestEncryptionEnabled is not true")


CACHE_REST = Rule(
    id="aws-cache-rest-encryption",
    title="Managed Redis is encrypted at rest",
    why="Backups and swap of the cache hold its content.",
    fix="Set atRestEncryptionEnabled to true on a ReplicationGroup.",
    types=(*REPLICATION_GROUPS, *CACHE_CLUSTERS),
    check=_rest,
)


def _auth(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means that everyone who reaches the port is let in
    (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html). A token that is not known yet is one."""
    props = resource.props
    if resource.type in CACHE_CLUSTERS:
        if _alone(resource) and props.text("engine") != "memcached":
            yield Finding("a cluster without a replication group has no password")
        return
    if props.has("authToken") or props.has("authTokenWo"):
        return
    if props.count("userGroupIds") == 0:
        yield Finding("neither authToken nor userGroupIds is set")


CACHE_AUTH = Rule(
    id="aws-cache-auth",
    title="Managed Redis asks for a password",
    why="Whoever reaches an open Redis can open the registry's write gate in the middle of a garbage collection, or empty it.",
    fix="Set authToken (a secret of 16 to 128 characters), or userGroupIds.",
    types=(*REPLICATION_GROUPS, *CACHE_CLUSTERS),
    check=_auth,
)


def _failover(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means off, for both (https://www.pulumi.com/registry/packages/aws/api-docs/elasticache/replicationgroup/)."""
    if resource.props.flag("automaticFailoverEnabled") is not True:
        yield Finding("automaticFailoverEnabled is not true: without the one node there is no Redis")
    elif resource.props.flag("multiAzEnabled") is not True:
        yield Finding("multiAzEnabled is not true: all nodes may be in the zone that fails")


CACHE_FAILOVER = Rule(
    id="aws-cache-failover",
    title="Managed Redis survives the loss of a node and of a zone",
    why="While Redis is away a fleet takes no pushes, and every pull asks the storage. Short-lived stacks do without, so this is advice.",
    fix="Set automaticFailoverEnabled and multiAzEnabled to true, and numCacheClusters to 2 or more.",
    level=Level.ADVISORY,
    types=REPLICATION_GROUPS,
    check=_failover,
)
