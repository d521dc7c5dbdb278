"""Cases of the rules on IAM."""

import json
from typing import Any

from components.storage.s3_policy import identity_policy
from policies.aws.iam_keys import IAM_KEYS
from policies.aws.iam_policies import IAM_ACTIONS, IAM_ADMINISTRATOR, IAM_RESOURCES, IAM_TRUST
from policies.aws.types import ACCESS_KEYS, IDENTITY_POLICIES, ROLES
from policies.rule import Resource
from policies.values import UNKNOWN
from tests.policies.case import CANARY, Cases, Says, resource

OWN = {"policy": json.dumps(identity_policy("arn:aws:s3:::images", "prod", "arn:aws:kms:eu-central-1:123456789012:key/0f0e"))}


def allow(actions: object, resources: object = "arn:aws:s3:::images/*", **more: object) -> dict[str, str]:
    """Inputs with a policy of one statement."""
    statement = {"Sid": "It", "Effect": "Allow", "Action": actions, "Resource": resources, **more}
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def role(*policies: dict[str, Any]) -> Resource:
    """A role with inline policies."""
    return resource(ROLES[0], props={"inlinePolicies": [{"name": f"p{number}", **policy} for number, policy in enumerate(policies)]})


def trust(principal: object, **more: object) -> dict[str, str]:
    """Inputs of a role that trusts somebody."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    return {"assumeRolePolicy": json.dumps({"Statement": statement})}


GITHUB = {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}
AUDIENCE = {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}
SUBJECT = {"token.actions.githubusercontent.com:sub": "repo:team/registry:ref:refs/heads/main"}

KEY = resource(ACCESS_KEYS[0], "key", {"user": "registry", "pgpKey": CANARY})
HOST = resource("aws:ec2/launchTemplate:LaunchTemplate", "host")

CASES = [
    Cases(
        IAM_ACTIONS,
        compliant={
            "this project's": resource("aws:iam/userPolicy:UserPolicy", props=OWN),
            "named": allow(["s3:GetObject", "s3:PutObject"]),
            "a family": allow("ec2:Describe*", "*"),
            "refused": allow("*", "*", Effect="Deny"),
            "a role's": role(OWN),
        },
        violating={
            "everything": Says(("which is an administrator",), allow("*", "*")),
            "everything, in one bucket": Says(("allows *",), allow("*")),
            "all of a service": Says(("policy, It: allows s3:*",), allow(["s3:GetObject", "s3:*"])),
            "all but some": allow(None, NotAction="iam:*"),
            "a role's": Says(("inlinePolicies[1].policy",), role(OWN, allow("secretsmanager:*"))),
            "a group's": resource("aws:iam/groupPolicy:GroupPolicy", props=allow("iam:*")),
        },
        default={},
        default_violates=False,
        unknown={"policy": {"policy": UNKNOWN}, "a role's": role(OWN, {"policy": UNKNOWN})},
    ),
    Cases(
        IAM_RESOURCES,
        compliant={
            "this project's": OWN,
            "a bucket": allow("s3:GetObject", ["arn:aws:s3:::images", "arn:aws:s3:::images/*"]),
            "knows no resource": allow(["ec2:DescribeInstances", "ssmmessages:OpenDataChannel"], "*"),
            "tagged": allow("ec2:StopInstances", "*", Condition={"StringEquals": {"aws:ResourceTag/registry": "prod"}}),
            "refused": allow("s3:GetObject", "*", Effect="Deny"),
            "an administrator is another rule's": allow("*", "*"),
            "one secret": allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-*"),
        },
        violating={
            "everything": Says(("allows s3:GetObject on *",), allow(["s3:GetObject", "ec2:DescribeInstances"], "*")),
            "all buckets": allow("s3:GetObject", "arn:aws:s3:::*"),
            "all objects": allow("s3:GetObject", "arn:aws:s3:::*/*"),
            "all secrets": allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:*"),
            "all keys": allow("kms:Decrypt", ["arn:aws:kms:eu-central-1:123456789012:key/*"]),
            "all but some": allow("s3:GetObject", None, NotResource="arn:aws:s3:::other"),
            "a role's": Says(("inlinePolicies[0].policy",), role(allow("kms:Decrypt", "*"))),
        },
        default={},
        default_violates=False,
        unknown={
            "policy": resource(IDENTITY_POLICIES[1], props={"policy": UNKNOWN}),
            "inline": resource(ROLES[0], props={"inlinePolicies": UNKNOWN}),
        },
    ),
    Cases(
        IAM_ADMINISTRATOR,
        compliant={
            "of one's own": {"policyArn": "arn:aws:iam::123456789012:policy/registry"},
            "Session Manager": {"policyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"},
        },
        violating={
            "administrator": Says(("AdministratorAccess",), {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
            "in China": {"policyArn": "arn:aws-cn:iam::aws:policy/PowerUserAccess"},
            "all of S3": {"policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
            "a role": Says(
                ("managedPolicyArns",),
                resource(
                    ROLES[0],
                    props={"managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/IAMFullAccess"]},
                ),
            ),
            "a user": resource(
                "aws:iam/userPolicyAttachment:UserPolicyAttachment", props={"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
            ),
        },
        default={},
        default_violates=False,
        unknown={"policy": {"policyArn": UNKNOWN}, "one of a role's": resource(ROLES[0], props={"managedPolicyArns": [UNKNOWN]})},
    ),
    Cases(
        IAM_TRUST,
        compliant={
            "machines": trust({"Service": "ec2.amazonaws.com"}),
            "an account": trust({"AWS": "arn:aws:iam::123456789012:root"}),
            "one branch": trust(GITHUB, Condition={"StringEquals": {**AUDIENCE, **SUBJECT}}),
        },
        violating={
            "anybody": Says(("anybody with an AWS account",), trust("*")),
            "any account": trust({"AWS": "*"}),
            "any repository, said so": trust(GITHUB, Condition={"StringLike": {next(iter(SUBJECT)): "*"}}),
            "any repository": Says(("everybody of the OpenID provider",), trust(GITHUB, Condition={"StringEquals": AUDIENCE})),
        },
        default={},
        default_violates=False,
        unknown={"trust": {"assumeRolePolicy": UNKNOWN}},
    ),
    Cases(
        IAM_KEYS,
        compliant={
            "hosts elsewhere": [KEY, resource("docker:index/container:Container", "registry")],
            "hosts without a key": [HOST],
            "a key that does nothing": [HOST, resource(ACCESS_KEYS[0], "old", {"status": "Inactive"})],
        },
        violating={
            "a fleet": Says(("host",), [KEY, HOST]),
            "a machine": [KEY, resource("aws:ec2/instance:Instance")],
            "active": [HOST, resource(ACCESS_KEYS[0], "new", {"status": "Active"})],
        },
        default=[resource(ACCESS_KEYS[0]), HOST],
        default_violates=True,
        unknown={"status": [HOST, resource(ACCESS_KEYS[0], "some", {"status": UNKNOWN})]},
    ),
]
