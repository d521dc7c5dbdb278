"""Physical names within AWS's limits."""

import hashlib
import re

LOAD_BALANCER = 32
"""Most characters of a load balancer's or target group's name
(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html)."""
REPLICATION_GROUP = 40
"""Of an ElastiCache replication group's id. No name in ElastiCache takes two dashes in a row
(https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html)."""
CACHE_GROUP = 255
"""Of ElastiCache's subnet and parameter groups."""
_HASH = 6


def limited(name: str, suffix: str, limit: int) -> str:
    """`<name>-<suffix>` with single dashes, in at most `limit` characters. A name that had to be changed carries a hash of the whole."""
    wanted = f"{name}-{suffix}" if suffix else name
    plain = _plain(wanted)
    if plain == wanted and len(wanted) <= limit:
        return wanted
    end = f"-{hashlib.sha256(name.encode()).hexdigest()[:_HASH]}" + (f"-{suffix}" if suffix else "")
    return _plain(name)[: limit - len(end)].rstrip("-") + end


def _plain(name: str) -> str:
    # A load balancer's name may not begin with `internal-`.
    return re.sub("-+", "-", name).removeprefix("internal-")
