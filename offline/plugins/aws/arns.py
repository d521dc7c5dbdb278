"""Amazon resource names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from offline.plugins.preview import Facts

from .account import ACCOUNT, partition
from .ec2 import own_id

_SERVICES = {"lb": "elasticloadbalancing", "alb": "elasticloadbalancing", "vpc": "ec2", "efs": "elasticfilesystem", "kinesis": "kinesis"}
_KINDS = {"Eip": "elastic-ip", "SecurityGroupIngressRule": "security-group-rule", "SecurityGroupEgressRule": "security-group-rule"}
"""Where an ARN has another word than the class."""
_GLOBAL = frozenset({"iam", "route53", "cloudfront"})

_RESOURCES: Mapping[str, Callable[[Facts], str]] = {
    "aws:lb/loadBalancer:LoadBalancer": lambda facts: f"loadbalancer/{_lb_kind(facts)}/{name_of(facts)}/{facts.seed.hex(16, 'lb')}",
    "aws:lb/targetGroup:TargetGroup": lambda facts: f"targetgroup/{name_of(facts)}/{facts.seed.hex(16, 'tg')}",
    "aws:lb/listener:Listener": lambda facts: (
        f"listener/{facts.text('loadBalancerArn').rpartition(':loadbalancer/')[2]}/{facts.seed.hex(16, 'li')}"
    ),
    "aws:autoscaling/group:Group": lambda facts: f"autoScalingGroup:{facts.seed.guid('group')}:autoScalingGroupName/{name_of(facts)}",
    "aws:autoscaling/policy:Policy": lambda facts: (
        f"scalingPolicy:{facts.seed.guid('policy')}:autoScalingGroupName/{facts.text('autoscalingGroupName')}:policyName/{name_of(facts)}"
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda facts: f"alarm:{name_of(facts)}",
    "aws:elasticache/subnetGroup:SubnetGroup": lambda facts: f"subnetgroup:{name_of(facts).lower()}",
    "aws:elasticache/parameterGroup:ParameterGroup": lambda facts: f"parametergroup:{name_of(facts).lower()}",
    "aws:kms/alias:Alias": lambda facts: facts.text("name"),
    "aws:route53/zone:Zone": lambda facts: f"hostedzone/{facts.known_id or zone_id(facts)}",
    "aws:cloudwatch/logGroup:LogGroup": lambda facts: f"log-group:{name_of(facts)}",
    "aws:ecs/service:Service": lambda facts: f"service/{facts.text('cluster').rpartition('/')[2] or 'default'}/{name_of(facts)}",
    "aws:ecs/taskDefinition:TaskDefinition": lambda facts: f"task-definition/{facts.text('family')}:1",
    "aws:kms/key:Key": lambda facts: f"key/{facts.seed.guid('key')}",
    "aws:acm/certificate:Certificate": lambda facts: f"certificate/{facts.seed.guid('certificate')}",
    "aws:secretsmanager/secret:Secret": lambda facts: f"secret:{name_of(facts)}-{facts.seed.characters(6, 'secret')}",
    "aws:elasticache/replicationGroup:ReplicationGroup": lambda facts: f"replicationgroup:{facts.text('replicationGroupId')}",
    "aws:ssm/parameter:Parameter": lambda facts: f"parameter/{facts.text('name').lstrip('/')}",
    "aws:efs/fileSystem:FileSystem": lambda facts: f"file-system/fs-{facts.seed.hex(17, facts.shape.kind)}",
}


def arn_of(facts: Facts) -> str:
    """Make a resource's ARN."""
    token, module = facts.shape.token, facts.shape.module
    region = facts.text("region") or facts.settings.get("region", "")
    if module == "s3":
        key = f"/{facts.text('key')}" if facts.shape.kind.startswith("BucketObject") else ""
        return f"arn:{partition(region)}:s3:::{facts.text('bucket')}{key}"
    if facts.shape.kind == "SecretVersion":
        return facts.text("secretId")
    service = "logs" if token.startswith("aws:cloudwatch/log") else _SERVICES.get(module, module)
    resource = _RESOURCES[token](facts) if token in _RESOURCES else _resource(facts)
    if module in {"sns", "sqs"}:
        resource = name_of(facts)
    account = "" if module == "route53" else ACCOUNT
    return f"arn:{partition(region)}:{service}:{'' if module in _GLOBAL else region}:{account}:{resource}"


def _resource(facts: Facts) -> str:
    own = facts.known_id or own_id(facts.shape, facts.seed) or name_of(facts) or facts.seed.hex(17, facts.shape.kind)
    kind = _KINDS.get(facts.shape.kind) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", facts.shape.kind).lower()
    path = facts.text("path").strip("/")
    return "/".join(part for part in (kind, path, own) if part)


def _lb_kind(facts: Facts) -> str:
    return {"network": "net", "gateway": "gwy"}.get(facts.text("loadBalancerType"), "app")


UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def zone_id(facts: Facts) -> str:
    """Return a new hosted zone's id."""
    return f"Z{facts.seed.characters(20, 'zone', UPPER)}"


def name_of(facts: Facts) -> str:
    """Return the resource's name in AWS; empty when it has none."""
    if prefix := facts.text("namePrefix"):
        return prefix + facts.seed.hex(26, "name")
    return facts.text("name", "bucket")
