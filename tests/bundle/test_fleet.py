"""The bundle of a fleet: what differs from a Docker host's, its markers, and the archive that hosts fetch."""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bundle.build import build
from bundle.fleet_archive import fleet_archive
from bundle.markers import HOST, MARKED, SECRET_KEYS, marked, secret_values
from bundle.model import Bundle, BundleSpec, Cache, FleetSpec, RegistryMajor, StorageSpec, SweeperSpec, Values
from bundle.stored_gzip import stored_gzip
from components.storage.filesystem import filesystem_storage
from host.boot import HostError
from host.markers import fill
from host.secret_values import KEYS
from tests.bundle.specs import DEFAULT, FLEET, FLEETS, ROLE_STORAGE, SNAPSHOT_VALUES

HOST_ID = "i-0123456789abcdef0"
_FITTING = st.text("ABCXYZabcxyz0189._-", min_size=1, max_size=40)
_ANY = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=80)
VALUES = st.builds(
    Values,
    certificate_pem=_ANY,
    private_key_pem=_ANY,
    htpasswd=_ANY,
    http_secret=_FITTING,
    redis_password=_FITTING,
    ops_password=_FITTING,
    redis_host=_FITTING,
)


def unpacked(bundle: Bundle) -> dict[str, bytes]:
    """The archive's files by path."""
    with tarfile.open(fileobj=io.BytesIO(fleet_archive(bundle).content), mode="r:gz") as archive:
        return {member.name: file.read() for member in archive.getmembers() if (file := archive.extractfile(member))}


def _config(spec: BundleSpec) -> dict[str, dict[str, object]]:
    return yaml.safe_load(build(spec).file("registry/config.yml").text(SNAPSHOT_VALUES))


@pytest.mark.parametrize("name", FLEETS)
def test_a_fleet_has_neither_a_service_for_its_files_nor_a_redis_of_its_own(name: str) -> None:
    bundle = build(FLEETS[name])
    names = {service.name for service in bundle.services}
    assert names.isdisjoint({"config", "redis"})
    assert {file.group for file in bundle.files} == {"edge", "registry", "ops", "collector", "sweeper"}


def test_the_registry_speaks_tls_with_redis_by_the_only_keys_that_switch_it_on() -> None:
    # distribution v3.1.2, registry/handlers/app.go, configureRedis: certificate and key, or rootcas; `enabled` is read by nothing.
    assert _config(FLEET)["redis"]["tls"] == {"rootcas": ["/etc/ssl/certs/ca-certificates.crt"]}
    assert _config(FLEETS["fleet-own-ca"])["redis"]["tls"] == {"rootcas": ["/etc/distribution/redis-ca.crt"]}
    assert "tls" not in _config(FLEETS["fleet-plain-redis"])["redis"]
    assert "redis" not in _config(FLEETS["fleet-no-cache"])


def test_redis_is_where_the_values_say() -> None:
    values = replace(SNAPSHOT_VALUES, redis_host="master.cache.example.com")
    config = yaml.safe_load(build(FLEETS["fleet-own-ca"]).file("registry/config.yml").text(values))
    assert config["redis"]["addrs"] == ["master.cache.example.com:6380"]
    settings = json.loads(build(FLEETS["fleet-own-ca"]).file("ops/ops.json").text(values))
    assert settings["redis"] == {"host": "master.cache.example.com", "port": 6380, "tls": True, "database": 0}
    agreement = {"host": "master.cache.example.com", "port": 6380, "tls": True, "database": 1}
    assert settings["fleet"] == {"host": HOST, "redis": agreement, "leaseSeconds": 20}, "the cache is emptied as a whole, so not database 0"


def test_ops_of_a_fleet_has_redis_without_a_cache_too() -> None:
    bundle = build(FLEETS["fleet-no-cache"])
    settings = json.loads(bundle.file("ops/ops.json").text(SNAPSHOT_VALUES))
    assert settings["redis"] is None and settings["fleet"]["redis"]["database"] == 1
    assert bundle.file("ops/redis-password").text(SNAPSHOT_VALUES) == "REDIS-PASSWORD"


def test_the_ca_of_redis_restarts_who_reads_it_at_start() -> None:
    bundle = build(FLEETS["fleet-own-ca"])
    assert "registry/redis-ca.crt" in bundle.service("registry-1").restarts_with
    assert "ops/redis-ca.crt" in bundle.service("ops").restarts_with
    assert {"registry/redis-ca.crt", "ops/redis-ca.crt"}.isdisjoint(file.path for file in build(FLEET).files)


def test_storage_without_credentials_leaves_none_in_any_file() -> None:
    bundle = build(FLEET)
    assert "env_auth = true" in bundle.file("sweeper/rclone.conf").text(SNAPSHOT_VALUES)
    for path in ("sweeper/rclone.conf", "registry/config.yml"):
        text = bundle.file(path).text(SNAPSHOT_VALUES)
        assert "accesskey" not in text and "access_key" not in text


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (replace(FLEET, cache=Cache.INMEMORY), "cache inmemory.*use redis or none"),
        (replace(FLEET, registry_major=RegistryMajor.V2), "registry 2 can't speak TLS with Redis.*3.1"),
        (replace(FLEET, images=replace(FLEET.images, registry="registry:3.0.0")), r"registry 3.0 can't speak TLS .*\(registry:3.0.0\)"),
        (replace(FLEET, fleet=FleetSpec(redis_tls=False, redis_ca_certificate="CA")), "CA certificate for Redis.*without TLS"),
        (replace(FLEET, storage=filesystem_storage()), "storage filesystem lies on one host.*use s3"),
        (
            replace(FLEET, storage=StorageSpec("s3", {"bucket": "b"}, SweeperSpec({"type": "s3"}, "b", {"access_key_id": "accesskey"}))),
            "rclone is to get credentials.*access_key_id",
        ),
    ],
)
def test_a_fleet_that_can_not_be_is_refused(spec: BundleSpec, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(spec)


def test_the_same_settings_are_fine_on_one_host() -> None:
    build(replace(DEFAULT, cache=Cache.INMEMORY))
    build(replace(DEFAULT, registry_major=RegistryMajor.V2))
    build(replace(FLEET, registry_major=RegistryMajor.V2, cache=Cache.NONE))


def test_the_keys_of_the_secret_are_those_that_the_host_asks_for() -> None:
    assert SECRET_KEYS == KEYS, "bundle.markers writes the secret, host.secret_values reads it"
    assert secret_values(SNAPSHOT_VALUES) == {key: getattr(SNAPSHOT_VALUES, key) for key in KEYS}
    with pytest.raises(ValueError, match="credentials for it: accesskey"):
        secret_values(replace(SNAPSHOT_VALUES, storage={"accesskey": "A"}))


@settings(max_examples=30)
@given(values=VALUES, name=st.sampled_from(sorted(FLEETS)))
def test_replacing_markers_gives_what_rendering_with_the_values_gives(values: Values, name: str) -> None:
    bundle = build(FLEETS[name])
    on_host = {**secret_values(values), "host": HOST_ID}
    for file in bundle.files:
        if isinstance(file.content, bytes):
            continue
        there = fill(file.path, marked(file).decode(), on_host) if callable(file.content) else marked(file).decode()
        direct = file.text(values).replace(HOST, HOST_ID)
        if file.name.endswith(".yml"):
            # Quotes may stand where rendering needs none; the meaning counts.
            assert yaml.safe_load(there) == yaml.safe_load(direct), file.path
        else:
            assert there == direct, file.path


_SPECIAL = st.characters(exclude_categories=("Cs",)).filter(
    lambda character: not (character.isascii() and character.isalnum()) and character not in "._-"
)


@settings(max_examples=30)
@given(before=_FITTING, special=_SPECIAL, after=_FITTING)
def test_a_value_that_could_change_the_meaning_of_a_file_is_refused_and_not_shown(before: str, special: str, after: str) -> None:
    values = {**secret_values(SNAPSHOT_VALUES), "host": HOST_ID, "http_secret": f"canary{before}{special}{after}"}
    with pytest.raises(HostError) as refused:
        fill("registry/config.yml", marked(build(FLEET).file("registry/config.yml")).decode(), values)
    assert "http_secret can't stand inside registry/config.yml" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_every_marker_stands_for_a_value_of_the_secret_or_the_host() -> None:
    for field, text in secret_values(MARKED).items():
        assert text == f"@@{field}@@"


SPECS = st.builds(
    replace,
    st.just(FLEET),
    replicas=st.integers(1, 16),
    cache=st.sampled_from([Cache.NONE, Cache.REDIS]),
    port=st.integers(1, 65535),
    log_level=st.sampled_from(["debug", "info"]),
    fleet=st.builds(FleetSpec, redis_ca_certificate=st.none() | st.text("abc\n", min_size=1), lease_seconds=st.integers(5, 60)),
)


@settings(max_examples=10)
@given(spec=SPECS)
def test_the_archive_is_the_same_bytes_for_the_same_bundle(spec: BundleSpec) -> None:
    first, second = fleet_archive(build(spec)), fleet_archive(build(spec))
    assert first.content == second.content
    assert first.sha256 == hashlib.sha256(first.content).hexdigest() and first.key == f"bundles/{first.sha256}.tar.gz"


def test_another_process_packs_the_same_bytes() -> None:
    program = (
        "from tests.bundle.specs import FLEET; from bundle.build import build; from bundle.fleet_archive import fleet_archive; "
        "print(fleet_archive(build(FLEET)).sha256)"
    )
    environment = {"PYTHONHASHSEED": "7", "PYTHONPATH": ".", "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == fleet_archive(build(FLEET)).sha256


def test_another_setting_is_another_archive() -> None:
    assert fleet_archive(build(FLEET)).sha256 != fleet_archive(build(replace(FLEET, log_level="debug"))).sha256


@given(content=st.binary(max_size=300_000) | st.integers(65530, 65540).map(bytes))
def test_stored_gzip_is_read_by_every_gunzip(content: bytes) -> None:
    assert gzip.decompress(stored_gzip(content)) == content


def test_the_archive_has_compose_files_manifest_and_agent_owned_by_root_at_no_time() -> None:
    bundle = build(FLEET)
    files = unpacked(bundle)
    agent = {f"host/{path.name}" for path in Path("host").glob("*.py")}
    expected = {"compose.yaml", "manifest.json", *(f"files/{file.path}" for file in bundle.files), *agent}
    assert set(files) == expected
    with tarfile.open(fileobj=io.BytesIO(fleet_archive(bundle).content)) as archive:
        for member in archive.getmembers():
            assert (member.uid, member.gid, member.mtime, member.mode) == (0, 0, 0, 0o644), member.name


def test_nothing_secret_is_in_the_archive() -> None:
    # The bundle never sees a value: only markers can be in it.
    found = b"".join(unpacked(build(FLEET)).values())
    for marker in ("private_key_pem", "htpasswd", "http_secret", "redis_password", "ops_password"):
        assert f"@@{marker}@@".encode() in found


def test_what_looks_like_a_marker_in_a_file_that_is_no_template_stays() -> None:
    storage = replace(ROLE_STORAGE, files=())
    spec = replace(FLEET, storage=storage, fleet=FleetSpec(redis_ca_certificate="@@http_secret@@"))
    manifest = json.loads(unpacked(build(spec))["manifest.json"])
    assert "registry/redis-ca.crt" not in manifest["filled"] and "ops/ops.zip" not in manifest["filled"]
    assert {"registry/config.yml", "ops/ops.json", "edge/tls.key", "ops/account"} <= set(manifest["filled"])


def test_the_manifest_has_the_order_of_start_and_of_the_end() -> None:
    manifest = json.loads(unpacked(build(FLEET))["manifest.json"])
    assert [service["name"] for service in manifest["services"]] == [service.name for service in build(FLEET).services]
    first, second, rest = manifest["stopOrder"]
    assert (first, second) == (["edge"], ["ops"]), "nobody new comes in, then ops takes leave of the fleet, while replicas still answer"
    assert {"registry-1", "registry-2", "collector", "sweeper"} == set(rest)


@pytest.mark.parametrize("name", FLEETS)
def test_the_edge_starts_when_everything_else_is_healthy(name: str) -> None:
    services = build(FLEETS[name]).services
    assert services[-1].name == "edge", "the load balancer would send pushes to a host whose edge refuses them until ops has joined"
    assert services[-1].after == tuple(service.name for service in services[:-1])
