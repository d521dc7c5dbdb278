"""A bucket the way a security reviewer wants it."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.storage.s3_policy import tls_only_policy

ABORT_UPLOAD_DAYS = 7
"""As long as the registry keeps an unfinished upload itself (`uploadpurging.age`)."""


def existing_bucket_arn(bucket: str, region: str) -> str:
    """The ARN of a bucket that exists. It follows from the name, so nothing is asked of AWS."""
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    return f"arn:{partition}:s3:::{bucket}"


@dataclass(frozen=True)
class S3BucketArgs:
    """`purpose` tells the stack's buckets apart. Without `bucket` pulumi chooses a name. `kms_key` is an ARN, for SSE-S3 leave it out."""

    purpose: str
    bucket: str | None
    allow_destroy: bool
    kms_key: str | None = None
    access_log_bucket: str | None = None
    noncurrent_days: int = 30


class S3Bucket(pulumi.ComponentResource):
    """A bucket: all public access blocked, no ACLs, encrypted (SSE-S3, or KMS with a bucket key), versioned, TLS 1.2 or newer only,
    unfinished uploads aborted and old versions expired, optionally an access log; protected from deletion unless `allow_destroy`."""

    arn: pulumi.Output[str]
    ready: pulumi.Output[str]
    """The bucket's name, known when it is private and reachable over TLS only."""

    def __init__(self, name: str, args: S3BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:S3Bucket", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        # A bucket that is kept when the stack goes stays as closed as it was.
        stays = pulumi.ResourceOptions(parent=self, retain_on_delete=True)
        label = f"{name}-{args.purpose}"
        bucket = aws.s3.Bucket(
            label,
            bucket=args.bucket,
            # Versions make a bucket that is empty to the eye not empty for AWS.
            force_destroy=args.allow_destroy,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=not args.allow_destroy)),
        )
        aws.s3.BucketOwnershipControls(
            label,
            bucket=bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=stays,
        )
        block = aws.s3.BucketPublicAccessBlock(
            label,
            bucket=bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=stays,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(label, bucket=bucket.id, rules=[self._encryption(args.kms_key)], opts=stays)
        versioning = aws.s3.BucketVersioning(
            label,
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=stays,
        )
        aws.s3.BucketLifecycleConfiguration(
            label,
            bucket=bucket.id,
            rules=self._lifecycle(args.noncurrent_days),
            # Rules for old versions need versioning to be on.
            opts=pulumi.ResourceOptions.merge(stays, pulumi.ResourceOptions(depends_on=[versioning])),
        )
        policy = aws.s3.BucketPolicy(
            label,
            bucket=bucket.id,
            policy=bucket.arn.apply(lambda arn: json.dumps(tls_only_policy(arn))),
            # AWS refuses to change both at the same moment.
            opts=pulumi.ResourceOptions.merge(stays, pulumi.ResourceOptions(depends_on=[block])),
        )
        if args.access_log_bucket:
            aws.s3.BucketLogging(
                label,
                bucket=bucket.id,
                target_bucket=args.access_log_bucket,
                target_prefix=bucket.bucket.apply(lambda own: f"{own}/"),
                opts=child,
            )
        self.arn = bucket.arn
        self.ready = pulumi.Output.all(bucket.bucket, policy.id).apply(lambda found: str(found[0]))
        self.register_outputs({"arn": self.arn})

    @staticmethod
    def _encryption(kms_key: str | None) -> aws.s3.BucketServerSideEncryptionConfigurationRuleArgs:
        default = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="aws:kms" if kms_key else "AES256", kms_master_key_id=kms_key
        )
        return aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
            apply_server_side_encryption_by_default=default, bucket_key_enabled=True if kms_key else None
        )

    @staticmethod
    def _lifecycle(noncurrent_days: int) -> list[aws.s3.BucketLifecycleConfigurationRuleArgs]:
        everything = aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix="")
        return [
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="abort-unfinished-uploads",
                status="Enabled",
                filter=everything,
                abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                    days_after_initiation=ABORT_UPLOAD_DAYS
                ),
            ),
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="expire-old-versions",
                status="Enabled",
                filter=everything,
                noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                    noncurrent_days=noncurrent_days
                ),
            ),
        ]
