"""Ids, in the form that the vendor's plugin gives them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

from offline.plugins.framework import Properties
from offline.plugins.preview import Facts, Shape

from .account import ACCOUNT
from .arns import UPPER, arn_of, name_of, zone_id
from .ec2 import own_id

_BY_ARN = frozenset({"acm", "alb", "ecs", "lb", "secretsmanager", "sns"})
"""Modules whose resources have their ARN as id."""

_BY_TOKEN: Mapping[str, Callable[[Facts], str]] = {
    "aws:iam/accessKey:AccessKey": lambda facts: f"AKIA{facts.seed.characters(16, 'access key', UPPER)}",
    "aws:iam/policy:Policy": arn_of,
    "aws:iam/rolePolicy:RolePolicy": lambda facts: f"{facts.text('role')}:{facts.text('name')}",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda facts: f"{facts.text('role')}/{facts.text('policyArn')}",
    "aws:iam/userPolicy:UserPolicy": lambda facts: f"{facts.text('user')}:{facts.text('name')}",
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": lambda facts: f"{facts.text('user')}/{facts.text('policyArn')}",
    "aws:kms/key:Key": lambda facts: facts.seed.guid("key"),
    "aws:kms/alias:Alias": name_of,
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": lambda _facts: ACCOUNT,
    "aws:s3/bucketObject:BucketObject": lambda facts: facts.text("key"),
    "aws:s3/bucketObjectv2:BucketObjectv2": lambda facts: f"{facts.text('bucket')}/{facts.text('key')}",
    "aws:ec2/route:Route": lambda facts: f"r-{facts.text('routeTableId')}{zlib.crc32(_destination(facts).encode())}",
    "aws:ecs/service:Service": arn_of,
    "aws:ecs/taskDefinition:TaskDefinition": lambda facts: facts.text("family"),
    "aws:elasticache/parameterGroup:ParameterGroup": lambda facts: name_of(facts).lower(),
    "aws:elasticache/replicationGroup:ReplicationGroup": lambda facts: facts.text("replicationGroupId"),
    "aws:elasticache/subnetGroup:SubnetGroup": lambda facts: name_of(facts).lower(),
    "aws:route53/record:Record": lambda facts: "_".join(
        part for part in (facts.text("zoneId"), _record_name(facts), facts.text("type"), facts.text("setIdentifier")) if part
    ),
    "aws:route53/zone:Zone": zone_id,
    "aws:secretsmanager/secretVersion:SecretVersion": lambda facts: f"{facts.text('secretId')}|terraform-{facts.seed.hex(26, 'version')}",
    "aws:efs/fileSystem:FileSystem": lambda facts: f"fs-{facts.seed.hex(17, 'FileSystem')}",
    "aws:efs/accessPoint:AccessPoint": lambda facts: f"fsap-{facts.seed.hex(17, 'AccessPoint')}",
    "aws:efs/mountTarget:MountTarget": lambda facts: f"fsmt-{facts.seed.hex(17, 'MountTarget')}",
}


def _destination(facts: Facts) -> str:
    return facts.text("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")


def _record_name(facts: Facts) -> str:
    return facts.text("name").removesuffix(".").lower()


def id_of(facts: Facts) -> str:
    """Make a resource's id."""
    shape = facts.shape
    if facts.known_id:
        return facts.known_id
    if shape.token in _BY_TOKEN:
        return _BY_TOKEN[shape.token](facts)
    if made := own_id(shape, facts.seed):
        return made
    if shape.module == "s3" and facts.text("bucket"):
        return facts.text("bucket")
    if shape.module in _BY_ARN and "arn" in shape.outputs:
        return arn_of(facts)
    return name_of(facts) or facts.seed.guid("id")


def _policy_of(owner: str) -> Callable[[str], Properties]:
    return lambda resource_id: dict(zip((owner, "name"), resource_id.split(":", 1), strict=True))


def _record(resource_id: str) -> Properties:
    zone, rest = resource_id.split("_", 1)
    name, _, kind = rest.rpartition("_")
    return {"zoneId": zone, "name": name, "type": kind}


_ADOPTED: Mapping[str, Callable[[str], Properties]] = {
    "aws:iam/rolePolicy:RolePolicy": _policy_of("role"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda resource_id: dict(
        zip(("role", "policyArn"), resource_id.split("/", 1), strict=True)
    ),
    "aws:iam/userPolicy:UserPolicy": _policy_of("user"),
    "aws:route53/record:Record": _record,
    # The ARN ends in a hyphen and six characters of AWS's own.
    "aws:secretsmanager/secret:Secret": lambda resource_id: {"name": resource_id.rpartition(":")[2][:-7]},
    "aws:secretsmanager/secretVersion:SecretVersion": lambda resource_id: {"secretId": resource_id.partition("|")[0]},
}
"""Types whose ids tell more, or something else, than a name."""


def adopted_inputs(shape: Shape, resource_id: str) -> Properties:
    """Tell the inputs of an existing resource from its id."""
    if shape.token in _ADOPTED:
        return _ADOPTED[shape.token](resource_id)
    if shape.module in {"ec2", "vpc"}:
        return {}  # an id of EC2's says nothing but its kind
    parts = resource_id.split("/")
    # The ARNs of load balancers and target groups end in a hash.
    last = parts[-2] if shape.module in {"alb", "lb"} and len(parts) > 2 else parts[-1]
    return {name: last for name in ("bucket", "name") if name in shape.inputs and (name == "name" or shape.module == "s3")}
