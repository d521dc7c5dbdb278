"""`make ops`."""

import pytest

from offline.kit.errors import KitError
from stack.operations import ops_command


def test_the_arguments_follow_the_stacks_own_command() -> None:
    outputs = {"opsCommand": "docker --host ssh://a@b exec registry-dev-ops python3 -m ops"}
    command = ops_command(outputs, "dev", ["gc", "--dry-run"])
    assert command == ["docker", "--host", "ssh://a@b", "exec", "registry-dev-ops", "python3", "-m", "ops", "gc", "--dry-run"]


def test_without_arguments_the_help_is_shown() -> None:
    assert ops_command({"opsCommand": "x"}, "dev", []) == ["x", "--help"]


def test_a_stack_that_was_never_deployed_is_named() -> None:
    with pytest.raises(KitError, match="stack dev has no output opsCommand"):
        ops_command({}, "dev", [])
