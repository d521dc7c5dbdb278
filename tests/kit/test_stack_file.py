"""What the kit reads from a stack file."""

from pathlib import Path

import pytest

from offline.kit.engine_api import DEFAULT_HOST, Address
from offline.kit.errors import KitError
from offline.kit.stack_file import locate, wishes


def test_a_missing_stack_file_names_those_that_exist(tmp_path: Path) -> None:
    for name in ("dev", "aws"):
        (tmp_path / f"Pulumi.{name}.yaml").touch()
    with pytest.raises(
        KitError, match=r"no stack file Pulumi\.prod\.yaml \(there are: aws, dev\).*cp Pulumi\.dev\.yaml Pulumi\.prod\.yaml"
    ):
        locate(tmp_path, "prod")
    assert locate(tmp_path, "aws") == tmp_path / "Pulumi.aws.yaml"


def test_an_empty_file_means_the_defaults() -> None:
    found = wishes("", {})
    assert (found.platform, found.cache, dict(found.images)) == ("docker", "redis", {})
    assert found.address == Address(DEFAULT_HOST)
    assert found.address.is_local_default


def test_settings_are_read() -> None:
    text = """
config:
  private-registry:cache: none
  private-registry:docker: {host: "ssh://me@box:22", sshOptions: [-o, StrictHostKeyChecking=yes]}
  private-registry:images: {edge: "nginx:1"}
"""
    found = wishes(text, {"DOCKER_HOST": "tcp://other:2375"})
    assert found.address == Address("ssh://me@box:22", ("-o", "StrictHostKeyChecking=yes"))
    assert not found.address.is_local_default
    assert dict(found.images) == {"edge": "nginx:1"}
    assert found.cache == "none"


def test_the_environment_names_the_engine_when_the_file_does_not() -> None:
    assert wishes("config: {}", {"DOCKER_HOST": "tcp://other:2375"}).address.host == "tcp://other:2375"


def test_wrong_types_are_left_to_the_program() -> None:
    assert wishes("config:\n  private-registry:docker: [1]\n  private-registry:images: x\n", {}).address.host == DEFAULT_HOST


def test_broken_yaml_is_one_clear_error() -> None:
    with pytest.raises(KitError) as stopped:
        wishes("config:\n  a: [1, 2\n", {}, "Pulumi.dev.yaml")
    assert str(stopped.value) == "Pulumi.dev.yaml is no valid YAML: line 3, column 1: expected ',' or ']', but got '<stream end>'"
