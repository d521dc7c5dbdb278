"""Settings of this machine that belong into no tracked file."""

from pathlib import Path

import pytest

from offline.kit.errors import KitError
from stack import local_values
from stack.local_values import LocalValues


def test_what_was_saved_is_loaded_and_only_the_user_can_read_it(tmp_path: Path) -> None:
    values = LocalValues({"s3.endpoint": "http://192.0.2.1:1"}, {"s3.secretAccessKey": "hidden"})
    local_values.save(tmp_path, "dev", values)
    assert local_values.load(tmp_path, "dev") == values
    assert (tmp_path / "local" / "dev.json").stat().st_mode & 0o777 == 0o600


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert local_values.load(tmp_path, "dev") == LocalValues()
    local_values.save(tmp_path, "dev", LocalValues({"a.b": "c"}))
    local_values.forget(tmp_path, "dev")
    assert local_values.load(tmp_path, "dev") == LocalValues()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"other": 1}'])
def test_a_file_that_is_not_ours_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "dev.json").write_text(text)
    with pytest.raises(KitError, match=r"dev\.json cannot be read"):
        local_values.load(tmp_path, "dev")


def test_secrets_do_not_show_in_messages() -> None:
    assert "hidden" not in repr(LocalValues({}, {"s3.secretAccessKey": "hidden"}))
