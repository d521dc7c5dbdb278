"""What a fleet's bundle can't be. The settings say so in the stack file's words first (components/settings)."""

import re

from bundle.model import BundleSpec, Cache, RegistryMajor

# The key redis.tls came with 3.1; 3.0 would ignore it and speak plain text. Of an image without a version in its tag nobody knows.
_REGISTRY_3_0 = re.compile(r":v?3\.0(?![0-9])")


def check_fleet(spec: BundleSpec) -> None:
    """Raises ValueError that names the setting, says why it can't be and what to choose instead."""
    fleet = spec.fleet
    if fleet is None:
        return
    if spec.cache is Cache.INMEMORY:
        raise ValueError("cache inmemory can't be used on a fleet: garbage collection can't empty it on every host; use redis or none")
    if spec.cache is Cache.REDIS and fleet.redis_tls:
        old = "2" if spec.registry_major is RegistryMajor.V2 else "3.0" if _REGISTRY_3_0.search(spec.images.registry) else ""
        if old:
            raise ValueError(f"registry {old} can't speak TLS with Redis ({spec.images.registry}): use 3.1 or later, or cache none")
    if fleet.redis_ca_certificate and not fleet.redis_tls:
        raise ValueError(
            "there is a CA certificate for Redis, but Redis is to be spoken to without TLS: leave the certificate out or use TLS"
        )
    if spec.storage.volumes:
        raise ValueError(f"storage {spec.storage.driver} lies on one host, and the hosts of a fleet share their images: use s3 or azure")
    if spec.storage.sweeper.secrets:
        keys = ", ".join(spec.storage.sweeper.secrets)
        raise ValueError(f"on a fleet the storage knows hosts by their role, but rclone is to get credentials ({keys}): use the role")
