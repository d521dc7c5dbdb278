"""What a host may do besides using its storage, as plain data."""

VERSION = "2012-10-17"

ASSUME_ROLE: dict[str, object] = {
    "Version": VERSION,
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

SESSION_MANAGER = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
"""What sessions take (https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html).
The managed policy AmazonSSMManagedInstanceCore would also let hosts read every parameter of the account."""


def host_policy(bundles_arn: str, secret_arn: str, kms_key: str | None) -> dict[str, object]:
    """Fetch a bundle, read the one secret (with its KMS key, if any), be reached through Session Manager; nothing else."""
    statements: list[dict[str, object]] = [
        {"Sid": "FetchTheBundle", "Effect": "Allow", "Action": "s3:GetObject", "Resource": bundles_arn},
        {"Sid": "ReadTheSecret", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret_arn},
        # None of these actions knows a resource.
        {"Sid": "BeReachedThroughSessionManager", "Effect": "Allow", "Action": list(SESSION_MANAGER), "Resource": "*"},
    ]
    if kms_key:
        statements.append({"Sid": "DecryptBundleAndSecret", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": kms_key})
    return {"Version": VERSION, "Statement": statements}
