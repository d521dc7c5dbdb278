"""Packages are installed for their programs; their services stay off, and the machine's own rules stay as they are."""

from pathlib import Path

import pytest

from offline.kit import apt
from offline.kit.errors import KitError


def test_services_are_refused_while_packages_are_installed_and_allowed_again_afterwards(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with pytest.raises(KitError), apt.no_services(policy):
        assert policy.stat().st_mode & 0o111, "a policy that cannot be run counts as none"
        assert "exit 101" in policy.read_text(encoding="utf-8")
        raise KitError("the installation failed")
    assert not policy.exists(), "otherwise no package could start its service ever again"


def test_a_policy_of_the_machine_stays(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    with apt.no_services(policy):
        assert "exit 0" in policy.read_text(encoding="utf-8")
    assert "exit 0" in policy.read_text(encoding="utf-8")


def test_without_root_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "may_install", lambda: False)
    with pytest.raises(KitError, match="run `sudo apt-get install nginx`"):
        apt.install(["nginx"], "the tests start it", services=False)
