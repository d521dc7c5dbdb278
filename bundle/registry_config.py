"""The registry's config.yml for 2.8 and 3.x, built as data and serialised once.

Which key exists in which version: the configuration references of distribution v2.8.3 (docs/configuration.md) and v3.1
(docs/content/about/configuration.md). The registry ignores keys that it does not know, so `unknown_keys` looks for them first.
"""

from collections.abc import Mapping

import yaml

from bundle.model import BundleSpec, Cache, RegistryMajor, Values

HTTP_PORT = 5000
DEBUG_PORT = 5001
CONFIG_DIR = "/etc/distribution"
REDIS_CA = "redis-ca.crt"
"""Name of the file with the CA of a managed Redis, in the folders of the registry and of `ops`."""
SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt"
"""The public CAs in the registry's image (Alpine's and Debian's place)."""
DRAIN_SECONDS = 50
"""How long a stopping replica lets running requests end; the container's stop timeout is a little longer."""

Tree = dict[str, "Tree | None"]
"""Known keys: None means that everything below is free form or a value."""

_COMMON: Tree = {
    "version": None,
    "log": {"level": None, "formatter": None, "fields": None, "accesslog": {"disabled": None}},
    "storage": {
        "filesystem": {"rootdirectory": None, "maxthreads": None},
        "delete": {"enabled": None},
        "redirect": {"disable": None},
        "cache": {"blobdescriptor": None, "blobdescriptorsize": None},
        "maintenance": {
            "uploadpurging": {"enabled": None, "age": None, "interval": None, "dryrun": None},
            "readonly": {"enabled": None},
        },
    },
    "auth": {"htpasswd": {"realm": None, "path": None}, "token": None},
    "http": {
        "addr": None,
        "secret": None,
        "draintimeout": None,
        "headers": None,
        "relativeurls": None,
        "host": None,
        "prefix": None,
        "net": None,
        "debug": {"addr": None, "prometheus": {"enabled": None, "path": None}},
        "http2": {"disabled": None},
    },
    "health": {"storagedriver": {"enabled": None, "interval": None, "threshold": None}},
    "validation": None,
    "notifications": None,
    "proxy": None,
}

_S3_V2: Tree = dict.fromkeys(
    (
        "accesskey",
        "secretkey",
        "region",
        "regionendpoint",
        "bucket",
        "encrypt",
        "keyid",
        "secure",
        "skipverify",
        "v4auth",
        "chunksize",
        "multipartcopychunksize",
        "multipartcopymaxconcurrency",
        "multipartcopythresholdsize",
        "rootdirectory",
        "storageclass",
        "useragent",
        "objectacl",
    )
)
_S3_V3: Tree = {**_S3_V2, **dict.fromkeys(("forcepathstyle", "usedualstack", "accelerate", "loglevel", "usefipsendpoint"))}
_AZURE_V2: Tree = dict.fromkeys(("accountname", "accountkey", "container", "realm"))
_AZURE_V3: Tree = {
    **_AZURE_V2,
    "credentials": {"type": None, "clientid": None, "tenantid": None, "secret": None},
    **dict.fromkeys(("serviceurl", "rootdirectory", "max_retries", "retry_delay")),
}
_REDIS_V2: Tree = {
    "addr": None,
    "password": None,
    "db": None,
    "dialtimeout": None,
    "readtimeout": None,
    "writetimeout": None,
    "pool": {"maxidle": None, "maxactive": None, "idletimeout": None},
}
_REDIS_V3: Tree = {
    "addrs": None,
    "username": None,
    "password": None,
    "db": None,
    "dialtimeout": None,
    "readtimeout": None,
    "writetimeout": None,
    "poolsize": None,
    "maxidleconns": None,
    "minidleconns": None,
    "connmaxidletime": None,
    # `enabled` is documented and read by nothing: one of these switches TLS on (registry/handlers/app.go, configureRedis).
    "tls": {"certificate": None, "key": None, "rootcas": None},
}


def known_keys(major: RegistryMajor) -> Tree:
    """The keys that this major version reads."""
    storage = _COMMON["storage"]
    assert storage is not None  # noqa: S101 - narrows the type of a constant above
    if major is RegistryMajor.V2:
        return {**_COMMON, "redis": _REDIS_V2, "storage": {**storage, "s3": _S3_V2, "azure": _AZURE_V2}}
    own: Tree = {"s3": _S3_V3, "azure": _AZURE_V3, "tag": {"concurrencylimit": None}}
    return {**_COMMON, "redis": _REDIS_V3, "storage": {**storage, **own}}


def unknown_keys(config: Mapping[str, object], major: RegistryMajor) -> list[str]:
    """Dotted paths of keys in `config` that this major version of the registry would silently ignore."""
    found: list[str] = []

    def walk(node: Mapping[str, object], tree: Tree, prefix: str) -> None:
        for key, value in node.items():
            path = f"{prefix}{key}"
            if key not in tree:
                found.append(path)
                continue
            below = tree[key]
            if below is not None and isinstance(value, Mapping):
                walk(value, below, f"{path}.")

    walk(config, known_keys(major), "")
    return found


def _redis(spec: BundleSpec, values: Values) -> dict[str, object]:
    address = f"{values.redis_host}:{spec.fleet.redis_port if spec.fleet else 6379}"
    common: dict[str, object] = {
        "password": values.redis_password,
        "dialtimeout": "500ms",
        "readtimeout": "500ms",
        "writetimeout": "500ms",
    }
    if spec.registry_major is RegistryMajor.V2:
        return {"addr": address, **common, "pool": {"maxidle": 16, "maxactive": 64, "idletimeout": "300s"}}
    config = {"addrs": [address], **common, "poolsize": 64, "maxidleconns": 16, "connmaxidletime": "300s"}
    if spec.fleet and spec.fleet.redis_tls:
        # Without a list of CAs the registry would speak plain text, whatever else it is told.
        config["tls"] = {"rootcas": [f"{CONFIG_DIR}/{REDIS_CA}" if spec.fleet.redis_ca_certificate else SYSTEM_CAS]}
    return config


def registry_config(spec: BundleSpec, values: Values) -> dict[str, object]:
    """The configuration as data. Holds `http.secret`, the Redis password and the storage's credentials: secret.

    Raises ValueError when it has a key that this version of the registry would ignore.
    """
    storage: dict[str, object] = {
        spec.storage.driver: {**spec.storage.parameters, **values.storage},
        "delete": {"enabled": True},
        # All four keys are needed: the registry panics without them (shared reference, registry-facts.md).
        "maintenance": {"uploadpurging": {"enabled": True, "age": "168h", "interval": "24h", "dryrun": False}},
    }
    if spec.storage.redirect is not None:
        storage["redirect"] = {"disable": not spec.storage.redirect}
    if spec.cache is not Cache.NONE:
        storage["cache"] = {"blobdescriptor": str(spec.cache)}
    if spec.registry_major is RegistryMajor.V3:
        storage["tag"] = {"concurrencylimit": 8}
    config: dict[str, object] = {
        "version": 0.1,
        "log": {"level": spec.log_level, "formatter": "json", "accesslog": {"disabled": True}},
        "storage": storage,
        "http": {
            "addr": f":{HTTP_PORT}",
            "secret": values.http_secret,
            "draintimeout": f"{DRAIN_SECONDS}s",
            "headers": {"X-Content-Type-Options": ["nosniff"]},
            "debug": {"addr": f":{DEBUG_PORT}", "prometheus": {"enabled": True, "path": "/metrics"}},
        },
        "auth": {"htpasswd": {"realm": f"registry {spec.hostname}", "path": f"{CONFIG_DIR}/htpasswd"}},
        "health": {"storagedriver": {"enabled": True, "interval": "10s", "threshold": 3}},
    }
    if spec.cache is Cache.REDIS:
        config["redis"] = _redis(spec, values)
    ignored = unknown_keys(config, spec.registry_major)
    if ignored:
        raise ValueError(f"registry {spec.registry_major.value} does not read these keys and would ignore them: {', '.join(ignored)}")
    return config


def render(spec: BundleSpec, values: Values) -> str:
    """config.yml as text."""
    return yaml.safe_dump(registry_config(spec, values), sort_keys=False, default_flow_style=False)
