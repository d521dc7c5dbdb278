"""Alarms on what AWS itself can see of a fleet."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.hosts.aws.group import BOOT_SECONDS
from components.hosts.aws.redis import NODES

MINUTE = 60
MEMORY_PERCENT = 80.0
"""Of a Redis node. At 100 it refuses writes (components/hosts/aws/redis.py)."""


@dataclass(frozen=True)
class AlarmsArgs:
    """`dimensions` are those of the load balancer's metrics; `topic_arn` is told when an alarm begins and when it ends."""

    topic_arn: str
    hosts: int
    group_name: pulumi.Output[str]
    dimensions: pulumi.Output[dict[str, str]]
    redis_node_ids: pulumi.Output[list[str]]


class Alarms(pulumi.ComponentResource):
    """No healthy host at all; a host unhealthy for longer than a start takes; fewer hosts than wanted; Redis filling up.

    There is none on the edge's 5xx answers: TLS passes through the load balancer, which therefore sees no HTTP, and a metric of the edges'
    logs would need an agent on the hosts that Debian does not have. Storage that can't be listed is seen all the same: the edge's readiness
    asks a replica, whose answer includes that. What breaks pushes alone is not (no right to write, Redis away): `ops status` tells.
    """

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsAlarms", name, None, opts)
        self._name = name
        self._topics = [args.topic_arn]
        # Before there is a host, that there is none would be no news.
        started = pulumi.Output.all(args.dimensions, args.group_name).apply(lambda found: dict(found[0]))
        self._alarm(
            "no-host",
            f"No host of {name} is healthy: pushes and pulls fail",
            _Watched("AWS/NetworkELB", "HealthyHostCount", started, "Maximum", missing="breaching"),
            _Limit("LessThanThreshold", 1.0, periods=3),
        )
        self._alarm(
            "unhealthy",
            f"A host of {name} has failed its readiness check for longer than a start takes; it is replaced by itself",
            # The highest count over the zones, whichever way the load balancer counts in each.
            _Watched("AWS/NetworkELB", "UnHealthyHostCount", args.dimensions, "Maximum", missing="notBreaching"),
            _Limit("GreaterThanThreshold", 0.0, periods=BOOT_SECONDS // MINUTE + 2),
        )
        self._alarm(
            "too-few",
            f"{name} has fewer hosts than the {args.hosts} that the stack wants: none can be started",
            _Watched(
                "AWS/AutoScaling", "GroupInServiceInstances", {"AutoScalingGroupName": args.group_name}, "Minimum", missing="breaching"
            ),
            _Limit("LessThanThreshold", float(args.hosts), periods=15),
        )
        for number in range(NODES):
            node = args.redis_node_ids.apply(lambda ids, number=number: ids[number])
            self._alarm(
                f"redis-memory-{number + 1}",
                f"Redis of {name} fills up: take a larger aws.redisNodeType before it is full and pushes are refused",
                _Watched("AWS/ElastiCache", "DatabaseMemoryUsagePercentage", {"CacheClusterId": node}, "Maximum", missing="missing"),
                _Limit("GreaterThanThreshold", MEMORY_PERCENT, periods=15),
            )
        self.register_outputs({})

    def _alarm(self, label: str, description: str, watched: "_Watched", limit: "_Limit") -> None:
        aws.cloudwatch.MetricAlarm(
            f"{self._name}-{label}",
            name=f"{self._name}-{label}",
            alarm_description=description,
            namespace=watched.namespace,
            metric_name=watched.metric,
            dimensions=watched.dimensions,
            statistic=watched.statistic,
            treat_missing_data=watched.missing,
            comparison_operator=limit.comparison,
            threshold=limit.threshold,
            period=MINUTE,
            evaluation_periods=limit.periods,
            alarm_actions=self._topics,
            ok_actions=self._topics,
            opts=pulumi.ResourceOptions(parent=self),
        )


@dataclass(frozen=True)
class _Watched:
    """A metric, and what it means when there is none (CloudWatch's treatMissingData)."""

    namespace: str
    metric: str
    dimensions: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    statistic: str
    missing: str


@dataclass(frozen=True)
class _Limit:
    """When the alarm begins: `periods` minutes in a row beyond the threshold."""

    comparison: str
    threshold: float
    periods: int
