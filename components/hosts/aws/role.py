"""The identity of a fleet's hosts."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.hosts.aws.role_policy import ASSUME_ROLE, host_policy


@dataclass(frozen=True)
class HostRoleArgs:
    """`storage_policy` is the JSON document of what the registry may do with its storage."""

    storage_policy: pulumi.Output[str]
    bundles_arn: pulumi.Output[str]
    secret_arn: pulumi.Output[str]
    kms_key: str | None
    permissions_boundary: str | None


class HostRole(pulumi.ComponentResource):
    """A role for EC2 with two policies of its own, and its instance profile. No access key exists."""

    profile_arn: pulumi.Output[str]
    policies: tuple[pulumi.Resource, ...]
    """Before them a host may do nothing."""

    def __init__(self, name: str, args: HostRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsHostRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            f"{name}-hosts",
            name=f"{name}-hosts",
            description=f"Hosts of {name}",
            assume_role_policy=json.dumps(ASSUME_ROLE),
            permissions_boundary=args.permissions_boundary,
            opts=child,
        )
        own = pulumi.Output.all(bundles=args.bundles_arn, secret=args.secret_arn).apply(
            lambda found: json.dumps(host_policy(str(found["bundles"]), str(found["secret"]), args.kms_key))
        )
        self.policies = (
            aws.iam.RolePolicy(f"{name}-images", name="registry-storage", role=role.name, policy=args.storage_policy, opts=child),
            aws.iam.RolePolicy(f"{name}-hosts", name="registry-host", role=role.name, policy=own, opts=child),
        )
        profile = aws.iam.InstanceProfile(f"{name}-hosts", name=f"{name}-hosts", role=role.name, opts=child)
        self.profile_arn = profile.arn
        self.register_outputs({})
