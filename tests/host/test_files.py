"""Files reach the services whole or not at all, and unchanged ones stay as they are."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from host import files
from host.files import HostFile, hash_of, make_data_folders, remove_other_groups, write_files
from tests.host.machine import GID, UID


def _groups(**edge: str) -> dict[str, dict[str, HostFile]]:
    found = {name: HostFile(text.encode(), 0o400 if name == "key" else 0o444) for name, text in edge.items()}
    return {"edge": found, "ops": {"account": HostFile(b"ops:x\n", 0o400)}}


def _status(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def test_files_get_owner_and_mode_and_only_services_see_into_their_folder(tmp_path: Path) -> None:
    changed = write_files(tmp_path / "files", _groups(conf="a", key="secret"), UID)
    assert changed == ["edge/conf", "edge/key", "ops/account"]
    key, folder = (tmp_path / "files/edge/key").stat(), (tmp_path / "files/edge").stat()
    assert (key.st_uid, key.st_gid, stat.S_IMODE(key.st_mode)) == (UID, GID, 0o400)
    assert (folder.st_gid, stat.S_IMODE(folder.st_mode)) == (GID, 0o750), "others must not see the names"
    assert stat.S_IMODE((tmp_path / "files").stat().st_mode) == 0o711


def test_the_version_lists_the_hashes_as_the_config_service_does(tmp_path: Path) -> None:
    write_files(tmp_path, _groups(conf="a", key="secret"), UID)
    assert [line.split()[1] for line in (tmp_path / "edge/.version").read_text().splitlines()] == ["conf", "key"]
    subprocess.run(["sha256sum", "--check", "--status", ".version"], cwd=tmp_path / "edge", check=True)


def test_a_second_time_nothing_is_touched(tmp_path: Path) -> None:
    write_files(tmp_path, _groups(conf="a", key="k"), UID)
    before = {path: _status(path) for path in tmp_path.rglob("*") if path.is_file()}
    assert write_files(tmp_path, _groups(conf="a", key="k"), UID) == []
    assert {path: _status(path) for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_changed_file_is_another_file_and_its_neighbours_stay(tmp_path: Path) -> None:
    write_files(tmp_path, _groups(conf="a", key="k"), UID)
    with (tmp_path / "edge/conf").open() as reader:
        key, version = _status(tmp_path / "edge/key"), (tmp_path / "edge/.version").read_text()
        assert write_files(tmp_path, _groups(conf="b", key="k"), UID) == ["edge/conf"]
        assert reader.read() == "a", "who reads it at this moment gets the old one whole"
    assert (tmp_path / "edge/conf").read_text() == "b"
    assert _status(tmp_path / "edge/key") == key
    assert (tmp_path / "edge/.version").read_text() != version


def test_a_wrong_mode_is_put_right(tmp_path: Path) -> None:
    write_files(tmp_path, _groups(key="k"), UID)
    (tmp_path / "edge/key").chmod(0o644)
    assert write_files(tmp_path, _groups(key="k"), UID) == ["edge/key"]
    assert stat.S_IMODE((tmp_path / "edge/key").stat().st_mode) == 0o400


def test_a_file_that_is_no_longer_used_goes(tmp_path: Path) -> None:
    write_files(tmp_path, _groups(conf="a", key="k"), UID)
    assert write_files(tmp_path, _groups(conf="a"), UID) == ["edge/key"]
    assert not (tmp_path / "edge/key").exists()
    assert "key" not in (tmp_path / "edge/.version").read_text()


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, _groups(conf="a", key="k"), UID)
    before = {path: _status(path) for path in tmp_path.rglob("*") if path.is_file()}
    real, left = os.fsync, [1]

    def full_at_the_second(descriptor: int) -> None:
        if not left[0]:
            raise OSError(28, "No space left on device")
        left[0] -= 1
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", full_at_the_second)
    with pytest.raises(OSError, match="No space left"):
        write_files(tmp_path, _groups(conf="b", key="l"), UID)
    assert {path: _status(path) for path in tmp_path.rglob("*") if path.is_file()} == before, (
        "a new certificate with the old key breaks TLS"
    )


def test_the_version_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = Path.replace

    def noted(self: Path, target: Path) -> Path:
        written.append(Path(target).name)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    write_files(tmp_path, _groups(conf="a", key="k"), UID)
    assert written == ["conf", "key", "account", ".version", ".version"], "the edge reloads when it sees a new version"


def test_what_an_interrupted_run_left_is_no_obstacle(tmp_path: Path) -> None:
    write_files(tmp_path, _groups(conf="a"), UID)
    (tmp_path / "edge/.new-conf").write_text("half")
    (tmp_path / "edge/.new-other").write_text("half")
    assert write_files(tmp_path, _groups(conf="b"), UID) == ["edge/conf"]
    assert sorted(path.name for path in (tmp_path / "edge").iterdir()) == [".version", "conf"]


def test_groups_that_the_bundle_no_longer_has_go(tmp_path: Path) -> None:
    write_files(tmp_path, {**_groups(conf="a"), "old": {"key": HostFile(b"secret", 0o400)}}, UID)
    remove_other_groups(tmp_path, _groups(conf="a"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["edge", "ops"]


def test_data_folders_become_the_services_own_with_all_they_hold(tmp_path: Path) -> None:
    (tmp_path / "journal/deep").mkdir(parents=True)
    (tmp_path / "journal/deep/file").write_text("x")
    (tmp_path / "journal/link").symlink_to("/etc/hostname")
    make_data_folders(tmp_path, ["gate", "journal"], UID)
    for path in (tmp_path / "gate", tmp_path / "journal", tmp_path / "journal/deep", tmp_path / "journal/deep/file"):
        assert path.stat().st_uid == UID, path
    assert Path("/etc/hostname").stat().st_uid == 0, "links are not followed"
    before = _status(tmp_path / "journal")
    make_data_folders(tmp_path, ["gate", "journal"], UID)
    assert _status(tmp_path / "journal") == before


def test_the_hash_changes_with_each_file_and_with_nothing_else() -> None:
    groups = _groups(conf="a", key="k")
    assert hash_of(["edge/conf", "edge/key"], groups) == hash_of(["edge/conf", "edge/key"], _groups(conf="a", key="k", more="m"))
    assert hash_of(["edge/conf", "edge/key"], groups) != hash_of(["edge/conf", "edge/key"], _groups(conf="a", key="l"))
    assert hash_of(["edge/conf", "edge/key"], _groups(conf="ab", key="c")) != hash_of(
        ["edge/conf", "edge/key"], _groups(conf="a", key="bc")
    )
