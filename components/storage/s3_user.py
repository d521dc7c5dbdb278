"""The IAM user that a registry outside AWS uses its bucket with. Hosts in AWS have a role instead and get no key."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.settings.object_storage import S3Settings
from components.storage.s3_policy import identity_policy


@dataclass(frozen=True)
class S3UserArgs:
    """The settings and the bucket's ARN."""

    s3: S3Settings
    bucket_arn: pulumi.Output[str]


class S3User(pulumi.ComponentResource):
    """A user with an inline policy for the registry's prefix alone, and an access key a label; the first label's key is the one in use."""

    access_key_id: pulumi.Output[str]
    secret_access_key: pulumi.Output[str]
    """Secret."""

    def __init__(self, name: str, args: S3UserArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:S3User", name, None, opts)
        settings = args.s3
        child = pulumi.ResourceOptions(parent=self)
        user = aws.iam.User(f"{name}-registry", name=f"{name}-registry", opts=child)
        policy = aws.iam.UserPolicy(
            f"{name}-registry",
            name="registry-storage",
            user=user.name,
            policy=args.bucket_arn.apply(
                lambda arn: json.dumps(identity_policy(arn, settings.prefix, settings.kms_key, settings.kms_keys_of_old_images))
            ),
            opts=child,
        )
        keys = [aws.iam.AccessKey(f"{name}-registry-{label}", user=user.name, opts=child) for label in settings.access_keys]
        # A key that may do nothing yet would make the registry unhealthy.
        in_use = pulumi.Output.all(keys[0].id, policy.id)
        self.access_key_id = in_use.apply(lambda found: str(found[0]))
        self.secret_access_key = pulumi.Output.secret(keys[0].secret)
        self.register_outputs({})
