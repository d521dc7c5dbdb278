"""What happens to the data in a bucket: encryption, versions, deletion."""

from collections.abc import Iterator

from policies.aws.types import BUCKET_ENCRYPTION, BUCKET_VERSIONING, BUCKETS
from policies.rule import Finding, Level, Parameter, Resource, Result, Rule, each
from policies.values import View

_ALGORITHMS = ("AES256", "aws:kms", "aws:kms:dsse")


def _encryption(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means SSE-S3: S3 encrypts every new object since January 2023
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html)."""
    kms = parameters.flag("customerKey") is True
    rules = _encryption_rules(resource)
    if not rules and kms and resource.type in BUCKET_ENCRYPTION:
        yield Finding("rules is empty: S3 encrypts with its own key")
    yield from each(rules, lambda rule: _encryption_rule(rule.view("applyServerSideEncryptionByDefault"), kms))


def _encryption_rules(resource: Resource) -> list[View]:
    if resource.type in BUCKET_ENCRYPTION:
        return [*resource.props.views("rules"), *resource.props.views("rule")]
    configuration = resource.props.view("serverSideEncryptionConfiguration")
    return [*configuration.views("rules"), *configuration.views("rule")]


def _encryption_rule(default: View, kms: bool) -> Iterator[Result]:
    algorithm = default.text("sseAlgorithm")
    if algorithm is not None and algorithm not in _ALGORITHMS:
        yield Finding(f"{default.at('sseAlgorithm')} is {algorithm}, which S3 does not know")
    elif kms and not (algorithm in ("aws:kms", "aws:kms:dsse") and default.has("kmsMasterKeyId")):
        yield Finding(f"{default.path} names no KMS key of yours")


S3_ENCRYPTION = Rule(
    id="aws-s3-encryption",
    title="Buckets are encrypted, with your own key where the config asks for it",
    why="Encryption with a key of yours lets you see and stop every use of the images. Without one S3 encrypts with its own key.",
    fix="Set applyServerSideEncryptionByDefault to aws:kms with kmsMasterKeyId (or to AES256 where customerKey is false).",
    types=(*BUCKETS, *BUCKET_ENCRYPTION),
    parameters={"customerKey": Parameter(False, "Whether a KMS key of yours is demanded.")},
    check=_encryption,
)


def _versioning(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means no versions (https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html)."""
    status = resource.props.view("versioningConfiguration").text("status")
    if status != "Enabled":
        yield Finding(f"versioningConfiguration.status is {status or 'not set'}")


S3_VERSIONING = Rule(
    id="aws-s3-versioning",
    title="Versioning that is configured is on",
    why="Without versions, an image that somebody or something deletes or overwrites is gone.",
    fix="Set versioningConfiguration.status to Enabled; expire old versions with a lifecycle rule to bound the cost.",
    types=BUCKET_VERSIONING,
    check=_versioning,
)


def _deletion(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means that destroy deletes an empty bucket, and fails on one with objects (forceDestroy is false by default)."""
    if resource.props.flag("forceDestroy"):
        yield Finding("forceDestroy is true: destroy deletes the bucket with every image in it")
    if not resource.protect:
        yield Finding("the option protect is off: destroy, or a change of its name, deletes the bucket")


S3_DELETION = Rule(
    id="aws-s3-deletion",
    title="Buckets are protected from deletion",
    why="The bucket is the registry: everything else in the stack can be made again. Short-lived stacks do without, so this is advice.",
    fix="Set the resource option protect to true and forceDestroy to false (in this project: allowDestroy: false).",
    level=Level.ADVISORY,
    types=BUCKETS,
    check=_deletion,
)
