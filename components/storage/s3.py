"""Blobs in S3: a bucket of AWS, new or existing, or any S3-compatible server."""

import json
from dataclasses import dataclass

import pulumi

from bundle.model import File, RegistryMajor, StorageSpec, SweeperSpec
from bundle.registry_config import CONFIG_DIR
from components.settings.object_storage import S3Settings
from components.storage.access import Identity, RoleAccess
from components.storage.s3_policy import identity_policy

CA_FILE = "registry/storage-ca.crt"
CHUNK_BYTES = 32 * 1024 * 1024
"""Part size of a multi-part upload: 10,000 parts (S3's limit) reach 320 GB, and a replica holds a few parts in memory."""


@dataclass(frozen=True)
class S3StorageArgs:
    """The settings, the registry's version (its keys differ), what replicas show to S3, and whether the bucket may be deleted."""

    s3: S3Settings
    registry_major: RegistryMajor
    identity: Identity
    allow_destroy: bool


def s3_spec(settings: S3Settings, major: RegistryMajor, identity: Identity = Identity.KEY) -> StorageSpec:
    """The storage record, without credentials."""
    parameters: dict[str, object] = {"bucket": settings.bucket, "region": settings.region, "chunksize": CHUNK_BYTES}
    if settings.prefix:
        parameters["rootdirectory"] = f"/{settings.prefix}"
    if settings.kms_key:
        parameters |= {"encrypt": True, "keyid": settings.kms_key}
    files: tuple[File, ...] = ()
    environment: dict[str, str] = {}
    if settings.endpoint:
        parameters |= {"regionendpoint": settings.endpoint, "secure": settings.endpoint.startswith("https://")}
        if major is RegistryMajor.V3:
            # Version 2 does so by itself with an endpoint (D#4528).
            parameters["forcepathstyle"] = True
        if settings.ca_certificate:
            files = (File(CA_FILE, settings.ca_certificate),)
            # Go reads this file in place of the system's; the folder with the system's CAs is still read
            # (https://pkg.go.dev/crypto/x509#SystemCertPool).
            environment["SSL_CERT_FILE"] = f"{CONFIG_DIR}/{CA_FILE.partition('/')[2]}"
    return StorageSpec(
        driver="s3",
        parameters=parameters,
        sweeper=_sweeper(settings, identity),
        redirect=settings.redirects,
        files=files,
        environment=environment,
    )


def _sweeper(settings: S3Settings, identity: Identity) -> SweeperSpec:
    section = {"type": "s3", "provider": "AWS" if settings.in_aws else "Other", "region": settings.region, "no_check_bucket": "true"}
    if settings.endpoint:
        section |= {"endpoint": settings.endpoint, "force_path_style": "true"}
    root = f"{settings.bucket}/{settings.prefix}" if settings.prefix else settings.bucket
    if identity is Identity.ROLE:
        # From the host's metadata service (https://rclone.org/s3/#authentication). The registry's driver does so by itself without keys.
        return SweeperSpec({**section, "env_auth": "true"}, root)
    return SweeperSpec(section, root, {"access_key_id": "accesskey", "secret_access_key": "secretkey"})


class S3Storage(pulumi.ComponentResource):
    """In AWS: a private, encrypted, versioned bucket (unless it exists). For hosts elsewhere also an IAM user that may use the registry's
    prefix of it only; for hosts in AWS the same policy for their role, and no key at all.

    With an endpoint, or with an access key from the settings, no resource at all.
    """

    spec: StorageSpec
    values: pulumi.Output[dict[str, str]]
    """`accesskey` and `secretkey`, secret; empty where a role is used."""
    access: RoleAccess | None
    """What the hosts' role needs; None where a key is used."""

    def __init__(self, name: str, args: S3StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:S3Storage", name, None, opts)
        self._name = name
        self._args = args
        self.spec = s3_spec(args.s3, args.registry_major, args.identity)
        self.values = pulumi.Output.from_input({})
        self.access = None
        settings = args.s3
        if settings.access_key_id and settings.secret_access_key:
            keys = {"accesskey": settings.access_key_id, "secretkey": settings.secret_access_key.get_secret_value()}
            self.values = pulumi.Output.secret(keys)
        else:
            self._create_in_aws(settings)
        self.register_outputs({})

    def _create_in_aws(self, settings: S3Settings) -> None:
        # A second and more to import, and only AWS needs it.
        from components.aws_account import provider  # noqa: PLC0415
        from components.storage.s3_bucket import S3Bucket, S3BucketArgs, existing_bucket_arn  # noqa: PLC0415

        account = provider(self._name, settings.region, self)
        child = pulumi.ResourceOptions(parent=self, providers=[account])
        ready: list[pulumi.Output[str]] = []
        arn = pulumi.Output.from_input(existing_bucket_arn(settings.bucket, settings.region))
        if settings.create_bucket:
            made = S3BucketArgs(
                purpose="images",
                bucket=settings.bucket,
                allow_destroy=self._args.allow_destroy,
                kms_key=settings.kms_key,
                access_log_bucket=settings.access_log_bucket,
                noncurrent_days=settings.noncurrent_days,
            )
            bucket = S3Bucket(self._name, made, child)
            arn = bucket.arn
            ready.append(bucket.ready)
        if self._args.identity is Identity.ROLE:
            self.access = RoleAccess(self._role_policy(settings, arn, ready), account)
        else:
            self.values = self._user_keys(settings, arn, ready, child)

    @staticmethod
    def _role_policy(settings: S3Settings, arn: pulumi.Output[str], ready: list[pulumi.Output[str]]) -> pulumi.Output[str]:
        found = pulumi.Output.all(arn, *ready)
        return found.apply(
            lambda all_: json.dumps(identity_policy(str(all_[0]), settings.prefix, settings.kms_key, settings.kms_keys_of_old_images))
        )

    def _user_keys(
        self, settings: S3Settings, arn: pulumi.Output[str], ready: list[pulumi.Output[str]], child: pulumi.ResourceOptions
    ) -> pulumi.Output[dict[str, str]]:
        from components.storage.s3_user import S3User, S3UserArgs  # noqa: PLC0415

        user = S3User(self._name, S3UserArgs(settings, arn), child)
        found = pulumi.Output.all(user.access_key_id, user.secret_access_key, *ready)
        return pulumi.Output.secret(found.apply(lambda all_: {"accesskey": str(all_[0]), "secretkey": str(all_[1])}))
