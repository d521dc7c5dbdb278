"""The passphrase of the local backend."""

import base64
import os
from pathlib import Path

import pytest

from offline.kit.errors import KitError
from stack import passphrase

# Written by the real Pulumi CLI 3.274.1 for the passphrase "abc".
SALT = "v1:UR0dEBK6yZg=:v1:q8t9GiSkHNpV9/9C:cbnohIuOKTpmkZej/9AmpnADm2A0og=="


def test_a_passphrase_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    added = passphrase.ensure({}, tmp_path, [])
    file = tmp_path / "passphrase"
    assert added == {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    assert file.stat().st_mode & 0o777 == 0o600
    made = file.read_text()
    # At least 190 bits, in URL-safe base64 without padding.
    assert len(base64.urlsafe_b64decode(made.strip() + "==")) * 8 >= 190
    assert passphrase.ensure({}, tmp_path, ["dev"]) == added
    assert file.read_text() == made


def test_state_without_its_passphrase_is_refused_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"passphrase is missing: state of dev exists .* Nothing was changed"):
        passphrase.ensure({}, tmp_path, ["dev"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
def test_the_users_own_passphrase_is_left_alone(tmp_path: Path, name: str) -> None:
    assert passphrase.ensure({name: ""}, tmp_path, ["dev"]) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_passphrase_is_checked_against_pulumis_salt() -> None:
    assert passphrase.fits("abc", SALT)
    assert not passphrase.fits("abd", SALT)


@pytest.mark.parametrize("salt", ["v2:future", "v1:a:v1:b:c", "v1:UR0dEBK6yZg=:v1:q8t9GiSkHNpV9/9C:"])
def test_a_salt_of_unknown_form_is_left_to_pulumi(salt: str) -> None:
    assert passphrase.fits("abc", salt) or salt.endswith(":")


def test_a_wrong_passphrase_is_one_clear_error(tmp_path: Path) -> None:
    passphrase.check({"PULUMI_CONFIG_PASSPHRASE": "abc"}, SALT, "dev")
    passphrase.check({"PULUMI_CONFIG_PASSPHRASE": "wrong"}, None, "dev")
    passphrase.check({}, SALT, "dev")
    with pytest.raises(KitError, match=r"wrong passphrase for stack dev \(PULUMI_CONFIG_PASSPHRASE\)"):
        passphrase.check({"PULUMI_CONFIG_PASSPHRASE": "wrong"}, SALT, "dev")
    file = tmp_path / "p"
    file.write_text("wrong\n")
    with pytest.raises(KitError, match=f"wrong passphrase for stack dev .{file}"):
        passphrase.check({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}, SALT, "dev")
    file.write_text("abc\n")
    passphrase.check({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}, SALT, "dev")


def test_a_passphrase_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="passphrase file cannot be read"):
        passphrase.check({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "none")}, SALT, "dev")


def test_a_file_that_fitted_is_not_checked_again_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, memory = tmp_path / "p", passphrase.known(tmp_path, "dev")
    environment = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    file.write_text("abc\n")
    passphrase.check(environment, SALT, "dev", memory)
    assert "abc" not in memory.read_text()
    assert memory.stat().st_mode & 0o777 == 0o600
    derived: list[str] = []
    fits = passphrase.fits
    monkeypatch.setattr(passphrase, "fits", lambda word, salt: derived.append(word) or fits(word, salt))
    passphrase.check(environment, SALT, "dev", memory)
    assert derived == [], "deriving the key takes a third of a second"
    about = file.stat()
    file.write_text("abd\n")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    with pytest.raises(KitError, match="wrong passphrase"):
        passphrase.check(environment, SALT, "dev", memory)
    passphrase.check({"PULUMI_CONFIG_PASSPHRASE": "abc", **environment}, SALT, "dev", memory)
    assert derived == ["abd", "abc"], "one from a variable leaves no trace, and is checked each time"


def test_a_wrong_file_is_not_remembered(tmp_path: Path) -> None:
    file, memory = tmp_path / "p", passphrase.known(tmp_path, "dev")
    file.write_text("wrong\n")
    for _ in range(2):
        with pytest.raises(KitError, match="wrong passphrase"):
            passphrase.check({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}, SALT, "dev", memory)
    assert not memory.exists()
    file.write_text("abc\n")
    passphrase.check({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}, SALT, "dev", memory)
    with pytest.raises(KitError, match="wrong passphrase"):
        passphrase.check({"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}, SALT.replace("UR0d", "UR0e"), "dev", memory)
