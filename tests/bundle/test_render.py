"""What the bundle renders, as text. Snapshots lie in __snapshots__ for review; `pytest --snapshot-update` renews them."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from bundle import registry_config
from bundle.build import build
from bundle.model import BundleSpec, RegistryMajor, Values
from tests.bundle.specs import DEFAULT, SNAPSHOT_VALUES, VARIANTS


class TextFile(SingleFileSnapshotExtension):
    """One readable file a rendered file."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@pytest.mark.parametrize("name", VARIANTS)
def test_rendered_files_are_reviewed(name: str, snapshot: SnapshotAssertion) -> None:
    bundle = build(VARIANTS[name])
    text = "".join(
        f"==== {file.path} {file.mode:04o} {'secret' if file.secret else 'public'}\n{file.text(SNAPSHOT_VALUES)}\n"
        for file in bundle.files
        if not isinstance(file.content, bytes)
    )
    assert text == snapshot(extension_class=TextFile), "a changed rendering is looked at before it is deployed"


@pytest.mark.parametrize("name", VARIANTS)
def test_services_are_reviewed(name: str, snapshot: SnapshotAssertion) -> None:
    text = "".join(f"{service}\n" for service in build(VARIANTS[name]).services)
    assert text == snapshot(extension_class=TextFile)


@pytest.mark.parametrize("name", VARIANTS)
def test_no_version_gets_a_key_that_it_would_ignore(name: str) -> None:
    spec = VARIANTS[name]
    config = yaml.safe_load(build(spec).file("registry/config.yml").text(SNAPSHOT_VALUES))
    assert registry_config.unknown_keys(config, spec.registry_major) == []


def test_a_key_of_the_other_version_is_found_at_every_depth() -> None:
    both = {
        "storage": {"tag": {"concurrencylimit": 8}, "delete": {"enabled": True, "enbled": True}},
        "redis": {"addrs": ["redis:6379"], "addr": "redis:6379"},
        "reporting": {},
    }
    assert registry_config.unknown_keys(both, RegistryMajor.V2) == ["storage.tag", "storage.delete.enbled", "redis.addrs", "reporting"]
    assert registry_config.unknown_keys(both, RegistryMajor.V3) == ["storage.delete.enbled", "redis.addr", "reporting"]


def test_a_storage_section_with_an_unknown_key_stops_the_deployment() -> None:
    from dataclasses import replace  # noqa: PLC0415

    wrong = replace(DEFAULT, storage=replace(DEFAULT.storage, parameters={"rootdir": "/x"}))
    with pytest.raises(ValueError, match=r"storage\.filesystem\.rootdir"):
        registry_config.registry_config(wrong, SNAPSHOT_VALUES)


SECRET_VALUES = Values("PUBLIC-CERT", "canary-key", "canary-htpasswd", "canary-http", "canary-redis", "canary-ops")


@pytest.mark.parametrize("name", VARIANTS)
def test_secrets_stand_only_in_files_that_are_secret_and_unreadable_for_others(name: str) -> None:
    for file in build(VARIANTS[name]).files:
        if not isinstance(file.content, bytes) and "canary-" in file.text(SECRET_VALUES):
            assert file.secret, f"{file.path} would be in plain state"
            assert file.mode & 0o077 == 0, f"{file.path} could be read by other users of the host"
    for service in build(VARIANTS[name]).services:
        assert "canary-" not in str(service)


@pytest.mark.parametrize("name", VARIANTS)
def test_what_a_service_mounts_and_waits_for_exists(name: str) -> None:
    bundle = build(VARIANTS[name])
    volumes = {volume.name for volume in bundle.volumes}
    seen: set[str] = set()
    for service in bundle.services:
        assert {mount.volume for mount in service.mounts} <= volumes
        assert set(service.after) <= seen, f"{service.name} waits for a service that starts later"
        assert all(bundle.file(path) for path in service.restarts_with)
        seen.add(service.name)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_service_restarts_only_for_files_of_its_own(name: str) -> None:
    bundle = build(VARIANTS[name])
    for service in bundle.services:
        for path in service.restarts_with:
            group = bundle.file(path).group
            assert f"files-{group}" in {mount.volume for mount in service.mounts}


@given(replicas=st.integers(1, 16), port=st.integers(1, 65535))
def test_any_number_of_replicas_and_any_port_render(replicas: int, port: int) -> None:
    spec = BundleSpec(**{**DEFAULT.__dict__, "replicas": replicas, "port": port})
    bundle = build(spec)
    listed = bundle.file("edge/replicas").text(SNAPSHOT_VALUES).split()
    assert listed == [service.name for service in bundle.services if service.name.startswith("registry-")]
    published = [p.external for service in bundle.services for p in service.ports]
    assert published == [port]


def test_bundle_and_its_data_know_nothing_of_pulumi_or_a_cloud() -> None:
    for source in Path("bundle").rglob("*.py"):
        text = source.read_text()
        assert "import pulumi" not in text and "from components" not in text, f"{source} must stay pure: docs/architecture.md"
