"""What a bucket's own policy says."""

from collections.abc import Iterator

from policies.aws.iam_document import denies_plain_http, statements
from policies.aws.types import BUCKET_POLICIES, BUCKETS
from policies.rule import Finding, Resource, Result, Rule
from policies.values import View


def _tls_only(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means that S3 answers over plain HTTP too
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html). A bucket without a policy is the stack rule's."""
    if resource.type in BUCKETS and not resource.props.has("policy"):
        return
    if not denies_plain_http(statements(resource.props, "policy")):
        yield Finding("policy does not refuse requests without TLS on the bucket and its objects")


S3_TLS_ONLY = Rule(
    id="aws-s3-tls-only",
    title="Bucket policies refuse plain HTTP",
    why="S3 answers on port 80 as well. A client with a wrong endpoint would send images and signatures in the clear.",
    fix="Add a statement: Deny, Principal *, Action s3:*, Resource the bucket's ARN and ARN/*, Condition Bool aws:SecureTransport false.",
    types=(*BUCKET_POLICIES, *BUCKETS),
    check=_tls_only,
)
