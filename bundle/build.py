"""Puts a bundle together: which files, which services, in which order."""

from collections.abc import Sequence
from dataclasses import replace

from bundle import config_service, edge, operations, redis_config, registry_config
from bundle.fleet_rules import check_fleet
from bundle.health import health_check
from bundle.model import (
    Bundle,
    BundleSpec,
    Cache,
    File,
    Mount,
    Port,
    Service,
    Volume,
)

TMPFS = "rw,noexec,nosuid,nodev,size=16m,mode=1777"

_NO_EDGE = "nslookup -type=a -timeout=1 -retry=1 edge. 2>&1 | grep -qE 'NXDOMAIN|SERVFAIL|REFUSED'"
"""Whether the engine's name server knows no edge: then there is nobody who has to find a new replica. Any other answer means an edge."""
_EDGE_SECONDS = 3
"""With the interval before a replica's first check: long enough for the edge to have found it before the next replica is stopped."""


def _edge_files(spec: BundleSpec) -> tuple[File, ...]:
    return (
        File("edge/nginx.conf", edge.nginx_conf(spec)),
        File("edge/run.sh", edge.run_script(spec)),
        File("edge/replicas", edge.replica_list(spec)),
        File("edge/tls.crt", lambda values: values.certificate_pem),
        File("edge/tls.key", lambda values: values.private_key_pem, mode=0o400, secret=True),
    )


def _registry_files(spec: BundleSpec) -> tuple[File, ...]:
    return (
        File("registry/config.yml", lambda values: registry_config.render(spec, values), mode=0o400, secret=True),
        File("registry/htpasswd", lambda values: values.htpasswd, mode=0o400, secret=True),
        *_redis_ca(spec),
        *spec.storage.files,
    )


def _redis_ca(spec: BundleSpec) -> tuple[File, ...]:
    """The CA of a managed Redis as the registry reads it, where it needs one of its own."""
    if spec.fleet is None or spec.fleet.redis_ca_certificate is None or spec.cache is not Cache.REDIS:
        return ()
    return (File(f"registry/{registry_config.REDIS_CA}", spec.fleet.redis_ca_certificate),)


def _own_redis(spec: BundleSpec) -> bool:
    """Whether Redis is a service of the bundle. Hosts of a fleet share a managed one."""
    return spec.cache is Cache.REDIS and spec.fleet is None


def _redis_files(spec: BundleSpec) -> tuple[File, ...]:
    if not _own_redis(spec):
        return ()
    return (File("redis/redis.conf", redis_config.render, mode=0o400, secret=True),)


def _config_service(spec: BundleSpec, groups: list[str], volumes: tuple[Volume, ...]) -> Service:
    return Service(
        name="config",
        image=spec.images.config,
        entrypoint=("sh", f"{config_service.UPLOAD_DIR}/config/run.sh"),
        healthcheck=health_check(f"test -f {config_service.APPLIED}"),
        memory_mib=32,
        mounts=(
            *(Mount(f"files-{group}", f"/files/{group}", read_only=False) for group in groups),
            *(Mount(volume.name, config_service.data_path(volume), read_only=False) for volume in volumes),
        ),
        user="0:0",
        # To hand files to the services' user and to write into folders that are already theirs.
        capabilities=("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER"),
        # Uploads and a read-only root exclude each other in the docker provider (docs/decisions/0002-config-service.md).
        read_only=False,
        networked=False,
        stop_seconds=3,
    )


def _redis_service(spec: BundleSpec) -> Service:
    return Service(
        name="redis",
        image=spec.images.redis,
        entrypoint=("redis-server", "/etc/redis/redis.conf"),
        # Without a password PING is refused with NOAUTH: that the server answers at all is what we ask.
        healthcheck=health_check("exec redis-cli ping >/dev/null"),
        memory_mib=128,
        mounts=(Mount("files-redis", "/etc/redis"),),
        tmpfs={"/tmp": TMPFS},  # noqa: S108 - the container's own
        after=("config",),
        restarts_with=("redis/redis.conf",),
    )


def _replica(spec: BundleSpec, number: int) -> Service:
    name = spec.replica_names[number - 1]
    before = ("config", "redis") if _own_redis(spec) else ("config",)
    if number > 1:
        # One after the other: a replica is replaced only when the one before it is healthy again.
        before = (*before, spec.replica_names[number - 2])
    return Service(
        name=name,
        image=spec.images.registry,
        entrypoint=("registry", "serve", f"{registry_config.CONFIG_DIR}/config.yml"),
        # The root page needs no account; it answers 503 while the storage check fails.
        healthcheck=health_check(
            f"exec wget -q -T 3 -O /dev/null http://127.0.0.1:{registry_config.HTTP_PORT}/",
            settled=_NO_EDGE,
            settle_seconds=_EDGE_SECONDS,
        ),
        memory_mib=512,
        mounts=(Mount("files-registry", registry_config.CONFIG_DIR), *spec.storage.mounts),
        tmpfs={"/tmp": TMPFS},  # noqa: S108 - the container's own
        # Otherwise registry 3 sends traces to https://localhost:4318.
        environment={"OTEL_TRACES_EXPORTER": "none", **spec.storage.environment},
        after=before,
        restarts_with=("registry/config.yml", *(file.path for file in (*_redis_ca(spec), *spec.storage.files))),
        stop_seconds=registry_config.DRAIN_SECONDS + 10,
    )


def _edge_service(spec: BundleSpec) -> Service:
    ports = [Port(edge.TLS_PORT, spec.port, spec.bind_address)]
    if spec.redirect_port:
        ports.append(Port(edge.REDIRECT_PORT, spec.redirect_port, spec.bind_address))
    return Service(
        name="edge",
        image=spec.images.edge,
        entrypoint=("sh", "/etc/edge/run.sh"),
        healthcheck=health_check(f"exec wget -q -T 3 -O /dev/null http://127.0.0.1:{edge.STATUS_PORT}/ready"),
        memory_mib=128,
        mounts=(
            Mount("files-edge", "/etc/edge"),
            Mount("gate", "/gate"),
            Mount("journal", operations.JOURNAL_DIR, read_only=False),
        ),
        tmpfs={"/tmp": TMPFS},  # noqa: S108 - the container's own
        ports=tuple(ports),
        after=("config", *spec.replica_names),
        restarts_with=("edge/run.sh",),
        stop_seconds=60,
    )


def _without_config(service: Service) -> Service:
    return replace(service, after=tuple(name for name in service.after if name != "config"))


def _edge_last(services: Sequence[Service]) -> tuple[Service, ...]:
    """The load balancer sends pushes as soon as the edge is ready, and the edge refuses them until `ops` has joined the fleet."""
    others = [service for service in services if service.name != "edge"]
    found = next(service for service in services if service.name == "edge")
    return (*others, replace(found, after=tuple(service.name for service in others)))


def build(spec: BundleSpec) -> Bundle:
    """The bundle for these settings. Contents that need values stay functions of them until `File.text` is called.

    On a fleet the host's agent puts the files in their places: there is no service `config`. Raises ValueError for a fleet that can't be.
    """
    if spec.fleet:
        check_fleet(spec)
    files = (*_edge_files(spec), *_registry_files(spec), *_redis_files(spec), *operations.files(spec))
    groups = list(dict.fromkeys(file.group for file in files))
    data = (*spec.storage.volumes, Volume("gate"), *operations.VOLUMES)
    services: list[Service] = []
    if _own_redis(spec):
        services.append(_redis_service(spec))
    services += [_replica(spec, number) for number in range(1, spec.replicas + 1)]
    services.append(_edge_service(spec))
    services += operations.services(spec)
    volumes = (*data, *(Volume(f"files-{group}") for group in groups))
    if spec.fleet:
        return Bundle(files, _edge_last([_without_config(service) for service in services]), volumes)
    script = File("config/run.sh", config_service.run_script(files, data))
    return Bundle((*files, script), (_config_service(spec, groups, data), *services), volumes)
