"""Where things are inside the ops container, and the settings that the bundle renders there."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from ops.errors import USAGE, OpsError

DAY_SECONDS = 86_400
LEAST_LEASE_SECONDS = 6
"""The edge needs some seconds of a lease to be sure that it refuses writes before the others no longer count with it."""
CACHES = ("redis", "inmemory", "none")
"""Where a registry can keep blob descriptors."""


def root() -> Path:
    """`/`, or the folder that tests put in its place with OPS_ROOT."""
    return Path(os.environ.get("OPS_ROOT", "/"))


@dataclass(frozen=True)
class Places:
    """The paths that ops uses, below one root."""

    root: Path

    @property
    def settings(self) -> Path:
        """The settings file, rendered by the bundle; holds no secret."""
        return self.root / "etc/ops/ops.json"

    @property
    def account(self) -> Path:
        """One line `name:password`, the account `ops` of the registry."""
        return self.root / "etc/ops/account"

    @property
    def redis_password(self) -> Path:
        """Redis's password, on one line."""
        return self.root / "etc/ops/redis-password"

    @property
    def redis_ca(self) -> Path:
        """The certificate of Redis's CA where it is no public one."""
        return self.root / "etc/ops/redis-ca.crt"

    @property
    def lease(self) -> Path:
        """How long the edge of a fleet's host may let writes in (ops/fleet/heart.py)."""
        return self.root / "gate/lease"

    @property
    def state(self) -> Path:
        """The volume of ops' own: caches, candidate history, reports."""
        return self.root / "var/lib/ops"

    @property
    def gate(self) -> Path:
        """The write gate: closed while this file exists."""
        return self.root / "gate/closed"

    @property
    def journal(self) -> Path:
        """The folder in which the edge writes its journal."""
        return self.root / "journal"

    @property
    def spool(self) -> Path:
        """The parent of the folders `collector` and `sweeper`."""
        return self.root / "spool"


def places() -> Places:
    """The paths below today's root."""
    return Places(root())


@dataclass(frozen=True)
class RedisAddress:
    """Where Redis listens."""

    host: str
    port: int
    tls: bool = False
    database: int = 0


@dataclass(frozen=True)
class FleetSettings:
    """One host of several: its own name, and the Redis through which they agree (docs/decisions/0011-fleet-agreement.md)."""

    host: str
    redis: RedisAddress
    lease_seconds: int
    cache: RedisAddress | None = None
    """The registry's cache, which makes room when the memory of the same Redis is full."""


@dataclass(frozen=True)
class Storage:
    """What the registry stores into: its driver's name and the root folder or key prefix there."""

    driver: str
    root: str


@dataclass(frozen=True)
class GcSettings:
    """Settings of the garbage collection; `schedule` is a crontab line's five fields, empty for never."""

    blob_grace_seconds: int = DAY_SECONDS
    untagged_grace_seconds: int = 7 * DAY_SECONDS
    quarantine_days: int = 7
    max_gate_seconds: int = 5
    schedule: str = ""


@dataclass(frozen=True)
class RetentionSettings:
    """Settings of retention. `rules` are checked by ops.retention.rules; `in_use` is a file or URL, empty for none."""

    rules: Sequence[Mapping[str, object]] = ()
    max_delete_percent: int = 30
    undo_days: int = 14
    schedule: str = ""
    in_use: str = ""


@dataclass(frozen=True)
class VerifySettings:
    """When `verify` runs by itself, and when `verify --deep` does; empty for never."""

    schedule: str = ""
    deep_schedule: str = ""


@dataclass(frozen=True)
class Settings:
    """Everything in ops.json."""

    replicas: Sequence[str]
    registry_major: int
    storage: Storage
    cache: str
    """One of CACHES; with `redis`, `redis` says where it is."""
    debug: Sequence[str] = ()
    redis: RedisAddress | None = None
    fleet: FleetSettings | None = None
    """None where this host is the only one."""
    gc: GcSettings = GcSettings()
    retention: RetentionSettings = RetentionSettings()
    verify: VerifySettings = VerifySettings()


class _Reader:
    """Takes typed values out of one JSON object; names the setting in every error, and reports keys nobody reads."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise OpsError(f"{where} must be an object", USAGE)
        self.left = dict(cast(Mapping[str, object], value))
        self.where = where

    def take(self, key: str, kind: type, default: object = None) -> object:
        name = f"{self.where}.{key}"
        if key not in self.left:
            if default is None:
                raise OpsError(f"{name} is missing", USAGE)
            return default
        value = self.left.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise OpsError(f"{name} must be of type {kind.__name__}, not {value!r}", USAGE)
        if isinstance(value, int) and value < 0:
            raise OpsError(f"{name} must not be negative, not {value}", USAGE)
        return value

    def texts(self, key: str) -> list[str]:
        values = cast(list[object], self.take(key, list, []))
        if not all(isinstance(value, str) for value in values):
            raise OpsError(f"{self.where}.{key} must be a list of texts", USAGE)
        return cast(list[str], values)

    def section(self, key: str) -> "_Reader | None":
        value = self.left.pop(key, None)
        return None if value is None else _Reader(value, f"{self.where}.{key}")

    def end(self) -> None:
        if self.left:
            raise OpsError(f"unknown settings in {self.where}: {', '.join(sorted(self.left))}", USAGE)


def _redis(reader: _Reader) -> RedisAddress:
    address = RedisAddress(
        host=cast(str, reader.take("host", str)),
        port=cast(int, reader.take("port", int)),
        tls=cast(bool, reader.take("tls", bool, RedisAddress.tls)),
        database=cast(int, reader.take("database", int, RedisAddress.database)),
    )
    reader.end()
    return address


def _fleet(reader: _Reader) -> FleetSettings:
    redis = reader.section("redis")
    if redis is None:
        raise OpsError(f"{reader.where}.redis is missing", USAGE)
    fleet = FleetSettings(
        host=cast(str, reader.take("host", str)),
        redis=_redis(redis),
        lease_seconds=cast(int, reader.take("leaseSeconds", int)),
    )
    reader.end()
    if not re.fullmatch("[A-Za-z0-9._-]+", fleet.host):
        raise OpsError(f"{reader.where}.host must be the host's name (letters, digits, dots, dashes), not {fleet.host!r}", USAGE)
    if fleet.lease_seconds < LEAST_LEASE_SECONDS:
        raise OpsError(f"{reader.where}.leaseSeconds must be at least {LEAST_LEASE_SECONDS}, not {fleet.lease_seconds}", USAGE)
    return fleet


def parse(document: object) -> Settings:
    """Checks ops.json's content. Raises OpsError that names the setting which is wrong."""
    top = _Reader(document, "settings")
    storage = top.section("storage")
    if storage is None:
        raise OpsError("settings.storage is missing", USAGE)
    redis = top.section("redis")
    fleet = top.section("fleet")
    gc = top.section("gc") or _Reader({}, "settings.gc")
    retention = top.section("retention") or _Reader({}, "settings.retention")
    verify = top.section("verify") or _Reader({}, "settings.verify")
    result = Settings(
        replicas=top.texts("replicas"),
        debug=top.texts("debug"),
        registry_major=cast(int, top.take("registryMajor", int)),
        storage=Storage(cast(str, storage.take("driver", str)), cast(str, storage.take("root", str, ""))),
        cache=cast(str, top.take("cache", str)),
        redis=None if redis is None else _redis(redis),
        fleet=None if fleet is None else _fleet(fleet),
        gc=GcSettings(
            blob_grace_seconds=cast(int, gc.take("blobGraceSeconds", int, GcSettings.blob_grace_seconds)),
            untagged_grace_seconds=cast(int, gc.take("untaggedGraceSeconds", int, GcSettings.untagged_grace_seconds)),
            quarantine_days=cast(int, gc.take("quarantineDays", int, GcSettings.quarantine_days)),
            max_gate_seconds=cast(int, gc.take("maxGateSeconds", int, GcSettings.max_gate_seconds)),
            schedule=cast(str, gc.take("schedule", str, "")),
        ),
        retention=RetentionSettings(
            rules=cast(list[Mapping[str, object]], retention.take("rules", list, [])),
            max_delete_percent=cast(int, retention.take("maxDeletePercent", int, RetentionSettings.max_delete_percent)),
            undo_days=cast(int, retention.take("undoDays", int, RetentionSettings.undo_days)),
            schedule=cast(str, retention.take("schedule", str, "")),
            in_use=cast(str, retention.take("inUse", str, "")),
        ),
        verify=VerifySettings(cast(str, verify.take("schedule", str, "")), cast(str, verify.take("deepSchedule", str, ""))),
    )
    for reader in (top, storage, gc, retention, verify):
        reader.end()
    if not result.replicas:
        raise OpsError("settings.replicas is empty", USAGE)
    if result.registry_major not in (2, 3):
        raise OpsError(f"settings.registryMajor must be 2 or 3, not {result.registry_major}", USAGE)
    if result.cache not in CACHES:
        raise OpsError(f"settings.cache must be {', '.join(CACHES[:-1])} or {CACHES[-1]}, not {result.cache}", USAGE)
    if (result.cache == "redis") != (result.redis is not None):
        raise OpsError(f"settings.redis must be there if settings.cache is redis, and only then; settings.cache is {result.cache}", USAGE)
    if result.fleet:
        return replace(result, fleet=replace(result.fleet, cache=result.redis))
    return result


def load(path: Path | None = None) -> Settings:
    """Reads and checks ops.json."""
    path = path or places().settings
    try:
        text = path.read_text(encoding="utf-8")
        document = cast(object, json.loads(text))
    except (OSError, ValueError) as error:
        raise OpsError(f"cannot read the settings {path}: {error}", USAGE) from error
    return parse(document)


def redis_login(places: Places) -> tuple[str, Path | None]:
    """Redis's password, empty where it has none, and the certificate of its CA where that is no public one."""
    password = places.redis_password.read_text(encoding="utf-8").strip() if places.redis_password.exists() else ""
    return password, places.redis_ca if places.redis_ca.exists() else None


def load_account(path: Path | None = None) -> tuple[str, str]:
    """Name and password of the account that ops uses."""
    path = path or places().account
    try:
        name, colon, password = path.read_text(encoding="utf-8").strip().partition(":")
    except OSError as error:
        raise OpsError(f"cannot read the account {path}: {error}", USAGE) from error
    if not name or not colon:
        raise OpsError(f"{path} must hold name:password", USAGE)
    return name, password
