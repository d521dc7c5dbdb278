"""What hosts of every platform must do alike: the same bundle goes in, the same outputs come out."""

import base64
import io
import tarfile
from typing import Any

import pytest
import yaml

from bundle.build import build
from bundle.model import Bundle, Cache, FleetSpec
from components.hosts import platform_of
from components.registry import bundle_spec
from components.settings.model import PAIRS, Platform, Settings, Storage
from components.storage.access import Identity
from components.storage.azure_blob import azure_spec
from components.storage.filesystem import filesystem_storage
from components.storage.s3 import s3_spec
from tests.unit.engine_mocks import Run, is_secret_input, run_program, settings_of
from tests.unit.test_aws_settings import PLATFORMS, STORAGES

VALID = [(platform, storage) for platform in Platform for storage in PAIRS[platform]]


def _values(platform: Platform, storage: Storage) -> dict[str, Any]:
    return {**STORAGES[storage], **PLATFORMS[platform]}


@pytest.fixture(scope="module", params=VALID, ids=lambda pair: f"{pair[0]}-{pair[1]}")
def deployed(request: pytest.FixtureRequest) -> tuple[Settings, Run]:
    """Each valid pair of platform and storage."""
    values = _values(*request.param)
    return settings_of(**values), run_program(values)


def _bundle(settings: Settings) -> Bundle:
    """The bundle that the program's own hosts are given."""
    platform = platform_of(settings)
    storage = filesystem_storage()
    if settings.s3:
        storage = s3_spec(settings.s3, settings.registry_major, platform.identity)
    if settings.azure_blob:
        storage = azure_spec(settings.azure_blob, settings.registry_major)
    return build(bundle_spec(settings, storage, platform.bind_address, platform.fleet))


def _docker_services(run: Run) -> dict[str, dict[str, Any]]:
    """What the containers of a Docker host are told, in the words of compose."""
    return {
        container.name.removeprefix("registry-test-"): {
            "user": container.inputs["user"],
            "read_only": container.inputs["readOnly"],
            "cap_drop": container.inputs["capabilities"]["drops"],
            "security_opt": container.inputs["securityOpts"],
            "mem_limit": f"{int(container.inputs['memory'])}m",
            "memswap_limit": f"{int(container.inputs['memorySwap'])}m",
            "restart": container.inputs["restart"],
            "ports": [int(port["external"]) for port in container.inputs.get("ports", [])],
        }
        for container in run.mocks.of_type("docker:index/container:Container")
    }


def _archive(run: Run) -> dict[str, str]:
    packed = base64.b64decode(run.mocks.one(":BucketObjectv2", "registry-test-bundle").inputs["contentBase64"])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read().decode("utf-8", "replace") for name, file in files.items() if file}


def _fleet_services(run: Run) -> dict[str, dict[str, Any]]:
    services = yaml.safe_load(_archive(run)["compose.yaml"])["services"]
    kept = ("user", "read_only", "cap_drop", "security_opt", "mem_limit", "memswap_limit", "restart")
    return {
        name: {**{key: service[key] for key in kept}, "ports": [int(port["published"]) for port in service["ports"]]}
        for name, service in services.items()
    }


def _services(settings: Settings, run: Run) -> dict[str, dict[str, Any]]:
    return _fleet_services(run) if platform_of(settings).fleet else _docker_services(run)


def test_every_platform_runs_each_service_of_the_bundle(deployed: tuple[Settings, Run]) -> None:
    settings, run = deployed
    assert sorted(_services(settings, run)) == sorted(service.name for service in _bundle(settings).services)


def test_every_platform_hardens_each_service_alike(deployed: tuple[Settings, Run]) -> None:
    settings, run = deployed
    found = _services(settings, run)
    for service in _bundle(settings).services:
        assert found[service.name] == {
            "user": service.user,
            "read_only": service.read_only,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "mem_limit": f"{service.memory_mib}m",
            "memswap_limit": f"{service.memory_mib}m",
            "restart": "unless-stopped",
            "ports": [port.external for port in service.ports],
        }, service.name


def test_every_platform_hands_each_file_of_the_bundle_on(deployed: tuple[Settings, Run]) -> None:
    settings, run = deployed
    wanted = {file.path for file in _bundle(settings).files}
    if platform_of(settings).fleet:
        found = {name.removeprefix("files/") for name in _archive(run) if name.startswith("files/")}
    else:
        uploads = run.mocks.one(":Container", "registry-test-config").inputs["uploads"]
        found = {upload["file"].removeprefix("/bundle/") for upload in uploads}
    assert found == wanted


def test_only_the_edge_is_reachable_on_every_platform(deployed: tuple[Settings, Run]) -> None:
    settings, run = deployed
    assert {name: found["ports"] for name, found in _services(settings, run).items() if found["ports"]} == {"edge": [443]}


def test_every_platform_says_how_to_use_the_registry(deployed: tuple[Settings, Run]) -> None:
    _, run = deployed
    assert run.outputs["url"] == "https://registry.example.com"
    assert run.outputs["caCertificate"].startswith("CERTIFICATE")
    assert "docker login" in run.outputs["clientSetup"]
    assert run.outputs["accounts.admin"] and run.secret_outputs["accounts.admin"]
    assert run.outputs["address"], "what the DNS record points to"
    assert run.outputs["opsCommand"].split()[0] in ("docker", "sh")
    assert [key for key, secret in run.secret_outputs.items() if secret] == ["accounts.admin"]


def test_every_platform_keeps_the_images_unless_told_otherwise(deployed: tuple[Settings, Run]) -> None:
    settings, run = deployed
    kept = {
        Storage.FILESYSTEM: "docker:index/volume:Volume registry-test-storage",
        Storage.S3: "aws:s3/bucket:Bucket registry-test-images",
        Storage.AZURE: "azure-native:storage:StorageAccount registry-test-images",
    }[settings.storage]
    assert kept in {f"{resource.type} {resource.name}" for resource in run.mocks.resources if resource.protect}


def _open(value: object) -> str:
    if is_secret_input(value):
        return ""
    if isinstance(value, dict):
        return " ".join(_open(inner) for inner in value.values())
    return " ".join(_open(inner) for inner in value) if isinstance(value, list) else str(value)


def test_no_platform_hands_a_secret_on_in_plain_text(deployed: tuple[Settings, Run]) -> None:
    _, run = deployed
    assert len(run.mocks.generated) >= 6
    for resource in run.mocks.resources:
        text = _open(resource.inputs)
        assert not [secret for secret in run.mocks.generated if secret in text], f"{resource.type} {resource.name}"


def test_a_single_host_has_its_own_redis_and_a_fleet_a_managed_one() -> None:
    docker, aws = (settings_of(**_values(platform, Storage.S3)) for platform in (Platform.DOCKER, Platform.AWS))
    assert (platform_of(docker).fleet, platform_of(docker).identity) == (None, Identity.KEY)
    assert (platform_of(aws).fleet, platform_of(aws).identity) == (FleetSpec(), Identity.ROLE)
    names = {service.name for service in _bundle(docker).services} - {service.name for service in _bundle(aws).services}
    assert docker.cache is Cache.REDIS and names == {"config", "redis"}
