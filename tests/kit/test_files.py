"""Files, wrappers, locks and progress lines."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from offline.images.packages import mirror_lines
from offline.kit import clean, places
from offline.kit.clean import live_stacks
from offline.kit.command import run
from offline.kit.errors import KitError
from offline.kit.files import point_link, write_if_changed, write_whole
from offline.kit.lock import locked
from offline.kit.progress import step
from offline.kit.venv import fingerprint
from offline.kit.wrappers import MODULES, write_plugin_home, write_wrappers


def test_files_are_replaced_with_their_mode(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "secret"
    write_whole(file, "one", mode=0o600)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not write_if_changed(file, "one", mode=0o600)
    assert write_if_changed(file, "two", mode=0o600)
    assert [path.name for path in file.parent.iterdir()] == ["secret"]


def test_links_are_moved(tmp_path: Path) -> None:
    point_link(tmp_path / "link", tmp_path / "a")
    point_link(tmp_path / "link", tmp_path / "b")
    assert (tmp_path / "link").readlink() == tmp_path / "b"


def test_a_wrapper_runs_this_checkouts_module_whatever_its_path(tmp_path: Path) -> None:
    repo = tmp_path / "a clone's folder"
    module = repo / "offline" / "plugins" / "random.py"
    module.parent.mkdir(parents=True)
    for package in (repo / "offline", module.parent):
        (package / "__init__.py").touch()
    module.write_text("import sys\nprint(sys.argv[1:], __file__)\n")
    write_wrappers(tmp_path / "bin", repo, Path(sys.executable), tmp_path / "pulumi")
    shown = subprocess.run([tmp_path / "bin" / "pulumi-resource-random", "a b"], capture_output=True, text=True, check=True, cwd="/")
    assert shown.stdout.strip() == f"['a b'] {module}"
    assert {path.name for path in (tmp_path / "bin").iterdir()} == {*MODULES, "pulumi"}


def test_the_engine_finds_a_wrapper_for_each_plugin_in_its_home(tmp_path: Path) -> None:
    write_plugin_home(tmp_path / "home", tmp_path, Path(sys.executable))
    found = {path.name: path.parent.name for path in (tmp_path / "home" / "plugins").glob("*/*")}
    assert found.keys() == MODULES.keys()
    for name, folder in found.items():
        assert folder.startswith(f"{name.removeprefix('pulumi-')}-v"), "the engine goes by the folder's name: kind, name, version"
    assert os.access(tmp_path / "home" / "plugins" / found["pulumi-resource-tls"] / "pulumi-resource-tls", os.X_OK)


def test_a_second_run_waits_for_the_lock(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []

    def second() -> None:
        with locked(tmp_path / "lock", "building"):
            order.append("second")

    with locked(tmp_path / "lock", "building"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting for another run that is busy with building" in capsys.readouterr().err


def test_steps_say_what_they_do_without_colour_when_not_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with step("building it"):
        pass
    with pytest.raises(KitError), step("failing"):
        raise KitError("no")
    shown = capsys.readouterr().err
    assert "building it ...\nbuilding it: done in 0.0 s\n" in shown
    assert "failing: failed after 0.0 s" in shown
    assert "\033" not in shown


def test_a_failing_command_is_one_readable_error() -> None:
    with pytest.raises(KitError, match=r"trying failed: `sh -c 'echo no >&2; exit 3'` exited 3:\nno"):
        run(["sh", "-c", "echo no >&2; exit 3"], why="trying failed")
    with pytest.raises(KitError, match="`no-such-program` is not installed"):
        run(["no-such-program"], why="trying")
    with pytest.raises(KitError, match="did not finish within 0 s"):
        run(["sleep", "5"], why="trying", timeout=0.05)


def test_mirrors_come_from_apt() -> None:
    targets = "\n".join(
        [
            "http://mirror.example/debian/|Debian|main",
            "http://mirror.example/debian/|Debian|contrib",
            "http://mirror.example/debian/|Debian|main",
            "http://mirror.example/security/|Debian-Security|main",
            "https://packages.example/other|Other|main",
        ]
    )
    assert mirror_lines(targets) == [
        "deb http://mirror.example/debian/ trixie main",
        "deb http://mirror.example/debian/ trixie-updates main",
        "deb http://mirror.example/security/ trixie-security main",
    ]
    assert mirror_lines("https://packages.example/other|Other|main") == []
    assert mirror_lines("mirror+file:/etc/apt/mirrors/debian.list|Debian|main") == []
    assert mirror_lines("") == []


def test_only_real_state_counts_as_a_living_stack(tmp_path: Path) -> None:
    folder = tmp_path / "backend" / ".pulumi" / "stacks" / "private-registry"
    folder.mkdir(parents=True)
    (folder / "dev.json").touch()
    for leftover in ("old.json.bak", "dev.json.attrs", "old.json.bak.attrs"):
        (folder / leftover).touch()
    assert live_stacks(tmp_path) == ["dev"]
    assert live_stacks(tmp_path / "none") == []


def test_the_environment_is_made_anew_when_a_file_or_python_changes() -> None:
    assert len({fingerprint([b"a"], "3.11"), fingerprint([b"b"], "3.11"), fingerprint([b"a"], "3.13")}) == 3


def test_clean_keeps_the_state_of_a_living_stack_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = tmp_path / "repo"
    for name, path in (("REPO", repo), ("STATE", repo / ".state"), ("VENV", repo / ".venv"), ("BIN", repo / ".state/bin")):
        monkeypatch.setattr(places, name, path)
    monkeypatch.setattr(places, "TOOLS", repo / ".state/tools")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    state = repo / ".state/backend/.pulumi/stacks/private-registry/dev.json"
    other = tmp_path / "other"
    example = repo / ".state/hello/version"
    for file in (state, repo / ".state/passphrase", repo / ".state/bin/pulumi", example, repo / "stack/__pycache__/a.pyc", other / "kept"):
        write_whole(file, "x")
    write_whole(tmp_path / "cache/private-registry/pulumi/x", "x")
    (repo / ".venv").symlink_to(other)
    clean.clean()
    assert state.exists()
    assert (repo / ".state/passphrase").exists()
    assert not (repo / ".state/bin").exists()
    assert not example.parent.exists()
    assert not (repo / ".venv").is_symlink()
    assert (other / "kept").exists(), "a link is removed, not what it leads to"
    assert not (tmp_path / "cache/private-registry").exists()
    assert not (repo / "stack/__pycache__").exists()
    state.unlink()
    write_whole(repo / "Pulumi.dev.yaml", "config: {}\nencryptionsalt: v1:a:v1:b:c\n")
    clean.clean()
    assert [path.name for path in (repo / ".state").iterdir()] == ["passphrase"], "the stack file's values can still be decrypted"
    (repo / "Pulumi.dev.yaml").unlink()
    clean.clean()
    assert not (repo / ".state").exists()
