"""The services that look after the images: `ops`, and the two that work for it, `collector` and `sweeper`."""

import configparser
import io
import json

from bundle.health import health_check
from bundle.markers import HOST
from bundle.model import BundleSpec, Cache, File, FleetSpec, Mount, Service, Values, Volume
from bundle.ops_archive import ops_archive
from bundle.registry_config import CONFIG_DIR, DEBUG_PORT, HTTP_PORT, REDIS_CA
from bundle.templates import render

OPS_ACCOUNT = "ops"
"""The registry's account that `ops` uses; no user may have this name."""
OPS_COMMAND = ("python3", "-m", "ops")
"""What runs the tool inside its container."""
_ALIVE = "/tmp/ops-alive"  # noqa: S108 - the container's own; the main loop touches it
JOURNAL_DIR = "/journal"
JOURNAL = f"{JOURNAL_DIR}/journal.log"
ALERTS = "/tmp/edge/alerts.log"  # noqa: S108 - the edge container's own
_SPOOL = "/spool"
CACHE_DATABASE = 0
AGREEMENT_DATABASE = 1
"""Of a fleet's Redis: what hosts agree on lies in a database of its own, because the cache is emptied as a whole (FLUSHDB)."""
_RCLONE_CONFIG = "/etc/sweeper/rclone.conf"
_TMPFS = {"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"}  # noqa: S108 - the container's own

VOLUMES = (Volume("journal"), Volume("spool-collector"), Volume("spool-sweeper"), Volume("ops"))
"""`ops` holds the candidates of the last collections and caches. Losing it costs a grace, never an image.

The recycle bin is in the registry itself.
"""


def _redis(spec: BundleSpec, host: str) -> dict[str, object] | None:
    """The registry's cache, which `ops` empties."""
    if spec.cache is not Cache.REDIS:
        return None
    return _managed_redis(spec.fleet, host, CACHE_DATABASE) if spec.fleet else {"host": host, "port": 6379}


def _managed_redis(fleet: FleetSpec, host: str, database: int) -> dict[str, object]:
    return {"host": host, "port": fleet.redis_port, "tls": fleet.redis_tls, "database": database}


def _fleet(spec: BundleSpec, redis_host: str) -> dict[str, object]:
    """How the hosts of a fleet agree; nothing on a Docker host."""
    if spec.fleet is None:
        return {}
    redis = _managed_redis(spec.fleet, redis_host, AGREEMENT_DATABASE)
    return {"fleet": {"host": HOST, "redis": redis, "leaseSeconds": spec.fleet.lease_seconds}}


def ops_settings(spec: BundleSpec, redis_host: str = "redis") -> str:
    """ops.json (ops/settings.py). Holds no secret. On a fleet it has the marker of the host's id."""
    root = spec.storage.parameters.get("rootdirectory", "")
    settings = {
        "replicas": [f"http://{name}:{HTTP_PORT}" for name in spec.replica_names],
        "debug": [f"http://{name}:{DEBUG_PORT}" for name in spec.replica_names],
        "registryMajor": spec.registry_major.value,
        "storage": {"driver": spec.storage.driver, "root": root},
        "cache": spec.cache.value,
        "redis": _redis(spec, redis_host),
        **_fleet(spec, redis_host),
        "gc": dict(spec.operations.gc),
        "retention": dict(spec.operations.retention),
        "verify": dict(spec.operations.verify),
    }
    return json.dumps(settings, indent=2) + "\n"


def rclone_config(spec: BundleSpec, values: Values) -> str:
    """rclone.conf with the one remote `storage`. Holds the storage's credentials: secret."""
    sweeper = spec.storage.sweeper
    config = configparser.ConfigParser(interpolation=None)
    config["storage"] = {**sweeper.section, **{key: values.storage[source] for key, source in sweeper.secrets.items()}}
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


def files(spec: BundleSpec) -> tuple[File, ...]:
    """The files of the three services."""
    sweeper = spec.storage.sweeper
    remote = f"storage:{sweeper.root}/" if sweeper.root else "storage:"
    local_blobs = f"{sweeper.local_root}/docker/registry/v2/blobs/sha256" if sweeper.local_root else ""
    ops = [
        # A fleet's archive is hashed, and other versions of zlib pack other bytes.
        File("ops/ops.zip", ops_archive(compressed=spec.fleet is None)),
        File("ops/ops.json", (lambda values: ops_settings(spec, values.redis_host)) if spec.fleet else ops_settings(spec)),
        File("ops/account", lambda values: f"{OPS_ACCOUNT}:{values.ops_password}\n", mode=0o400, secret=True),
    ]
    if spec.cache is Cache.REDIS or spec.fleet:
        ops.append(File("ops/redis-password", lambda values: values.redis_password, mode=0o400, secret=True))
    if spec.fleet and spec.fleet.redis_ca_certificate:
        ops.append(File(f"ops/{REDIS_CA}", spec.fleet.redis_ca_certificate))
    return (
        *ops,
        File("collector/run.sh", render("collector.sh.j2", spool=_SPOOL, config=f"{CONFIG_DIR}/config.yml")),
        File("sweeper/run.sh", render("sweeper.sh.j2", spool=_SPOOL, remote=remote, local_blobs=local_blobs, config=_RCLONE_CONFIG)),
        File("sweeper/rclone.conf", lambda values: rclone_config(spec, values), mode=0o400, secret=True),
    )


def _collector(spec: BundleSpec) -> Service:
    return Service(
        name="collector",
        image=spec.images.registry,
        entrypoint=("sh", "/etc/collector/run.sh"),
        healthcheck=health_check(f"test -w {_SPOOL}"),
        memory_mib=512,
        mounts=(
            Mount("files-registry", CONFIG_DIR),
            Mount("files-collector", "/etc/collector"),
            Mount("spool-collector", _SPOOL, read_only=False),
            # It only ever looks.
            *(Mount(mount.volume, mount.target) for mount in spec.storage.mounts),
        ),
        tmpfs=_TMPFS,
        environment={"OTEL_TRACES_EXPORTER": "none", **spec.storage.environment},
        after=("config",),
        restarts_with=("collector/run.sh",),
    )


def _sweeper(spec: BundleSpec) -> Service:
    return Service(
        name="sweeper",
        image=spec.images.sweeper,
        entrypoint=("sh", "/etc/sweeper/run.sh"),
        healthcheck=health_check(f"test -w {_SPOOL}"),
        memory_mib=256,
        mounts=(
            Mount("files-sweeper", "/etc/sweeper"),
            Mount("files-registry", CONFIG_DIR),
            Mount("spool-sweeper", _SPOOL, read_only=False),
            *spec.storage.mounts,
        ),
        tmpfs=_TMPFS,
        environment=spec.storage.environment,
        after=("config",),
        restarts_with=("sweeper/run.sh", "sweeper/rclone.conf"),
    )


def _fleet_files(spec: BundleSpec) -> tuple[str, ...]:
    """What `ops` reads at its start on a fleet alone: there it keeps talking to Redis."""
    if spec.fleet is None:
        return ()
    return ("ops/redis-password", f"ops/{REDIS_CA}") if spec.fleet.redis_ca_certificate else ("ops/redis-password",)


def _ops(spec: BundleSpec) -> Service:
    return Service(
        name="ops",
        image=spec.images.ops,
        entrypoint=(*OPS_COMMAND, "schedule"),
        healthcheck=health_check(f'test -n "$(find {_ALIVE} -mmin -1)"'),
        memory_mib=256,
        mounts=(
            Mount("files-ops", "/etc/ops"),
            Mount("ops", "/var/lib/ops", read_only=False),
            Mount("gate", "/gate", read_only=False),
            Mount("journal", JOURNAL_DIR, read_only=False),
            Mount("spool-collector", f"{_SPOOL}/collector", read_only=False),
            Mount("spool-sweeper", f"{_SPOOL}/sweeper", read_only=False),
        ),
        tmpfs=_TMPFS,
        environment={"PYTHONPATH": "/etc/ops/ops.zip"},
        after=("config", "collector", "sweeper", *spec.replica_names),
        restarts_with=("ops/ops.zip", "ops/ops.json", "ops/account", *_fleet_files(spec)),
        # A job that is told to end puts a batch back, empties the cache and opens the gate; so does one that somebody runs by hand.
        # Each has 30 s (ops/schedule.py), and the gate of one that had to be killed opens after its lease of 15 s (ops/lock.py).
        stop_seconds=90,
    )


def services(spec: BundleSpec) -> tuple[Service, ...]:
    """`collector`, `sweeper` and `ops`, in order of start."""
    return (_collector(spec), _sweeper(spec), _ops(spec))
