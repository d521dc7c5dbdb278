"""Who may reach a bucket at all: public access block, ACLs and object ownership."""

from collections.abc import Iterator

from policies.aws.types import ACCOUNT_PUBLIC_ACCESS, BUCKET_ACLS, BUCKET_OWNERSHIP, BUCKET_PUBLIC_ACCESS, BUCKETS, OBJECTS
from policies.rule import Finding, Resource, Result, Rule, each
from policies.values import View

_SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read", "website")
_EVERYONE = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")


def _public_access_block(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means off: the resource replaces the block that a new bucket has by itself
    (https://www.pulumi.com/registry/packages/aws/api-docs/s3/bucketpublicaccessblock/, each "Defaults to false")."""
    for name in _SWITCHES:
        yield from each([resource.props], lambda props, name=name: _switch(props, name))


def _switch(props: View, name: str) -> Iterator[Result]:
    if props.flag(name) is not True:
        yield Finding(f"{name} is not true")


S3_PUBLIC_ACCESS_BLOCK = Rule(
    id="aws-s3-public-access-block",
    title="A public access block has all four switches on",
    why="Images are code and sometimes secrets. The block refuses a public policy or ACL even when somebody sets one by mistake.",
    fix="Set blockPublicAcls, blockPublicPolicy, ignorePublicAcls and restrictPublicBuckets to true.",
    types=(*BUCKET_PUBLIC_ACCESS, *ACCOUNT_PUBLIC_ACCESS),
    check=_public_access_block,
)


def _acl(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means private (https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html)."""
    props = resource.props
    yield from each([props], _canned_acl)
    yield from each([props], lambda view: each(view.views("grants"), _inline_grant))
    yield from each([props], lambda view: each(view.view("accessControlPolicy").views("grants"), _grant))


def _canned_acl(props: View) -> Iterator[Result]:
    acl = props.text("acl")
    if acl in _PUBLIC_ACLS:
        yield Finding(f"acl is {acl}")


def _inline_grant(grant: View) -> Iterator[Result]:
    uri = grant.text("uri") or ""
    if uri.endswith(_EVERYONE):
        yield Finding(f"{grant.path} grants to {uri.rpartition('/')[2]}")


def _grant(grant: View) -> Iterator[Result]:
    uri = grant.view("grantee").text("uri") or ""
    if uri.endswith(_EVERYONE):
        yield Finding(f"{grant.path} grants to {uri.rpartition('/')[2]}")


S3_PUBLIC_ACL = Rule(
    id="aws-s3-public-acl",
    title="No ACL of a bucket or object lets everyone in",
    why="With a public ACL, anybody (or anybody with any AWS account) reads or replaces images.",
    fix="Use acl private or none at all, and grant access with policies of roles.",
    types=(*BUCKETS, *BUCKET_ACLS, *OBJECTS),
    check=_acl,
)


def _ownership(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means nothing: the provider demands it, and a new bucket without this resource has its ACLs off since April 2023
    (https://aws.amazon.com/blogs/aws/heads-up-amazon-s3-security-changes-are-coming-in-april-of-2023/)."""
    ownership = resource.props.view("rule").text("objectOwnership")
    if ownership is not None and ownership != "BucketOwnerEnforced":
        yield Finding(f"rule.objectOwnership is {ownership}, which turns ACLs on")


S3_ACLS_OFF = Rule(
    id="aws-s3-acls-off",
    title="Buckets have no ACLs",
    why="With ACLs, whoever writes an object decides who reads it, beside and against the policies that are reviewed.",
    fix="Set rule.objectOwnership to BucketOwnerEnforced. A bucket that takes access logs of older services may need an exemption.",
    types=BUCKET_OWNERSHIP,
    check=_ownership,
)
