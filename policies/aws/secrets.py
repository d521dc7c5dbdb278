"""Secrets Manager and KMS keys."""

from collections.abc import Iterator

from policies.aws.types import KMS_KEYS, SECRETS
from policies.rule import Finding, Level, Parameter, Resource, Result, Rule
from policies.values import View


def _recovery(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means 30 days (https://www.pulumi.com/registry/packages/aws/api-docs/secretsmanager/secret/)."""
    if resource.props.number("recoveryWindowInDays") == 0:
        yield Finding("recoveryWindowInDays is 0: a deleted secret is gone at once")


SECRET_RECOVERY = Rule(
    id="aws-secret-recovery",
    title="A deleted secret can be had back",
    why="Without it no new host of a fleet starts. Short-lived stacks do without, so this is advice.",
    fix="Leave recoveryWindowInDays unset, or set 7 to 30.",
    level=Level.ADVISORY,
    types=SECRETS,
    check=_recovery,
)


def _secret_key(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means the account's key aws/secretsmanager (https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html):
    always encrypted, and readable for whoever the IAM policies let."""
    if not parameters.flag("customerKey"):
        return
    key = resource.props.text("kmsKeyId")
    if key is None:
        yield Finding("kmsKeyId is not set: AWS's own key encrypts the secret")
    elif key.endswith("alias/aws/secretsmanager"):
        yield Finding("kmsKeyId is AWS's own key")


SECRET_KEY = Rule(
    id="aws-secret-key",
    title="Secrets are encrypted with your own key where the config asks for it",
    why="The policy of a key of yours is a second lock, which other accounts can be let through and whose uses are logged.",
    fix="Set kmsKeyId to a KMS key of yours.",
    types=SECRETS,
    parameters={"customerKey": Parameter(False, "Whether a KMS key of yours is demanded.")},
    check=_secret_key,
)


def _rotation(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means no rotation (https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html); only symmetric encryption keys
    whose material is in KMS can rotate by themselves."""
    props = resource.props
    if (props.text("customerMasterKeySpec") or "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT" or props.has("customKeyStoreId"):
        return
    if (props.text("keyUsage") or "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT" and props.flag("enableKeyRotation") is not True:
        yield Finding("enableKeyRotation is not true")


KMS_ROTATION = Rule(
    id="aws-kms-rotation",
    title="KMS keys rotate",
    why="Rotation bounds what one piece of key material has encrypted. It changes nothing for whoever uses the key.",
    fix="Set enableKeyRotation to true.",
    types=KMS_KEYS,
    check=_rotation,
)


def _deletion(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means 30 days (https://www.pulumi.com/registry/packages/aws/api-docs/kms/key/)."""
    days, least = resource.props.number("deletionWindowInDays"), parameters.number("leastDays")
    if days is not None and least is not None and days < least:
        yield Finding(f"deletionWindowInDays is {days:.0f}, less than {least:.0f}")


KMS_DELETION = Rule(
    id="aws-kms-deletion",
    title="A KMS key waits long enough before it is deleted",
    why="With the key every image that it encrypted is gone. A week passes in a holiday. Short-lived stacks do without, so this is advice.",
    fix="Leave deletionWindowInDays unset, which is 30 days.",
    level=Level.ADVISORY,
    types=KMS_KEYS,
    parameters={"leastDays": Parameter(14, "The shortest waiting period that is accepted, 7 to 30.")},
    check=_deletion,
)
