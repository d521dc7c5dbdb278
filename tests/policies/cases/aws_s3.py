"""Cases of the rules on S3."""

import json
from collections.abc import Sequence
from typing import Any

from components.storage.s3_policy import tls_only_policy
from policies.aws.public_policy import PUBLIC_POLICY
from policies.aws.s3_access import S3_ACLS_OFF, S3_PUBLIC_ACCESS_BLOCK, S3_PUBLIC_ACL
from policies.aws.s3_data import S3_DELETION, S3_ENCRYPTION, S3_VERSIONING
from policies.aws.s3_policy import S3_TLS_ONLY
from policies.aws.s3_stack import S3_BUCKET_BLOCKED, S3_BUCKET_TLS_ONLY, S3_BUCKET_VERSIONED
from policies.aws.types import (
    ACCOUNT_PUBLIC_ACCESS,
    BUCKET_ACLS,
    BUCKET_ENCRYPTION,
    BUCKET_POLICIES,
    BUCKET_PUBLIC_ACCESS,
    BUCKET_VERSIONING,
    BUCKETS,
    OBJECTS,
)
from policies.rule import Resource, StackRule
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, With, resource

ARN = "arn:aws:s3:::images"
EVERYONE = "http://acs.amazonaws.com/groups/global/AllUsers"
ALL_BLOCKED = {"blockPublicAcls": True, "blockPublicPolicy": True, "ignorePublicAcls": True, "restrictPublicBuckets": True}


def bucket(name: str = "images", **props: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """A bucket of a stack."""
    return resource(BUCKETS[0], name, {"bucket": f"team-{name}", **props})


def beside(type_: str, of: Resource | None, **props: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """What configures a bucket, and takes the bucket's name from it: not known at preview."""
    dependencies = {"bucket": (of.identity,)} if of else {}
    return resource(type_, "beside", {"bucket": UNKNOWN, **props}, property_dependencies=dependencies)


def policy(*statements: dict[str, Any]) -> dict[str, str]:
    """Inputs with a policy document."""
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


def deny(**changed: object) -> dict[str, Any]:
    """The statement that refuses plain HTTP, changed."""
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [ARN, f"{ARN}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        **changed,
    }


def allow(principal: object = "*", **more: object) -> dict[str, Any]:
    """A statement that lets somebody read."""
    return {"Sid": "Read", "Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": f"{ARN}/*", **more}


def has_beside(rule: StackRule, type_: str, inline: Sequence[Resource] = ()) -> Cases:
    """Cases of a rule that wants a resource of a type beside each bucket."""
    one, other = bucket(), bucket("other")
    named = resource(type_, "by-name", {"bucket": "team-images"})
    return Cases(
        rule,
        compliant={
            "by where the name comes from": [one, beside(type_, one)],
            "by name": [one, named],
            "two buckets": [one, other, beside(type_, other), named],
            **({"otherwise": inline} if inline else {}),
        },
        violating={
            "of another bucket": Says(("the bucket has no",), [one, other, beside(type_, other)]),
            "of another name": [one, resource(type_, "it", {"bucket": "team-other"})],
            "the older type": [resource(BUCKETS[1], "images", {"bucket": "team-images"})],
        },
        default=[resource(BUCKETS[0])],
        default_violates=True,
        unknown={
            "whose it is": [one, beside(type_, None)],
            "the bucket's name": [bucket(bucket=UNKNOWN), named],
        },
        ignored={"no bucket": [named]},
    )


def encryption(algorithm: object, key: object = None) -> dict[str, Any]:
    """Inputs of an encryption configuration."""
    return {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm, "kmsMasterKeyId": key}}]}


OWN_KEY = {"customerKey": True}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0f0e"

CASES = [
    Cases(
        S3_PUBLIC_ACCESS_BLOCK,
        compliant={"all on": ALL_BLOCKED},
        violating={
            **{f"without {name}": Says((f"{name} is not true",), {**ALL_BLOCKED, name: False}) for name in ALL_BLOCKED},
            "the account's": resource("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock", props={"blockPublicAcls": True}),
        },
        default={"bucket": "images"},
        default_violates=True,
        unknown={name: {**ALL_BLOCKED, name: UNKNOWN} for name in ALL_BLOCKED},
    ),
    Cases(
        S3_PUBLIC_ACL,
        compliant={
            "private": {"acl": "private"},
            "logs": resource(BUCKET_ACLS[0], props={"acl": "log-delivery-write"}),
            "owner": resource(
                BUCKET_ACLS[0],
                props={"accessControlPolicy": {"grants": [{"grantee": {"type": "CanonicalUser"}, "permission": "FULL_CONTROL"}]}},
            ),
        },
        violating={
            "read": Says(("acl is public-read",), {"acl": "public-read"}),
            "write": {"acl": "public-read-write"},
            "with any account": resource(BUCKET_ACLS[0], props={"acl": "authenticated-read"}),
            "older type": resource(BUCKET_ACLS[1], props={"acl": "public-read"}),
            "an object": resource(OBJECTS[0], props={"acl": "public-read"}),
            "grant": Says(("grants[0]", "AllUsers"), {"grants": [{"uri": EVERYONE, "permissions": ["READ"]}]}),
            "grant of an ACL": Says(
                ("accessControlPolicy.grants[1]",),
                resource(BUCKET_ACLS[0], props={"acl": None, "accessControlPolicy": {"grants": [{}, {"grantee": {"uri": EVERYONE}}]}}),
            ),
        },
        default={},
        default_violates=False,
        unknown={"acl": {"acl": UNKNOWN}, "grants": {"grants": UNKNOWN}, "a grant's": {"grants": [{"uri": UNKNOWN}]}},
    ),
    Cases(
        S3_ACLS_OFF,
        compliant={"enforced": {"rule": {"objectOwnership": "BucketOwnerEnforced"}}},
        violating={name: Says((name,), {"rule": {"objectOwnership": name}}) for name in ("ObjectWriter", "BucketOwnerPreferred")},
        default={},
        default_violates=False,
        unknown={"ownership": {"rule": {"objectOwnership": UNKNOWN}}, "rule": {"rule": UNKNOWN}},
    ),
    Cases(
        S3_ENCRYPTION,
        compliant={
            "AES256": resource(BUCKET_ENCRYPTION[0], props=encryption("AES256")),
            "KMS": resource(BUCKET_ENCRYPTION[0], props=encryption("aws:kms", KEY)),
            "own key": With(OWN_KEY, resource(BUCKET_ENCRYPTION[0], props=encryption("aws:kms:dsse", KEY))),
            "own key that is not known yet": With(OWN_KEY, resource(BUCKET_ENCRYPTION[0], props=encryption("aws:kms", UNKNOWN))),
            "inline": {"serverSideEncryptionConfiguration": {"rule": {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}}},
            "a bucket whose configuration stands beside it": With(OWN_KEY, {"bucket": "images"}),
        },
        violating={
            "unknown algorithm": Says(("DES",), resource(BUCKET_ENCRYPTION[0], props=encryption("DES"))),
            "own key wanted": With(OWN_KEY, resource(BUCKET_ENCRYPTION[0], props=encryption("AES256"))),
            "own key wanted, AWS's given": With(OWN_KEY, resource(BUCKET_ENCRYPTION[1], props=encryption("aws:kms"))),
            "own key wanted, empty": With(OWN_KEY, resource(BUCKET_ENCRYPTION[0], props={"rules": []})),
        },
        default={},
        default_violates=False,
        unknown={
            "algorithm": resource(BUCKET_ENCRYPTION[0], props=encryption(UNKNOWN)),
            "rules": resource(BUCKET_ENCRYPTION[0], props={"rules": UNKNOWN}),
        },
    ),
    Cases(
        S3_VERSIONING,
        compliant={"enabled": {"versioningConfiguration": {"status": "Enabled"}}},
        violating={
            "suspended": Says(("Suspended",), {"versioningConfiguration": {"status": "Suspended"}}),
            "the older type": resource(BUCKET_VERSIONING[1], props={"versioningConfiguration": {"status": "Disabled"}}),
        },
        default={"bucket": "images"},
        default_violates=True,
        unknown={"status": {"versioningConfiguration": {"status": UNKNOWN}}, "all of it": {"versioningConfiguration": UNKNOWN}},
        ignored={"another type": bucket()},
    ),
    Cases(
        S3_TLS_ONLY,
        compliant={
            "this project's": {"policy": json.dumps(tls_only_policy(ARN))},
            "one statement, not in a list": {"policy": json.dumps({"Statement": deny(Principal={"AWS": "*"}, Action=["s3:*"])})},
            "two statements": policy(deny(Resource=ARN), deny(Resource=f"{ARN}/*"), allow({"AWS": "arn:aws:iam::123456789012:role/ci"})),
            "any resource": policy(deny(Resource="*")),
            "inline": resource(BUCKETS[0], props=policy(deny())),
        },
        violating={
            "only allows": policy(allow()),
            "objects alone": policy(deny(Resource=f"{ARN}/*")),
            "bucket alone": policy(deny(Resource=ARN)),
            "reading alone": policy(deny(Action="s3:GetObject")),
            "one role alone": policy(deny(Principal={"AWS": "arn:aws:iam::123456789012:role/ci"})),
            "all but one action": policy({**deny(Action=None), "NotAction": "s3:GetObject"}),
            "with a second condition": policy(
                deny(Condition={"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:PrincipalOrgID": "o-1"}})
            ),
            "the wrong way round": policy(deny(Condition={"Bool": {"aws:SecureTransport": "true"}})),
            "only with old TLS": policy(deny(Condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}})),
            "allows with TLS": policy(deny(Effect="Allow")),
            "inline": resource(BUCKETS[0], props=policy(allow({"AWS": "123456789012"}))),
        },
        default={"bucket": "images"},
        default_violates=True,
        unknown={"policy": {"policy": UNKNOWN}, "a part of it": {"policy": {"Statement": [{"Effect": "Deny", "Resource": UNKNOWN}]}}},
        ignored={"a bucket without a policy": bucket()},
    ),
    Cases(
        S3_DELETION,
        compliant={"protected": resource(BUCKETS[0], props={"forceDestroy": False}, protect=True)},
        violating={
            "forced": Says(("forceDestroy",), resource(BUCKETS[0], props={"forceDestroy": True}, protect=True)),
            "unprotected": Says(("protect",), resource(BUCKETS[1], props={"forceDestroy": False})),
        },
        default={},
        default_violates=True,
        unknown={"forced": resource(BUCKETS[0], props={"forceDestroy": UNKNOWN}, protect=True)},
    ),
    has_beside(S3_BUCKET_BLOCKED, BUCKET_PUBLIC_ACCESS[0], [bucket(), resource(ACCOUNT_PUBLIC_ACCESS[0])]),
    has_beside(S3_BUCKET_TLS_ONLY, BUCKET_POLICIES[0], [bucket(policy=UNKNOWN)]),
    has_beside(S3_BUCKET_VERSIONED, BUCKET_VERSIONING[0], [bucket(versioning={"enabled": True})]),
    Cases(
        PUBLIC_POLICY,
        compliant={
            "a role": policy(allow({"AWS": "arn:aws:iam::123456789012:role/ci"})),
            "everyone of the organisation": policy(allow(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}})),
            "refuses everyone": policy(deny()),
            "a service": policy(allow({"Service": "logging.s3.amazonaws.com"})),
        },
        violating={
            "everyone": Says(("policy, Read",), policy(allow())),
            "every account": policy(allow({"AWS": ["123456789012", "*"]})),
            "everyone but one": policy({"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "s3:*", "Resource": "*"}),
            "everyone but one organisation": policy(allow(Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})),
            "everyone, or one organisation": policy(allow(Condition={"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}})),
            "any organisation": policy(allow(Condition={"StringLike": {"aws:PrincipalOrgID": "*"}})),
            "everyone over TLS": policy(allow(Condition={"Bool": {"aws:SecureTransport": "true"}})),
            "a secret": resource(
                "aws:secretsmanager/secretPolicy:SecretPolicy", props=policy(allow(Action="secretsmanager:GetSecretValue"))
            ),
            "a key": resource("aws:kms/key:Key", props=policy(allow(Action="kms:Decrypt"))),
        },
        default={},
        default_violates=False,
        unknown={"policy": {"policy": UNKNOWN}, "in a bucket": resource(BUCKETS[0], props={"policy": UNKNOWN})},
    ),
]
