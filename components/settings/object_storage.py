"""The settings of object storage: S3 (AWS and compatible servers) and Azure Blob."""

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from cryptography import x509
from pydantic import AfterValidator, Field, SecretStr, model_validator

from components.settings.base import SettingsGroup

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Dots are allowed by S3, but the certificate of AWS does not cover such a name.
_BUCKET_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
# https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_CONTAINER = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")
_KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+")
MAX_ACCESS_KEYS = 2
"""IAM allows two access keys a user (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""


def _bucket(value: str) -> str:
    if not _BUCKET.fullmatch(value) or ".." in value:
        raise ValueError("must be 3 to 63 lower-case letters, digits, dots and dashes, with a letter or digit at both ends")
    if value.startswith(_BUCKET_PREFIXES) or value.endswith(_BUCKET_SUFFIXES):
        raise ValueError("begins or ends with something that S3 keeps for itself, such as xn-- or -s3alias")
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return value
    raise ValueError("must not look like an IP address")


def _region(value: str) -> str:
    if not _REGION.fullmatch(value):
        raise ValueError("must be an AWS region such as eu-central-1")
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*", value):
        raise ValueError("must be a path such as registry/prod: letters, digits, dots, dashes, without a slash at the ends")
    return value


def _endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("must be a URL such as https://s3.example.com:9000, without account, query or fragment")
    return value.rstrip("/")


def _kms_key(value: str) -> str:
    if not _KMS_KEY.fullmatch(value):
        raise ValueError(
            "must be the ARN of a KMS key, arn:aws:kms:<region>:<account>:key/<id>, not of an alias, which no IAM policy takes; "
            "`aws kms describe-key --key-id <alias or id> --query KeyMetadata.Arn` shows it"
        )
    return value


def key_elsewhere(key: str, arn: str, region: str) -> list[str]:
    """The problem of a KMS key that is in another region than what it is to encrypt, if it is."""
    match = _KMS_KEY.fullmatch(arn)
    if match is None or match["region"] == region:
        return []
    return [f"{key} has a key in {match['region']}, but region is {region}: take one of the same region"]


def _pem(value: str) -> str:
    try:
        x509.load_pem_x509_certificates(value.encode())
    except ValueError:
        raise ValueError("is no PEM certificate: it must begin with -----BEGIN CERTIFICATE-----") from None
    return value


def _account(value: str) -> str:
    if not _ACCOUNT.fullmatch(value):
        raise ValueError("must be 3 to 24 lower-case letters and digits")
    return value


def _container(value: str) -> str:
    if not _CONTAINER.fullmatch(value):
        raise ValueError("must be 3 to 63 lower-case letters, digits and single dashes, with a letter or digit at both ends")
    return value


Endpoint = Annotated[str, AfterValidator(_endpoint)]
KmsKey = Annotated[str, AfterValidator(_kms_key)]
Region = Annotated[str, AfterValidator(_region)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Pem = Annotated[str, AfterValidator(_pem)]


def is_private(endpoint: str) -> bool:
    """Whether an endpoint's host is one that clients elsewhere can't be expected to reach: a private address or a name without a dot."""
    host = urlsplit(endpoint).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".localhost"))


class S3Settings(SettingsGroup):
    """Blobs in S3. Without `endpoint`, in AWS: a bucket is created, or an existing one is used as it is.
    With `endpoint`, in any S3-compatible server: nothing is created, and the server's own bucket and credentials are used."""

    bucket: Annotated[str, AfterValidator(_bucket)] = Field(description="Name of the bucket.")
    region: Region = Field(default="us-east-1", description="Region of the bucket.")
    prefix: Prefix | None = Field(default=None, description="Folder inside the bucket that everything lies under.")
    create_bucket: bool = Field(
        default=True,
        description="`true`: the bucket is made, private, encrypted, versioned. `false`: it exists, and nothing about it is changed.",
    )
    endpoint: Endpoint | None = Field(default=None, description="URL of an S3-compatible server, as the replicas reach it.")
    ca_certificate: Pem | None = Field(default=None, description="PEM: the CA of the endpoint, where it is a private one.")
    access_key_id: str | None = Field(
        default=None, min_length=1, description="With `endpoint`, or an existing bucket: an access key of your own. Otherwise one is made."
    )
    secret_access_key: SecretStr | None = Field(default=None, description="Belongs to `accessKeyId`. Set it with --secret.")
    access_keys: tuple[str, ...] = Field(
        default=("1",),
        description="Labels of the access keys that are made, one or two; the first is used. To rotate: put a new label first, `make up`, "
        "then remove the old label, `make up`.",
    )
    redirect: bool | None = Field(
        default=None, description="Whether clients fetch blobs from the storage directly. Default: `true` in AWS, `false` with `endpoint`."
    )
    kms_key: KmsKey | None = Field(
        default=None,
        description="ARN of the KMS key that encrypts the bucket, for an existing one that of its default encryption. Default: SSE-S3. "
        "When you change or remove it, put the old one into `kmsKeysOfOldImages`.",
    )
    kms_keys_of_old_images: tuple[KmsKey, ...] = Field(
        default=(), description="ARNs of former KMS keys: images that were pushed under them can be read. Never leave one out."
    )
    access_log_bucket: Annotated[str, AfterValidator(_bucket)] | None = Field(
        default=None, description="An existing bucket that takes the access log."
    )
    noncurrent_days: int = Field(default=30, ge=1, le=3650, description="Days that overwritten and deleted objects can still be restored.")

    @property
    def in_aws(self) -> bool:
        """Whether the bucket is AWS's own."""
        return self.endpoint is None

    @property
    def redirects(self) -> bool:
        """Whether clients are sent to the storage."""
        return self.in_aws if self.redirect is None else self.redirect

    def _endpoint_problems(self, endpoint: str) -> list[str]:
        aws_only = {
            "kmsKey": self.kms_key,
            "kmsKeysOfOldImages": self.kms_keys_of_old_images,
            "accessLogBucket": self.access_log_bucket,
        }
        problems = [f"{key} is a thing of AWS: remove it, or remove endpoint" for key, value in aws_only.items() if value]
        if not self.access_key_id:
            problems.append("endpoint needs accessKeyId and secretAccessKey: nothing is created on an S3-compatible server")
        if "create_bucket" in self.model_fields_set and self.create_bucket:
            problems.append("createBucket: true does nothing with endpoint: make the bucket on the server, and remove createBucket")
        if self.redirect and is_private(endpoint):
            problems.append(f"redirect would send clients to {endpoint}, which they can't reach: remove redirect")
        if self.ca_certificate and endpoint.startswith("http://"):
            problems.append("caCertificate would be ignored with an http:// endpoint: use https://, or remove it")
        return problems

    def _aws_problems(self) -> list[str]:
        problems: list[str] = []
        if self.ca_certificate:
            problems.append("caCertificate belongs to endpoint: AWS has a public CA")
        if self.access_key_id and self.create_bucket:
            problems.append("accessKeyId is for an existing bucket: set createBucket to false, or leave the keys out and they are made")
        if "." in self.bucket:
            problems.append(f"bucket {self.bucket} has a dot: AWS's certificate does not cover such a name, so choose one without")
        return [*problems, *self._kms_problems()]

    def _kms_problems(self) -> list[str]:
        problems = key_elsewhere("kmsKey", self.kms_key, self.region) if self.kms_key else []
        old = self.kms_keys_of_old_images
        for number, arn in enumerate(old):
            problems += key_elsewhere(f"kmsKeysOfOldImages[{number}]", arn, self.region)
        if len(set(old)) != len(old) or self.kms_key in old:
            problems.append("kmsKeysOfOldImages must be different keys, and none of them kmsKey: name each key once")
        if old and self.access_key_id:
            problems.append(
                "kmsKeysOfOldImages would be ignored with accessKeyId: allow kms:Decrypt to the user of that key, and remove it here"
            )
        return problems

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        problems: list[str] = []
        if bool(self.access_key_id) != bool(self.secret_access_key):
            problems.append("accessKeyId and secretAccessKey belong together: set both, or neither")
        problems += self._endpoint_problems(self.endpoint) if self.endpoint else self._aws_problems()
        if not self.create_bucket and self.access_log_bucket:
            problems.append("accessLogBucket would change an existing bucket: set it there, and remove it here")
        if not 1 <= len(self.access_keys) <= MAX_ACCESS_KEYS or len(set(self.access_keys)) != len(self.access_keys):
            problems.append("accessKeys must be one or two different labels: AWS allows two access keys a user")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class AzureBlobSettings(SettingsGroup):
    """Blobs in Azure. A storage account and a container are created, or existing ones are used as they are.
    With `endpoint`, in another cloud or an emulator: nothing is created."""

    account: Annotated[str, AfterValidator(_account)] = Field(description="Name of the storage account; unique in all of Azure.")
    container: Annotated[str, AfterValidator(_container)] = Field(default="registry", description="Name of the blob container.")
    prefix: Prefix | None = Field(default=None, description="Folder inside the container that everything lies under. Registry 3 only.")
    create_account: bool = Field(
        default=True, description="`true`: account and container are made. `false`: they exist, and nothing about them is changed."
    )
    resource_group: str | None = Field(
        default=None, min_length=1, max_length=90, description="An existing resource group. Default: one is made, named like the stack."
    )
    location: str | None = Field(default=None, min_length=1, description="Region of what is made, e.g. westeurope.")
    endpoint: Endpoint | None = Field(
        default=None, description="Blob service URL of another cloud or an emulator, e.g. http://azurite:10000/devstoreaccount1."
    )
    account_key: SecretStr | None = Field(
        default=None, description="The shared key. Needed with `endpoint`; for an account of Azure it is looked up. Set it with --secret."
    )
    key: Literal["key1", "key2"] = Field(
        default="key1", description="Which of the account's two keys is used. To rotate: regenerate the other one, change this, `make up`."
    )
    redundancy: Literal["Standard_LRS", "Standard_ZRS", "Standard_GRS", "Standard_GZRS"] = Field(
        default="Standard_ZRS", description="How many copies Azure keeps, and where."
    )
    infrastructure_encryption: bool = Field(default=False, description="A second layer of encryption; can't be changed later.")
    soft_delete_days: int = Field(default=30, ge=1, le=365, description="Days that deleted blobs and containers can be restored.")
    redirect: bool | None = Field(
        default=None,
        description="Whether clients fetch blobs from the storage directly. Default: `true` in Azure, `false` with `endpoint`.",
    )

    @property
    def in_azure(self) -> bool:
        """Whether the account is Azure's own."""
        return self.endpoint is None

    @property
    def redirects(self) -> bool:
        """Whether clients are sent to the storage."""
        return self.in_azure if self.redirect is None else self.redirect

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        problems: list[str] = []
        if self.endpoint:
            if not self.account_key:
                problems.append("endpoint needs accountKey: nothing is created or looked up there")
            if "create_account" in self.model_fields_set and self.create_account:
                problems.append(
                    "createAccount: true does nothing with endpoint: make account and container there, and remove createAccount"
                )
            if self.redirect and is_private(self.endpoint):
                problems.append(f"redirect would send clients to {self.endpoint}, which they can't reach: remove redirect")
        elif self.create_account:
            if not self.location:
                problems.append("location is needed for what is made: set it to a region such as westeurope")
            if self.account_key:
                problems.append("accountKey is for an existing account: set createAccount to false, or leave it out and it is looked up")
        elif not self.resource_group and not self.account_key:
            problems.append("an existing account needs resourceGroup, to look its key up, or accountKey")
        if problems:
            raise ValueError("\n".join(problems))
        return self
