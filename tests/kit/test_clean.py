"""What `make clean` keeps of the local state although no stack lives in it."""

from pathlib import Path

import pytest

from offline.kit import clean, places


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "STATE", tmp_path)
    (tmp_path / "passphrase").write_text("x")
    return tmp_path


def test_objects_of_a_local_s3_server_are_kept(state: Path) -> None:
    objects = state / "s3-server" / "s3-compatible"
    objects.mkdir(parents=True)
    assert clean._kept([]) == {state / "s3-server", state / "local"}
    objects.rmdir()
    assert clean._kept([]) == set()


def test_the_passphrase_of_encrypted_values_is_kept(state: Path) -> None:
    assert clean._kept(["Pulumi.prod.yaml"]) == {state / "passphrase"}
