"""On every storage the stack has the same containers as on a disk, but for what names its storage."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.engine_mocks import run_program
from tests.unit.test_storage_settings import AZURITE, ENDPOINT, azure, s3

Containers = Mapping[str, Mapping[str, Any]]

STORAGES: dict[str, dict[str, Any]] = {
    "s3": s3(region="eu-central-1"),
    "s3-compatible": {"storage": "s3", "s3": ENDPOINT},
    "azure": azure(),
    "azurite": {"storage": "azure", "azureBlob": AZURITE},
}


def _containers(values: Mapping[str, Any]) -> Containers:
    """Inputs of the stack's containers, by name."""
    return {container.name: container.inputs for container in run_program(values).mocks.of_type(":Container")}


OF_THE_STORAGE = {
    "config": {"mounts", "uploads"},
    "collector": {"mounts"},
    "sweeper": {"mounts", "labels"},
    "registry-1": {"mounts", "labels"},
    "registry-2": {"mounts", "labels"},
    "ops": {"labels"},
}
"""What may tell a container of its storage: its data and files, and the hash of files that makes it restart."""


@pytest.mark.parametrize("name", STORAGES)
def test_a_storage_changes_nothing_else_about_containers(name: str) -> None:
    disk, cloud = _containers({}), _containers(STORAGES[name])
    assert sorted(disk) == sorted(cloud)
    for container, on_disk in disk.items():
        differ = {key for key in {*on_disk, *cloud[container]} if on_disk.get(key) != cloud[container].get(key)}
        may = OF_THE_STORAGE.get(container.removeprefix("registry-test-"), set[str]())
        assert differ <= may, f"{container}: user, capabilities, memory, ports, health and logs must be those of a stack on a disk"
