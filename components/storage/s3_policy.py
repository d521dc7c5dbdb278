"""Policy documents for S3, as plain data."""

from collections.abc import Mapping, Sequence

VERSION = "2012-10-17"


def registry_policy(bucket_arn: str, prefix: str | None) -> dict[str, object]:
    """What the registry may do: read, write, list and delete below its prefix of its bucket, and nothing else.

    The actions are those that the registry's s3 driver calls
    (https://distribution.github.io/distribution/storage-drivers/s3/, "S3 permission scopes").
    """
    objects = f"{bucket_arn}/{prefix}/*" if prefix else f"{bucket_arn}/*"
    below: Mapping[str, object] = {"Condition": {"StringLike": {"s3:prefix": [prefix, f"{prefix}/*"]}}} if prefix else {}
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Sid": "ListBelowThePrefix",
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": bucket_arn,
                **below,
            },
            {
                "Sid": "FindTheBucketAndUnfinishedUploads",
                "Effect": "Allow",
                # S3 does not know s3:prefix for either, so with that condition both would always be refused
                # (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html).
                "Action": ["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"],
                "Resource": bucket_arn,
            },
            {
                "Sid": "ReadAndWriteImages",
                "Effect": "Allow",
                "Action": [
                    "s3:GetObject",
                    "s3:PutObject",
                    "s3:DeleteObject",
                    "s3:ListMultipartUploadParts",
                    "s3:AbortMultipartUpload",
                ],
                "Resource": objects,
            },
        ],
    }


def kms_statement(key_arn: str) -> dict[str, object]:
    """What the registry may do with the bucket's KMS key."""
    return {"Sid": "UseTheKey", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key_arn}


def old_keys_statement(key_arns: Sequence[str]) -> dict[str, object]:
    """An object stays under the KMS key that it was written with, whatever the bucket's is now: such keys are for reading only."""
    return {"Sid": "ReadOldImages", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": list(key_arns)}


def identity_policy(bucket_arn: str, prefix: str | None, kms_key: str | None, old_kms_keys: Sequence[str] = ()) -> dict[str, object]:
    """What a user or role is given: `registry_policy`, the use of the bucket's KMS key where it has one, and of its former ones."""
    document = registry_policy(bucket_arn, prefix)
    statements = document["Statement"]
    assert isinstance(statements, list)  # noqa: S101 - narrows the type
    keys = [kms_statement(kms_key)] if kms_key else []
    if old_kms_keys:
        keys.append(old_keys_statement(old_kms_keys))
    return {**document, "Statement": [*statements, *keys]}


def tls_only_policy(bucket_arn: str) -> dict[str, object]:
    """The bucket's own policy: nobody uses it without TLS 1.2 or newer."""
    both = [bucket_arn, f"{bucket_arn}/*"]
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Sid": "OnlyOverTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": both,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {
                "Sid": "OnlyTls12OrNewer",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": both,
                "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
            },
        ],
    }
