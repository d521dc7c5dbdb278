"""The settings of a stack, typed and validated. The configuration reference (docs/config.md) is generated from these models.

Every rule speaks in the user's words, because its text is what the user gets to read. No network, no file, no pulumi.
"""

import ipaddress
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from bundle.model import Cache, RegistryMajor
from bundle.operations import OPS_ACCOUNT
from components.settings.aws import AwsSettings
from components.settings.base import SettingsGroup
from components.settings.object_storage import AzureBlobSettings, S3Settings
from components.settings.operations import GcSettings, RetentionSettings, VerifySettings
from components.settings.provided_certificate import problems_of_pair

MAX_REPLICAS = 16
MAX_HOSTS = 20
DEFAULT_HOSTS = 2
HTTPS_PORT = 443
BCRYPT_MAX_BYTES = 72
"""bcrypt ignores everything after that; golang.org/x/crypto/bcrypt refuses it."""

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.IGNORECASE)
# The part of the distribution reference grammar that matters here: a name, then a tag or a digest.
_IMAGE = re.compile(r"[a-z0-9][\w.:/-]*?(:(?P<tag>[\w][\w.-]{0,127}))?(@sha256:[0-9a-f]{64})?", re.ASCII)
_ACCOUNT = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_FORGETS_TAGS = ("3.1.0", "3.1.1")
"""https://github.com/distribution/distribution/issues/4891 (tags/list) and 4903 (catalog); fixed in 3.1.2."""
RESOURCE_PREFIX_RULE = "must be 2 to 40 lower-case letters, digits and dashes, beginning with a letter and not ending with a dash"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")


def is_ip_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _host_name(value: str) -> str:
    if is_ip_address(value):
        return value
    labels = value.split(".")
    if len(value) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("must be a DNS name such as registry.example.com or an IP address, without scheme, port or path")
    if labels[-1].isdigit():
        raise ValueError("looks like an IP address but is not a valid one")
    return value.lower()


def _certificate_name(value: str) -> str:
    return f"*.{_host_name(value[2:])}" if value.startswith("*.") else _host_name(value)


def _ip_address(value: str) -> str:
    if not is_ip_address(value):
        raise ValueError("must be an IP address of the Docker host, such as 127.0.0.1 (this machine only) or 0.0.0.0 (every interface)")
    return value


def _image(value: str) -> str:
    match = _IMAGE.fullmatch(value)
    if not match:
        raise ValueError("must be an image reference such as registry:3.1.2 or example.com/registry@sha256:<64 hex digits>")
    if not match["tag"] and "@sha256:" not in value:
        raise ValueError("must name a version: add a tag (not latest) or a digest")
    if match["tag"] == "latest" and "@sha256:" not in value:
        raise ValueError("must not be latest, which names another image tomorrow: write the version as the tag, or a digest")
    return value


def _account_name(value: str) -> str:
    if value == OPS_ACCOUNT:
        raise ValueError("is the name of the stack's own account for its operations: choose another")
    if not _ACCOUNT.fullmatch(value):
        raise ValueError("must be 1 to 64 lower-case letters, digits, dots, dashes or underscores, with a letter or digit at both ends")
    return value


def is_resource_prefix(value: str) -> bool:
    """Whether every platform takes names that begin so (RESOURCE_PREFIX_RULE)."""
    return _NAME.fullmatch(value) is not None


def _resource_prefix(value: str) -> str:
    if not is_resource_prefix(value):
        raise ValueError(RESOURCE_PREFIX_RULE)
    return value


def _password(value: SecretStr) -> SecretStr:
    size = len(value.get_secret_value().encode())
    if size < 12:
        raise ValueError("must have at least 12 characters; leave it out and a random one is made")
    if size > BCRYPT_MAX_BYTES:
        raise ValueError(f"must have at most {BCRYPT_MAX_BYTES} bytes, which is all that bcrypt reads")
    return value


def _docker_host(value: str) -> str:
    if not value.startswith(("unix://", "tcp://", "ssh://")) or len(value.split("://", 1)[1]) == 0:
        raise ValueError("must be unix:///path/to/docker.sock, ssh://user@host[:port] or tcp://host:port")
    return value


HostName = Annotated[str, AfterValidator(_host_name)]
CertificateName = Annotated[str, AfterValidator(_certificate_name)]
IpAddress = Annotated[str, AfterValidator(_ip_address)]
Image = Annotated[str, AfterValidator(_image)]
AccountName = Annotated[str, AfterValidator(_account_name)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]


class Platform(StrEnum):
    """Where hosts run."""

    DOCKER = "docker"
    AWS = "aws"


class Storage(StrEnum):
    """Where blobs live."""

    FILESYSTEM = "filesystem"
    S3 = "s3"
    AZURE = "azure"


PAIRS: Mapping[Platform, tuple[Storage, ...]] = {
    Platform.DOCKER: (Storage.FILESYSTEM, Storage.S3, Storage.AZURE),
    Platform.AWS: (Storage.S3,),
}
"""Which storages hosts of a platform can share."""


class ImagesSettings(SettingsGroup):
    """Container images. A tag or a digest is needed; `latest` is refused."""

    registry: Image = Field(default="registry:3.1.2", description="The registry: 3.1.2 or newer of 3.x, or 2.8.3.")
    edge: Image = Field(default="nginx:1.28.0-alpine", description="nginx of the edge, 1.19.5 or newer.")
    redis: Image = Field(default="redis:8.2.1-alpine", description="Redis, for the cache.")
    ops: Image = Field(default="python:3.13.7-slim", description="Python 3.11 or newer, for the service that looks after the images.")
    sweeper: Image = Field(default="rclone/rclone:1.71.0", description="rclone, for the service that moves blobs to quarantine and back.")
    config: Image = Field(default="busybox:1.37.0", description="busybox, for the service that distributes files.")


class RegistrySettings(SettingsGroup):
    """The registry itself."""

    log_level: Literal["error", "warn", "info", "debug"] = Field(default="info", description="How much the replicas log.")
    major_version: Literal[2, 3] | None = Field(
        default=None, description="Major version of `images.registry`. Read from the image's tag; needed only where the tag doesn't say it."
    )


class TlsMode(StrEnum):
    """Where the edge's certificate comes from."""

    PRIVATE_CA = "private-ca"
    PROVIDED = "provided"
    ACM = "acm"


class TlsSettings(SettingsGroup):
    """The certificate of the edge. TLS can't be switched off."""

    mode: TlsMode = Field(
        default=TlsMode.PRIVATE_CA,
        description="`private-ca`: a CA of this stack issues it; `provided`: `certificate` and `privateKey` are used; `acm`: clients see a "
        "certificate of AWS (`aws.certificateArn`) on the load balancer, which speaks TLS to the edges, too.",
    )
    extra_names: tuple[CertificateName, ...] = Field(
        default=(), description="More DNS names and IP addresses that the private CA's certificate is valid for."
    )
    validity_days: int = Field(default=397, ge=2, le=825, description="Lifetime of the private CA's server certificate, in days.")
    renew_before_days: int = Field(
        default=60, ge=1, description="A `pulumi up` this many days before its end renews the server certificate."
    )
    ca_validity_days: int = Field(default=3650, ge=30, le=7300, description="Lifetime of the private CA, in days.")
    certificate: str | None = Field(
        default=None, description="PEM: the server's certificate, then its intermediates. With `provided` only."
    )
    private_key: SecretStr | None = Field(
        default=None, description="PEM: the certificate's private key, unencrypted. Set it with --secret."
    )
    ca_certificate: str | None = Field(
        default=None, description="PEM: the CA that clients must trust, with `provided`. Leave it out when the CA is a public one."
    )

    @model_validator(mode="after")
    def _fits_mode(self) -> Self:
        given = {"certificate": self.certificate, "privateKey": self.private_key, "caCertificate": self.ca_certificate}
        if self.mode is TlsMode.PROVIDED:
            missing = [key for key in ("certificate", "privateKey") if not given[key]]
            if missing:
                raise ValueError(f"mode provided needs {' and '.join(missing)}")
            if self.extra_names:
                raise ValueError("extraNames belongs to mode private-ca: a provided certificate already says its names")
        else:
            unused = [key for key, value in given.items() if value]
            if unused:
                raise ValueError(f"{' and '.join(unused)} would be ignored with mode {self.mode}: remove, or set mode to provided")
        if self.mode is TlsMode.ACM and self.extra_names:
            raise ValueError("extraNames belongs to mode private-ca: the certificate of AWS already says its names")
        if self.renew_before_days >= self.validity_days:
            raise ValueError("renewBeforeDays must be less than validityDays, or the certificate would be renewed at every pulumi up")
        return self


class UserSettings(SettingsGroup):
    """An account of the registry."""

    name: AccountName = Field(description="The account's name.")
    password: Annotated[SecretStr, AfterValidator(_password)] | None = Field(
        default=None, description="The password, 12 to 72 bytes. Leave it out: a random one of 190 bits is made. Set it with --secret."
    )
    rotation: str | None = Field(default=None, description="Any text. A changed text makes a new random password.")

    @model_validator(mode="after")
    def _rotation_needs_a_generated_password(self) -> Self:
        if self.password and self.rotation:
            raise ValueError("rotation changes generated passwords only: remove it, or remove password")
        return self


class AuthSettings(SettingsGroup):
    """Who may use the registry. Authentication can't be switched off."""

    mode: Literal["htpasswd"] = Field(default="htpasswd", description="`htpasswd`: the accounts in `users`, each with full access.")
    users: tuple[UserSettings, ...] = Field(default=(UserSettings(name="admin"),), description="The accounts.")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        if not self.users:
            raise ValueError("users needs at least one account, or nobody can push or pull")
        names = [user.name for user in self.users]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"users has {', '.join(twice)} more than once: an account's name must be unique")
        return self


class DockerSettings(SettingsGroup):
    """The Docker engine that runs the stack."""

    host: Annotated[str, AfterValidator(_docker_host)] | None = Field(
        default=None, description="The engine: unix://, ssh:// or tcp://. Without it the DOCKER_HOST of your shell, or the local socket."
    )
    ssh_options: tuple[str, ...] = Field(default=(), description="Options for ssh, one element each, e.g. -o, StrictHostKeyChecking=yes.")
    bind_address: IpAddress = Field(default="0.0.0.0", description="Address of the Docker host that the ports are published on.")  # noqa: S104

    @model_validator(mode="after")
    def _ssh_options_need_ssh(self) -> Self:
        if self.ssh_options and not (self.host or "").startswith("ssh://"):
            raise ValueError("sshOptions needs a host that begins with ssh://")
        return self


class Settings(SettingsGroup):
    """Everything a stack file can say, under the prefix `private-registry:`."""

    platform: Platform = Field(
        default=Platform.DOCKER,
        description="Where hosts run: `docker`, one Docker engine with any storage; `aws`, a fleet of VMs with storage `s3`.",
    )
    storage: Storage = Field(
        default=Storage.FILESYSTEM,
        description="Where blobs live: `filesystem`, a volume of the Docker host; `s3`, AWS or a compatible server; `azure`, Azure Blob.",
    )
    name: Annotated[str, AfterValidator(_resource_prefix)] | None = Field(
        default=None,
        description="Prefix of everything the stack creates. Default: `registry-<stack>`. Changing it makes a new, empty registry.",
    )
    hostname: HostName = Field(description="The name that clients use, e.g. registry.example.com.")
    port: PortNumber = Field(default=443, description="The published HTTPS port.")
    redirect_port: PortNumber | None = Field(
        default=None,
        description="A published port that sends plain HTTP to HTTPS; usually 80. Plain HTTP on `port` itself is always redirected.",
    )
    hosts: int | None = Field(
        default=None,
        ge=1,
        le=MAX_HOSTS,
        description=f"Number of hosts of a fleet. Default: {DEFAULT_HOSTS}; with 1, pushes and pulls fail after its loss for some minutes.",
    )
    replicas: int = Field(default=2, ge=1, le=MAX_REPLICAS, description="Registry containers a host.")
    cache: Cache = Field(
        default=Cache.REDIS, description="Where blob descriptors are cached: `redis`, `inmemory` (one replica only) or `none`."
    )
    images: ImagesSettings = Field(default_factory=ImagesSettings, description="The container images.")
    registry: RegistrySettings = Field(default_factory=RegistrySettings, description="The registry itself.")
    tls: TlsSettings = Field(default_factory=TlsSettings, description="The certificate of the edge.")
    auth: AuthSettings = Field(default_factory=AuthSettings, description="Accounts.")
    s3: S3Settings | None = Field(default=None, description="With `storage: s3`.")
    azure_blob: AzureBlobSettings | None = Field(default=None, description="With `storage: azure`.")
    gc: GcSettings = Field(default_factory=GcSettings, description="Garbage collection.")
    retention: RetentionSettings = Field(default_factory=RetentionSettings, description="Retention.")
    verify: VerifySettings = Field(default_factory=VerifySettings, description="Verification.")
    docker: DockerSettings = Field(default_factory=DockerSettings, description="The Docker engine, with `platform: docker`.")
    aws: AwsSettings | None = Field(default=None, description="With `platform: aws`.")
    allow_destroy: bool = Field(
        default=False, description="Whether `pulumi destroy` may delete the stored images. `make down` keeps them otherwise."
    )

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        problems: list[str] = []
        if self.cache is Cache.INMEMORY and self.replicas > 1:
            problems.append(
                "cache inmemory with more than one replica would let each replica believe in blobs that another one deleted: "
                "set cache to redis or none, or replicas to 1"
            )
        if self.cache is Cache.INMEMORY and self.gc.schedule:
            problems.append(
                "cache inmemory with gc.schedule would believe in blobs that a collection took, and later pushes would be corrupt: "
                "set cache to redis or none"
            )
        problems += self._storage_problems()
        problems += self._platform_problems()
        if self.redirect_port == self.port:
            problems.append(f"redirectPort must differ from port ({self.port}), which redirects plain HTTP by itself")
        if self.registry.major_version is None and major_of(self.images.registry) is None:
            problems.append(
                f"images.registry ({self.images.registry}) does not say its major version in its tag: set registry.majorVersion to 2 or 3"
            )
        if self.tls.certificate and self.tls.private_key:
            found = problems_of_pair(
                self.tls.certificate, self.tls.private_key.get_secret_value(), self.tls.ca_certificate, self.hostname, datetime.now(UTC)
            )
            problems += [f"tls.{problem}" for problem in found]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _storage_problems(self) -> list[str]:
        groups = {Storage.S3: ("s3", self.s3), Storage.AZURE: ("azureBlob", self.azure_blob)}
        problems: list[str] = []
        for kind, (key, group) in groups.items():
            if self.storage is kind and group is None:
                problems.append(f"storage {kind} needs the group {key}: see docs/config.md")
            if self.storage is not kind and group is not None:
                problems.append(f"{key} would be ignored with storage {self.storage}: remove it, or set storage to {kind}")
        if self.azure_blob and self.azure_blob.endpoint and major_of(self.images.registry) == RegistryMajor.V2:
            problems.append(
                "azureBlob.endpoint needs registry 3: version 2 can't reach another endpoint, so remove it or set images.registry"
            )
        if self.azure_blob and self.azure_blob.prefix and major_of(self.images.registry) == RegistryMajor.V2:
            problems.append("azureBlob.prefix needs registry 3: version 2 writes to the root of the container")
        if self.storage is Storage.S3 and _tag_of(self.images.registry).removeprefix("v").partition("-")[0] in _FORGETS_TAGS:
            problems.append(
                f"images.registry ({self.images.registry}) leaves tags and repositories out of its lists with storage s3, and what is not "
                "listed is taken for unused: set it to registry:3.1.2 or newer"
            )
        return problems

    def _platform_problems(self) -> list[str]:
        allowed = PAIRS[self.platform]
        problems: list[str] = []
        if self.storage not in allowed:
            problems.append(
                f"platform {self.platform} with storage {self.storage} is no pair: hosts of platform {self.platform} share "
                f"{' or '.join(allowed)}, so set storage to {'that' if len(allowed) == 1 else 'one of them'}, or platform to docker"
            )
        match self.platform:
            case Platform.DOCKER:
                return [*problems, *self._docker_problems()]
            case Platform.AWS:
                return [*problems, *self._fleet_problems(), *self._aws_problems()]

    def _docker_problems(self) -> list[str]:
        problems: list[str] = []
        if self.aws is not None:
            problems.append("aws would be ignored with platform docker: remove it, or set platform to aws")
        if self.hosts is not None:
            problems.append("hosts belongs to a fleet: platform docker is one host, so remove it, or set platform to aws")
        if self.tls.mode is TlsMode.ACM:
            problems.append("tls.mode acm is a certificate on a load balancer of AWS: set tls.mode to private-ca or provided")
        return problems

    def _fleet_problems(self) -> list[str]:
        """What holds for several hosts behind a load balancer, in whichever cloud."""
        problems: list[str] = []
        if self.docker != DockerSettings():
            problems.append(f"docker would be ignored with platform {self.platform}: remove it, or set platform to docker")
        if self.port != HTTPS_PORT:
            problems.append(f"port must be {HTTPS_PORT} with platform {self.platform}, where the load balancer listens: remove port")
        if self.redirect_port:
            problems.append(f"redirectPort can't be reached with platform {self.platform}, whose load balancer takes HTTPS only: remove it")
        if is_ip_address(self.hostname):
            problems.append(f"hostname must be a DNS name with platform {self.platform}: a load balancer's addresses change")
        if self.cache is Cache.INMEMORY:
            problems.append("cache inmemory would let each host believe in blobs that another one deleted: set cache to redis or none")
        major, tag = self.registry.major_version or major_of(self.images.registry), _tag_of(self.images.registry)
        if major == RegistryMajor.V2 or re.match(r"v?3\.0(\D|$)", tag):
            problems.append(
                f"images.registry ({self.images.registry}) can't speak TLS to Redis, which platform {self.platform} demands: "
                "set it to registry:3.1.2 or newer"
            )
        return problems

    def _aws_problems(self) -> list[str]:
        problems: list[str] = []
        if self.aws is None:
            problems.append("platform aws needs the group aws: see docs/config.md")
        if self.s3:
            problems += self._aws_storage_problems(self.s3)
        acm, arn = self.tls.mode is TlsMode.ACM, self.aws.certificate_arn if self.aws else None
        if self.aws and acm and not arn:
            problems.append("tls.mode acm needs aws.certificateArn: the certificate's ARN")
        if arn and not acm:
            problems.append(f"aws.certificateArn would be ignored with tls.mode {self.tls.mode}: remove it, or set tls.mode to acm")
        return problems

    def _aws_storage_problems(self, s3: S3Settings) -> list[str]:
        if s3.endpoint:
            return ["s3.endpoint is for platform docker: hosts in AWS use a bucket of AWS with their role, so remove it"]
        problems: list[str] = []
        if s3.access_key_id:
            problems.append("s3.accessKeyId is for platform docker: hosts in AWS have a role and need no key, so remove it")
        if "access_keys" in s3.model_fields_set:
            problems.append("s3.accessKeys is for platform docker: hosts in AWS have a role and need no key, so remove it")
        if self.aws and s3.region != self.aws.region:
            problems.append(
                f"s3.region ({s3.region}) must be aws.region ({self.aws.region}): from another region each pull would be paid for and slow"
            )
        return problems

    @property
    def host_count(self) -> int:
        """How many hosts a fleet has."""
        return DEFAULT_HOSTS if self.hosts is None else self.hosts

    @property
    def registry_major(self) -> RegistryMajor:
        """Major version of the registry's image."""
        major = self.registry.major_version or major_of(self.images.registry)
        if major is None:
            raise AssertionError("validated above")
        return RegistryMajor(major)


def _tag_of(image: str) -> str:
    return image.split("@", 1)[0].rpartition(":")[2]


def major_of(image: str) -> int | None:
    """The major version that an image's tag names, if it is one that we know: `registry:2` and `registry:2.8.3` are 2."""
    match = re.fullmatch(r"v?([23])(\..*|-.*)?", _tag_of(image))
    return int(match[1]) if match else None
