"""Where hosts fetch the bundle from."""

import base64
import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from bundle.fleet_archive import FleetArchive
from components.storage.s3_bucket import S3Bucket, S3BucketArgs

FOLDER = "bundles/"


@dataclass(frozen=True)
class ConfigBucketArgs:
    """`archive` holds no secret."""

    archive: FleetArchive
    kms_key: str | None
    allow_destroy: bool


class ConfigBucket(pulumi.ComponentResource):
    """A bucket of its own, as closed as the images' one, with an object a version of the bundle, named by its hash.

    Objects stay when a newer bundle comes: a fleet that rolls back needs the old one. Each has some hundred kilobytes.
    """

    bucket: pulumi.Output[str]
    objects_arn: pulumi.Output[str]
    """ARN of all bundles, for a policy."""
    current: pulumi.Resource

    def __init__(self, name: str, args: ConfigBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsConfigBucket", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        # Named by pulumi with random letters, because bucket names are shared by all of AWS.
        made = S3Bucket(name, S3BucketArgs("config", None, args.allow_destroy, kms_key=args.kms_key), child)
        # An object stays under the KMS key that it was written with, and hosts may use the present one only. The provider writes it again
        # when kmsKey changes, but not when it goes; under another name in the stack it does so in both cases.
        key = f"-{hashlib.sha256(args.kms_key.encode()).hexdigest()[:6]}" if args.kms_key else ""
        self.current = aws.s3.BucketObjectv2(
            f"{name}-bundle{key}",
            bucket=made.ready,
            key=args.archive.key,
            content_base64=base64.b64encode(args.archive.content).decode(),
            content_type="application/gzip",
            # Not left to the bucket's default, which may not have changed yet.
            server_side_encryption="aws:kms" if args.kms_key else "AES256",
            kms_key_id=args.kms_key,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(retain_on_delete=True)),
        )
        self.bucket = made.ready
        self.objects_arn = made.arn.apply(lambda arn: f"{arn}/{FOLDER}*")
        self.register_outputs({"bucket": self.bucket})
