"""What the kit's CLI is built without."""

import re
from pathlib import Path

import pytest

from offline.kit import gobuild, left_out
from offline.kit.errors import KitError
from offline.kit.left_out import LeftOut
from offline.kit.places import REPO

WITHOUT = REPO / gobuild.CLI.folder / "without"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A module as it lies in the module cache: not writable."""
    folder = tmp_path / "cache" / "m@v1"
    for name in ("go.mod", "a/keep.go", "a/drop.go", "a/drop_test.go", "a/testdata/x.go", "b/other.go"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    for path in sorted(folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return folder


def _lay(module: Path, tmp_path: Path, part: LeftOut) -> Path:
    without = tmp_path / "without"
    (without / "a").mkdir(parents=True)
    (without / "a" / "ours.go").write_text("ours")
    return left_out.lay([part], {"m": module}, without, tmp_path / "copies")["m"]


def test_files_are_left_out_and_ours_take_their_place(module: Path, tmp_path: Path) -> None:
    copy = _lay(module, tmp_path, LeftOut("m", "a", keep=("keep.go",), ours="a"))
    assert {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()} == {"go.mod", "a/keep.go", "a/ours.go", "b/other.go"}
    assert (module / "a" / "drop.go").exists(), "the module cache is other builds' too"


def test_single_files_can_be_left_out(module: Path, tmp_path: Path) -> None:
    copy = _lay(module, tmp_path, LeftOut("m", "a", drop=("drop.go",)))
    assert {path.name for path in (copy / "a").iterdir()} == {"keep.go"}


@pytest.mark.parametrize(
    ("part", "missing"),
    [
        (LeftOut("m", "a", drop=("gone.go",)), "gone.go"),
        (LeftOut("m", "a", keep=("gone.go",)), "gone.go"),
        (LeftOut("m", "c"), r"\*\.go"),
    ],
)
def test_an_upgrade_that_moves_what_is_left_out_is_noticed(module: Path, tmp_path: Path, part: LeftOut, missing: str) -> None:
    with pytest.raises(KitError, match=f"m has no {missing} in .*: adapt offline/kit/left_out.py"):
        _lay(module, tmp_path, part)


def test_the_copies_stand_for_the_modules() -> None:
    text = left_out.with_replacements("module x\n", {"m": Path("/copies/0")})
    assert text == "module x\n\nreplace m => /copies/0\n"


def test_every_folder_of_ours_is_used_and_every_one_that_is_named_exists() -> None:
    named = {part.ours for part in left_out.CLI if part.ours}
    assert named == {path.name for path in WITHOUT.iterdir()}
    assert all(list((WITHOUT / name).glob("*.go")) for name in named)


def test_whoever_asks_for_what_is_left_out_is_told_where_to_get_it() -> None:
    messages = [match for path in WITHOUT.rglob("*.go") for match in re.findall(r"errors\.New\((.+)", path.read_text(encoding="utf-8"))]
    assert len(messages) == 7
    assert all("offline kit's CLI" in message for message in messages)


def test_what_users_are_told_to_use_stays() -> None:
    """docs/ci.md and README.md: state in s3:// and azblob://, keys with awskms:// and azurekeyvault://."""
    gone = {part.package for part in left_out.CLI}
    assert not gone & {"blob/s3blob", "blob/azureblob", "blob/fileblob", "secrets/awskms", "secrets/azurekeyvault", "backend/httpstate"}
