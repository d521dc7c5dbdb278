"""Buckets and what has to stand beside them."""

from collections.abc import Callable, Iterator

from policies.aws.types import ACCOUNT_PUBLIC_ACCESS, BUCKET_POLICIES, BUCKET_PUBLIC_ACCESS, BUCKET_VERSIONING, BUCKETS
from policies.beside import has_beside
from policies.rule import Finding, Level, Resource, Result, Stack, StackCheck, StackResult, StackRule, Undecided, about
from policies.values import View


def _missing(types: tuple[str, ...], what: str, has_inline: Callable[[Resource], bool]) -> StackCheck:
    def check(stack: Stack, _: View) -> Iterator[StackResult]:
        for bucket in stack.of(*BUCKETS):
            yield from about(bucket, lambda bucket=bucket: judge(stack, bucket))

    def judge(stack: Stack, bucket: Resource) -> Iterator[Result]:
        if has_inline(bucket):
            return
        found = has_beside(stack, bucket, "bucket", types)
        if isinstance(found, Undecided):
            yield found
        elif not found:
            yield Finding(f"the bucket has no {what}")

    return check


def _public_access(stack: Stack, parameters: View) -> Iterator[StackResult]:
    """A new bucket has the block by itself since April 2023
    (https://aws.amazon.com/blogs/aws/heads-up-amazon-s3-security-changes-are-coming-in-april-of-2023/), but nothing puts it back when
    somebody turns it off: an update sees only what the stack declares."""
    if not stack.of(*ACCOUNT_PUBLIC_ACCESS):
        yield from _missing(BUCKET_PUBLIC_ACCESS, "BucketPublicAccessBlock", lambda _: False)(stack, parameters)


S3_BUCKET_BLOCKED = StackRule(
    id="aws-s3-bucket-has-public-access-block",
    title="Every bucket has a public access block in the stack",
    why="A block that the stack does not declare can be turned off without any update noticing it.",
    fix="Add a BucketPublicAccessBlock for the bucket with all four switches true.",
    types=BUCKETS,
    check=_public_access,
)

S3_BUCKET_TLS_ONLY = StackRule(
    id="aws-s3-bucket-has-tls-policy",
    title="Every bucket has a policy, which refuses plain HTTP",
    why="Without a policy S3 also answers over plain HTTP (the rule aws-s3-tls-only reads what the policy says).",
    fix="Add a BucketPolicy for the bucket that denies s3:* where aws:SecureTransport is false.",
    types=BUCKETS,
    check=_missing(BUCKET_POLICIES, "BucketPolicy", lambda bucket: bucket.props.has("policy")),
)

S3_BUCKET_VERSIONED = StackRule(
    id="aws-s3-bucket-has-versioning",
    title="Every bucket keeps old versions",
    why="Without versions what is deleted is gone. Buckets for logs or caches may do without, so this is advice.",
    fix="Add a BucketVersioning for the bucket with status Enabled, and a lifecycle rule that expires old versions.",
    level=Level.ADVISORY,
    types=BUCKETS,
    check=_missing(BUCKET_VERSIONING, "BucketVersioning", lambda bucket: bucket.props.view("versioning").flag("enabled") is True),
)
