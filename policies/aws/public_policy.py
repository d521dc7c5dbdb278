"""Policies of resources (buckets, secrets, keys) that let everyone in."""

from collections.abc import Iterator

from policies.aws.iam_document import is_public, statements
from policies.aws.types import BUCKET_POLICIES, BUCKETS, KMS_KEY_POLICIES, KMS_KEYS, SECRET_POLICIES, SECRETS
from policies.rule import Finding, Resource, Result, Rule
from policies.values import View


def _public_policy(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means no policy, or the service's own, which is for the account only
    (https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html)."""
    for statement in statements(resource.props, "policy"):
        if is_public(statement):
            yield Finding(f"policy, {statement.label}: allows everyone, without a condition on who they are")


PUBLIC_POLICY = Rule(
    id="aws-public-resource-policy",
    title="No policy of a bucket, secret or key lets everyone in",
    why="A policy with Principal * is open to every AWS account, and for buckets to everybody on the internet.",
    fix="Name the roles as Principal, or add a condition such as aws:PrincipalOrgID or aws:SourceArn.",
    types=(*BUCKET_POLICIES, *BUCKETS, *SECRET_POLICIES, *SECRETS, *KMS_KEYS, *KMS_KEY_POLICIES),
    check=_public_policy,
)
