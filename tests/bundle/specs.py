"""Bundles that tests render: the default one, and one a variant that matters."""

from dataclasses import replace

from bundle.model import BundleSpec, Cache, FleetSpec, Images, OperationsSpec, RegistryMajor, StorageSpec, SweeperSpec, Values
from components.storage.filesystem import filesystem_storage
from tests.certificates import make_ca, make_pair

DEFAULT = BundleSpec(
    hostname="registry.example.com",
    port=443,
    bind_address="0.0.0.0",  # noqa: S104 - a container's published port
    images=Images(
        "registry:3.1.2", "nginx:1.28.0-alpine", "redis:8.2.1-alpine", "busybox:1.37.0", "python:3.13.7-slim", "rclone/rclone:1.71.0"
    ),
    registry_major=RegistryMajor.V3,
    storage=filesystem_storage(),
)
ROLE_STORAGE = StorageSpec(
    driver="s3",
    parameters={"bucket": "images", "region": "eu-central-1", "chunksize": 33554432},
    sweeper=SweeperSpec(
        {"type": "s3", "provider": "AWS", "region": "eu-central-1", "env_auth": "true", "no_check_bucket": "true"}, "images"
    ),
    redirect=True,
)
"""S3 as a fleet uses it: the hosts' role is known there, and nobody has a key."""
FLEET = replace(DEFAULT, storage=ROLE_STORAGE, fleet=FleetSpec(), operations=OperationsSpec(gc={"schedule": "0 3 * * *"}))
FLEETS = {
    "fleet": FLEET,
    "fleet-own-ca": replace(FLEET, fleet=FleetSpec(redis_port=6380, redis_ca_certificate="REDIS CA\n", lease_seconds=20), replicas=1),
    "fleet-no-cache": replace(FLEET, cache=Cache.NONE),
    "fleet-plain-redis": replace(FLEET, fleet=FleetSpec(redis_tls=False)),
}
VARIANTS = {
    "default": DEFAULT,
    "registry-2": replace(DEFAULT, registry_major=RegistryMajor.V2, images=replace(DEFAULT.images, registry="registry:2.8.3")),
    "no-cache-one-replica": replace(DEFAULT, cache=Cache.NONE, replicas=1),
    "inmemory": replace(DEFAULT, cache=Cache.INMEMORY, replicas=1, log_level="debug"),
    "localhost-other-port": replace(DEFAULT, hostname="localhost", port=5443, redirect_port=5080, replicas=3),
    **FLEETS,
}
SNAPSHOT_VALUES = Values(
    certificate_pem="CERTIFICATE",
    private_key_pem="PRIVATE KEY",
    htpasswd="admin:HASH\n",
    http_secret="HTTP-SECRET",
    redis_password="REDIS-PASSWORD",
    ops_password="OPS-PASSWORD",
    redis_host="redis",
)


def real_values() -> Values:
    """Values that real servers accept; the account is admin with the password `a-password`, hashed here at bcrypt's lowest cost."""
    import bcrypt  # noqa: PLC0415 - only the tests on real servers need it

    pair = make_pair("registry.example.com", "localhost", "127.0.0.1", ca=make_ca())
    hashed = bcrypt.hashpw(b"a-password", bcrypt.gensalt(4)).decode()
    return Values(pair.certificate, pair.key, f"admin:{hashed}\n", "h" * 32, "r" * 32, "o" * 32)
