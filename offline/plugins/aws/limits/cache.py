"""Managed Redis (ElastiCache).

Sources: internal/service/elasticache of terraform-provider-aws (replication_group.go, validate.go); the properties' own descriptions
in the SDK; https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from offline.plugins.framework import CheckFailure, Properties

from .together import Together, given, is_true, not_both, number, text
from .values import PORT, Limits, between, one_of, written

_DAY = r"(mon|tue|wed|thu|fri|sat|sun)"
_TIME = r"([01]\d|2[0-3]):[0-5]\d"


def _auth_token(value: object) -> str | None:
    """Never says what the token is."""
    if not isinstance(value, str):
        return None
    if not 16 <= len(value) <= 128:
        return "has to have 16 to 128 characters"
    return None if re.fullmatch(r"[\x21-\x7e]+", value) and not set('@"/') & set(value) else 'has a space, @, " or /, or is not ASCII'


LIMITS: Mapping[str, Limits] = {
    "aws:elasticache/replicationGroup:ReplicationGroup": {
        "replicationGroupId": written(
            r"[a-z](?!.*--)[a-z0-9-]*(?<!-)",
            "has to begin with a letter and have lower-case letters, digits and single hyphens, no hyphen at the end",
            most=40,
        ),
        "description": written(r"[\s\S]+", "", most=255),
        "authToken": _auth_token,
        "authTokenUpdateStrategy": one_of("SET", "ROTATE", "DELETE"),
        "engine": one_of("redis", "valkey"),
        "engineVersion": written(r"[1-5](\.\d+){2}|6\.x|([6-9]|\d\d)\.\d+", "is no version: 7.1, 6.x or, before 6, 5.0.6"),
        "nodeType": written(r"cache\.[a-z0-9]+\.[a-z0-9]+", "is no node type such as cache.t4g.small"),
        "port": PORT,
        "numCacheClusters": between(1, 6),
        "replicasPerNodeGroup": between(0, 5),
        "snapshotRetentionLimit": between(0, 35),
        "snapshotWindow": written(rf"{_TIME}-{_TIME}", "is no window such as 03:00-04:00"),
        "maintenanceWindow": written(rf"(?i:{_DAY}):{_TIME}-(?i:{_DAY}):{_TIME}", "is no window such as sun:05:00-sun:06:00"),
        "transitEncryptionMode": one_of("preferred", "required"),
        "clusterMode": one_of("enabled", "disabled", "compatible"),
        "networkType": one_of("ipv4", "ipv6", "dual_stack"),
        "ipDiscovery": one_of("ipv4", "ipv6"),
    },
    "aws:elasticache/subnetGroup:SubnetGroup": {
        "name": written(r"[A-Za-z0-9 -]+", "has other characters than letters, digits, spaces and hyphens"),
    },
    "aws:elasticache/parameterGroup:ParameterGroup": {
        "name": written(r"[A-Za-z](?!.*--)[A-Za-z0-9-]*(?<!-)", "has to begin with a letter and have letters, digits and single hyphens"),
        "family": written(r"(redis|valkey|memcached)\d[\d.x]*", "is no family such as redis7 or valkey8"),
    },
}


def _encryption(inputs: Properties) -> Iterator[CheckFailure]:
    if not is_true(inputs, "transitEncryptionEnabled"):
        for name in given(inputs, "authToken", "transitEncryptionMode"):
            yield CheckFailure(name, "needs transitEncryptionEnabled to be true")
    if given(inputs, "authTokenUpdateStrategy") and not given(inputs, "authToken", "authTokenWo"):
        yield CheckFailure("authTokenUpdateStrategy", "needs authToken")
    if given(inputs, "kmsKeyId") and inputs.get("atRestEncryptionEnabled") is False:
        yield CheckFailure("kmsKeyId", "needs atRestEncryptionEnabled to be true")


def _failover(inputs: Properties) -> Iterator[CheckFailure]:
    if inputs.get("multiAzEnabled") is True and not is_true(inputs, "automaticFailoverEnabled"):
        yield CheckFailure("multiAzEnabled", "needs automaticFailoverEnabled to be true")
    nodes = number(inputs, "numCacheClusters")
    if inputs.get("automaticFailoverEnabled") is True and nodes is not None and nodes < 2:
        yield CheckFailure("numCacheClusters", f"{nodes:g}: automatic failover needs at least 2 nodes")


def _node_type(inputs: Properties) -> Iterator[CheckFailure]:
    if not given(inputs, "nodeType", "globalReplicationGroupId"):
        yield CheckFailure("nodeType", "is required unless globalReplicationGroupId is given")
    if not given(inputs, "replicationGroupId"):
        yield CheckFailure("replicationGroupId", "is required")


def _subnets(inputs: Properties) -> Iterator[CheckFailure]:
    if inputs.get("subnetIds") == []:
        yield CheckFailure("subnetIds", "needs at least one subnet")


def _family(inputs: Properties) -> Iterator[CheckFailure]:
    """The engine's default parameter groups have its family in their name."""
    group, engine = text(inputs, "parameterGroupName") or "", text(inputs, "engine") or "redis"
    named = re.match(r"default\.(redis|valkey)", group)
    if named and named[1] != engine:
        yield CheckFailure("parameterGroupName", f"{group!r} is not for {engine}")


TOGETHER: Mapping[str, tuple[Together, ...]] = {
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        _encryption,
        _failover,
        _node_type,
        _family,
        not_both("userGroupIds", "authToken"),
        not_both("numCacheClusters", "numNodeGroups", "replicasPerNodeGroup"),
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": (_subnets,),
}
