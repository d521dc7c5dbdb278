"""The user data of a fleet's hosts."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from bundle import user_data as module
from bundle.user_data import LIMIT_BYTES, UserData, user_data
from host import boot
from policies.user_data import secrets_in
from tests.bundle.test_render import TextFile

SHA = "0123456789abcdef" * 4
GIVEN = UserData(
    bucket="registry-config-123456789012",
    key=f"bundles/{SHA}.tar.gz",
    sha256=SHA,
    secret="arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf",
    region="eu-central-1",
)


def _files() -> dict[str, dict[str, Any]]:
    return {file["path"]: file for file in yaml.safe_load(user_data(GIVEN))["write_files"]}


def _unit(name: str) -> str:
    return _files()[f"/etc/systemd/system/{name}"]["content"]


def test_user_data_is_reviewed(snapshot: SnapshotAssertion) -> None:
    # The boot script is reviewed where it is written.
    text = user_data(GIVEN).replace(_indented(module.BOOT_SCRIPT), "    (host/boot.py)\n")
    assert "(host/boot.py)" in text
    assert text == snapshot(extension_class=TextFile)


def _indented(path: Path) -> str:
    return "".join(f"    {line}" if line.strip() else line for line in path.read_text().splitlines(keepends=True))


def test_it_fits_and_leaves_room_for_long_names() -> None:
    assert len(user_data(GIVEN).encode()) < LIMIT_BYTES - 1024


def test_one_that_ec2_would_refuse_is_refused_here() -> None:
    with pytest.raises(ValueError, match=r"the user data has \d+ bytes, EC2 takes 16384: host/boot.py must get shorter"):
        user_data(UserData("b" * LIMIT_BYTES, "k", "s", "arn", "region"))


@pytest.mark.live
def test_cloud_init_accepts_it(tmp_path: Path) -> None:
    command = shutil.which("cloud-init")
    assert command, "cloud-init is missing: `make test` installs it (offline/kit/prepare.py)"
    path = tmp_path / "user-data"
    path.write_text(user_data(GIVEN))
    done = subprocess.run([command, "schema", "--config-file", str(path)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 and "alid" in done.stdout, done.stdout + done.stderr
    path.write_text(user_data(GIVEN).replace("permissions:", "permission:"))
    refused = subprocess.run([command, "schema", "--config-file", str(path)], capture_output=True, text=True, check=False, timeout=60)
    assert refused.returncode != 0, "cloud-init checks keys, so the check above says something"


@pytest.mark.live
def test_systemd_accepts_its_units(tmp_path: Path) -> None:
    command = shutil.which("systemd-analyze")
    assert command, "systemd-analyze is missing: `make test` installs it (offline/kit/prepare.py)"
    script = tmp_path / "boot"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    units: list[str] = []
    for path, file in _files().items():
        if path.startswith("/etc/systemd/system/"):
            unit = tmp_path / Path(path).name
            unit.write_text(file["content"].replace("/usr/local/sbin/private-registry-boot", str(script)))
            units.append(str(unit))
    assert len(units) == 3
    done = subprocess.run([command, "verify", "--man=no", *units], capture_output=True, text=True, check=False, timeout=60)
    about_ours = [line for line in done.stderr.splitlines() if "private-registry" in line]
    # Units of packages that are not installed here, and words that older releases than Debian 13's do not know.
    assert not [line for line in about_ours if "docker.service" not in line and "Restart" not in line], done.stderr


def test_it_holds_what_the_host_needs_to_find_its_bundle_and_nothing_secret() -> None:
    assert json.loads(_files()["/etc/private-registry/boot.json"]["content"]) == {
        "bucket": GIVEN.bucket,
        "key": GIVEN.key,
        "sha256": SHA,
        "secret": GIVEN.secret,
        "region": GIVEN.region,
    }
    assert "@@" not in user_data(GIVEN), "markers belong into the bundle: user data can be read by everybody on the host"


def test_the_policy_pack_finds_no_secret_in_it() -> None:
    assert list(secrets_in(user_data(GIVEN))) == []
    assert list(secrets_in(user_data(replace(GIVEN, region="password: hunter2x")))), "the policy looks into the files, too"


def test_the_boot_script_arrives_as_it_is_and_can_be_run() -> None:
    file = _files()["/usr/local/sbin/private-registry-boot"]
    assert file["content"] == module.BOOT_SCRIPT.read_text()
    assert file["permissions"] == "0755"
    assert file["content"].startswith("#!/usr/bin/python3\n")
    compile(file["content"], "boot", "exec")


def test_a_second_run_writes_the_same_and_waits_for_nothing() -> None:
    document = yaml.safe_load(user_data(GIVEN))
    assert user_data(GIVEN) == user_data(GIVEN)
    assert set(document) == {"write_files", "runcmd"}
    assert all(not file.get("append") for file in document["write_files"])
    commands = [" ".join(command) for command in document["runcmd"]]
    assert all(command.startswith("systemctl ") for command in commands)
    assert "--no-block" in commands[-1], "cloud-init is a unit itself: waiting for one that waits for the network can block the boot"


def test_failures_reach_the_console_and_are_tried_again() -> None:
    for name in ("private-registry.service", "private-registry-refresh.service"):
        assert "StandardOutput=journal+console\n" in _unit(name), "nobody can log in to an instance that did not come up"
    assert "Restart=on-failure\n" in _unit("private-registry.service")
    assert "StartLimitIntervalSec=0\n" in _unit("private-registry.service"), "systemd would give up after five tries"


def test_the_end_waits_for_the_longest_service_of_each_group() -> None:
    from bundle.build import build  # noqa: PLC0415
    from bundle.fleet_archive import manifest  # noqa: PLC0415
    from tests.bundle.specs import FLEET  # noqa: PLC0415

    bundle = build(FLEET)
    order = manifest(bundle, {})["stopOrder"]
    assert isinstance(order, list)
    seconds = sum(max(bundle.service(name).stop_seconds for name in names) for names in order)
    unit = _unit("private-registry.service")
    assert "TimeoutStopSec=6min\n" in unit and seconds + 60 < 6 * 60, "systemd would kill what is still ending"


def test_a_refresh_never_runs_beside_a_start_or_after_the_end() -> None:
    unit = _unit("private-registry-refresh.service")
    assert "After=private-registry.service\n" in unit
    assert "PartOf=private-registry.service\n" in unit
    assert "ConditionPathExists=/run/private-registry/up\n" in unit
    assert (boot.Places(Path("/")).run / "up") == Path("/run/private-registry/up")
