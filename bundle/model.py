"""The vocabulary of a bundle: what goes in (`BundleSpec`, `Values`) and what comes out (`Bundle`, `File`, `Service`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

SERVICE_UID = 10001
"""User and group id that every service except `config` runs as: no account of the host has it by default."""

HASH_LABEL = "private-registry.files"
"""Label of a container with the hash of the files that its service reads only at its start (`Service.restarts_with`)."""
STACK_LABEL = "private-registry.stack"
"""Label of everything that belongs to a stack."""


class RegistryMajor(IntEnum):
    """Major version of the registry: decides which configuration keys exist (docs/decisions/0003-registry-versions.md)."""

    V2 = 2
    V3 = 3


class Cache(StrEnum):
    """Where the registry keeps blob descriptors."""

    NONE = "none"
    INMEMORY = "inmemory"
    REDIS = "redis"


@dataclass(frozen=True)
class Images:
    """Image reference per role, each with a tag or a digest."""

    registry: str
    edge: str
    redis: str
    config: str
    ops: str
    sweeper: str


@dataclass(frozen=True)
class Mount:
    """A named volume in a container. `volume` is the short name, e.g. `storage`; the host adds the stack's prefix."""

    volume: str
    target: str
    read_only: bool = True


def _spelled(seconds: int) -> str:
    """As Go prints a duration below an hour: `45s`, `5m30s`."""
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


@dataclass(frozen=True)
class Healthcheck:
    """How the engine asks a container whether it is well (bundle/health.py makes them). Times in seconds."""

    command: tuple[str, ...]
    interval: int
    timeout: int
    retries: int = 3
    start_period: int = 25

    def times(self) -> dict[str, str]:
        """`interval`, `timeout` and `start_period` as the engine spells them; in another spelling the docker provider finds drift."""
        seconds = {"interval": self.interval, "timeout": self.timeout, "start_period": self.start_period}
        return {key: _spelled(value) for key, value in seconds.items()}


@dataclass(frozen=True)
class Port:
    """A published port. `address` is the host address it is bound to."""

    internal: int
    external: int
    address: str


@dataclass(frozen=True)
class Service:
    """One container of the bundle. Everything is plain text and numbers, so that Docker and compose say the same."""

    name: str
    image: str
    entrypoint: tuple[str, ...]
    healthcheck: Healthcheck
    memory_mib: int
    mounts: tuple[Mount, ...] = ()
    tmpfs: Mapping[str, str] = field(default_factory=dict[str, str])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    ports: tuple[Port, ...] = ()
    user: str = f"{SERVICE_UID}:{SERVICE_UID}"
    capabilities: tuple[str, ...] = ()
    read_only: bool = True
    after: tuple[str, ...] = ()
    """Services that must be healthy before this one is created or replaced."""
    restarts_with: tuple[str, ...] = ()
    """Paths of files whose change must restart this service (it reads them only at start)."""
    stop_seconds: int = 15
    stop_signal: str = "SIGTERM"
    networked: bool = True


@dataclass(frozen=True)
class Volume:
    """A named volume of data. `keep` marks the ones that hold what can't be made again."""

    name: str
    keep: bool = False


@dataclass(frozen=True)
class Values:
    """What exists only once the deployment runs: certificates, hashes and passwords. All of it is secret except `certificate_pem`."""

    certificate_pem: str
    private_key_pem: str
    htpasswd: str
    http_secret: str
    redis_password: str
    ops_password: str
    redis_host: str = "redis"
    """Where Redis answers: the bundle's own service, or the address of a managed one."""
    storage: Mapping[str, str] = field(default_factory=dict[str, str])
    """Keys of the storage driver's section that are known only now: credentials, e.g. `{"accesskey": ..., "secretkey": ...}`."""


Content = str | bytes | Callable[[Values], str]


@dataclass(frozen=True)
class File:
    """A file that one service reads. `path` is `<service group>/<name>`; the group is also the name of its volume (`files-<group>`)."""

    path: str
    content: Content
    mode: int = 0o444
    secret: bool = False

    @property
    def group(self) -> str:
        return self.path.split("/", 1)[0]

    @property
    def name(self) -> str:
        return self.path.split("/", 1)[1]

    def text(self, values: Values) -> str:
        """The finished content of a text file; TypeError for a binary one."""
        if isinstance(self.content, bytes):
            raise TypeError(f"{self.path} is no text")
        return self.content if isinstance(self.content, str) else self.content(values)


@dataclass(frozen=True)
class SweeperSpec:
    """How rclone reaches the registry's root: the section of its configuration, and the path of the root on that remote.

    `secrets` maps keys of the section to keys of `Values.storage`. `local_root` is the root as a folder, where the storage is a disk.
    """

    section: Mapping[str, str]
    root: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    local_root: str = ""


@dataclass(frozen=True)
class StorageSpec:
    """What a storage contributes to the bundle: the same record for every kind of storage.

    `driver` names the registry's storage driver and `parameters` are its keys, without the ones that only `Values.storage` knows.
    `mounts`, `files` and `environment` go to every replica.
    """

    driver: str
    parameters: Mapping[str, object]
    sweeper: SweeperSpec
    redirect: bool | None = None
    """Whether clients are sent to the storage for blobs; None where the driver can't."""
    mounts: tuple[Mount, ...] = ()
    volumes: tuple[Volume, ...] = ()
    files: tuple[File, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class OperationsSpec:
    """What the `ops` service does by itself: groups of ops.json (ops/settings.py).

    Times are in seconds, schedules are crontab fields, empty for never.
    """

    gc: Mapping[str, object] = field(default_factory=dict[str, object])
    retention: Mapping[str, object] = field(default_factory=dict[str, object])
    verify: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True)
class FleetSpec:
    """What differs on a host that is one of several: Redis is a managed one (`Values.redis_host`), which hosts also use to agree.

    `redis_ca_certificate` is the PEM of Redis's CA where it is no public one. `lease_seconds`: a host that has not been heard of for so
    long takes no writes any more, and the others no longer wait for it.
    """

    redis_port: int = 6379
    redis_tls: bool = True
    redis_ca_certificate: str | None = None
    lease_seconds: int = 15


@dataclass(frozen=True)
class BundleSpec:
    """The settings that shape a bundle. Holds no secret."""

    hostname: str
    port: int
    bind_address: str
    images: Images
    registry_major: RegistryMajor
    storage: StorageSpec
    replicas: int = 2
    cache: Cache = Cache.REDIS
    log_level: str = "info"
    redirect_port: int | None = None
    operations: OperationsSpec = field(default_factory=OperationsSpec)
    fleet: FleetSpec | None = None
    """Where the bundle runs on several hosts at once; None on a Docker host."""

    @property
    def replica_names(self) -> tuple[str, ...]:
        return tuple(f"registry-{number}" for number in range(1, self.replicas + 1))


@dataclass(frozen=True)
class Bundle:
    """Files, services in order of start, and the volumes they use."""

    files: tuple[File, ...]
    services: tuple[Service, ...]
    volumes: tuple[Volume, ...]

    def service(self, name: str) -> Service:
        """The service of that name; KeyError if there is none."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def file(self, path: str) -> File:
        """The file at that path; KeyError if there is none."""
        for file in self.files:
            if file.path == path:
                return file
        raise KeyError(path)
