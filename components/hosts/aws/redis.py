"""Managed Redis: the registry's cache, and what the hosts agree on."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.hosts.aws.names import CACHE_GROUP, REPLICATION_GROUP, limited

NODES = 2
"""A primary and a replica that takes over."""
ENGINE_VERSION = "7.1"
FAMILY = "redis7"
MEMORY_POLICY = "noeviction"
"""What a full Redis does. The registry's cache (database 0) has keys without a lifetime, the hosts' agreement (database 1: gate, lock,
heartbeats, touched digests) has keys with one. Each policy that evicts could take a touched digest without anyone noticing, and a
collection could then delete a blob in use; `volatile-*`, AWS's default, would take those first and the cache never. With `noeviction` a
full Redis refuses writes, which is seen: the cache stops growing, hosts whose heartbeat fails refuse pushes, no collection starts, pulls go
on. The alarm on memory comes long before; each collection empties the cache."""


@dataclass(frozen=True)
class RedisArgs:
    """`password` is a secret of letters and digits."""

    node_type: str
    password: pulumi.Output[str]
    subnet_ids: tuple[pulumi.Output[str], ...]
    security_group_id: pulumi.Output[str]
    kms_key: str | None


class Redis(pulumi.ComponentResource):
    """Two nodes in two zones with automatic failover; TLS and a password are required, what is on disk is encrypted.

    No backups: what it holds is good for hours only, and an older state brought back would be worse than none.
    """

    host: pulumi.Output[str]
    """Name of the primary, whichever node it is; clients speak TLS to port 6379."""
    node_ids: pulumi.Output[list[str]]

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsRedis", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        subnets = aws.elasticache.SubnetGroup(
            f"{name}-redis",
            name=limited(name, "redis", CACHE_GROUP),
            description="Redis of the registry",
            subnet_ids=list(args.subnet_ids),
            opts=child,
        )
        parameters = aws.elasticache.ParameterGroup(
            f"{name}-redis",
            name=limited(name, FAMILY, CACHE_GROUP),
            description="Redis of the registry",
            family=FAMILY,
            parameters=[aws.elasticache.ParameterGroupParameterArgs(name="maxmemory-policy", value=MEMORY_POLICY)],
            opts=child,
        )
        group = aws.elasticache.ReplicationGroup(
            f"{name}-redis",
            replication_group_id=limited(name, "", REPLICATION_GROUP),
            description="Cache of the registry, and what its hosts agree on",
            engine="redis",
            engine_version=ENGINE_VERSION,
            node_type=args.node_type,
            num_cache_clusters=NODES,
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            subnet_group_name=subnets.name,
            security_group_ids=[args.security_group_id],
            parameter_group_name=parameters.name,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            at_rest_encryption_enabled=True,
            kms_key_id=args.kms_key,
            auth_token=args.password,
            # The old password goes on working until the next change, so hosts may learn the new one in their own time.
            auth_token_update_strategy="ROTATE",  # noqa: S106
            auto_minor_version_upgrade=True,
            # What an update says is done when it ends, and not in some night.
            apply_immediately=True,
            snapshot_retention_limit=0,
            opts=child,
        )
        self.host = group.primary_endpoint_address
        self.node_ids = group.member_clusters.apply(sorted)
        self.register_outputs({"host": self.host})
