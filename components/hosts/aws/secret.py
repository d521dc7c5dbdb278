"""The one secret of a fleet: everything that a host must know and nobody else may."""

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from bundle.markers import secret_values
from bundle.model import Values

RECOVERY_DAYS = 30
MIN_RECOVERY_DAYS = 7
"""Of a short-lived stack; AWS takes 7 to 30 (or 0, which the policy pack advises against)."""


@dataclass(frozen=True)
class HostSecretArgs:
    """`values` is secret, and complete: with the address of Redis."""

    values: pulumi.Output[Values]
    kms_key: str | None
    allow_destroy: bool


class HostSecret(pulumi.ComponentResource):
    """A secret in Secrets Manager with the keys of bundle.markers.SECRET_KEYS as JSON. Hosts look for a new version every few minutes.

    Its name ends in random letters: a deleted secret keeps its name for the days in which it can be had back.
    """

    arn: pulumi.Output[str]
    current: pulumi.Resource
    """The version with the values: before it a host has nothing to start with."""

    def __init__(self, name: str, args: HostSecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsHostSecret", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        secret = aws.secretsmanager.Secret(
            f"{name}-hosts",
            description=f"What the hosts of {name} need: certificate, accounts, passwords",
            kms_key_id=args.kms_key,
            recovery_window_in_days=MIN_RECOVERY_DAYS if args.allow_destroy else RECOVERY_DAYS,
            opts=child,
        )
        text = args.values.apply(lambda values: json.dumps(secret_values(values)))
        self.current = aws.secretsmanager.SecretVersion(
            f"{name}-hosts", secret_id=secret.id, secret_string=pulumi.Output.secret(text), opts=child
        )
        self.arn = secret.arn
        self.register_outputs({"arn": self.arn})
