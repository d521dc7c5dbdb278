"""Whether the kit provides the CLI."""

import os
from pathlib import Path

import pytest

from offline.kit.errors import KitError
from offline.kit.need import Mode, decide_cli, mode_of, vendor_cli


def _program(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "pulumi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_vendor_cli_is_found_on_path(tmp_path: Path) -> None:
    vendor = _program(tmp_path / "vendor")
    assert vendor_cli(f"{tmp_path / 'empty'}{os.pathsep}{vendor.parent}", [tmp_path / "own"]) == vendor


def test_own_cli_on_path_does_not_count_even_through_a_link(tmp_path: Path) -> None:
    own = _program(tmp_path / "cache")
    linked = tmp_path / "elsewhere" / "pulumi"
    linked.parent.mkdir()
    linked.symlink_to(own)
    assert vendor_cli(f"{own.parent}{os.pathsep}{linked.parent}", [tmp_path / "cache"]) is None


def test_a_file_that_cannot_be_run_is_no_cli(tmp_path: Path) -> None:
    _program(tmp_path / "bin").chmod(0o644)
    (tmp_path / "bin2" / "pulumi").mkdir(parents=True)
    assert vendor_cli(f"{tmp_path / 'bin'}{os.pathsep}{tmp_path / 'bin2'}", []) is None


@pytest.mark.parametrize(
    ("mode", "vendor", "kit"),
    [
        (Mode.AUTO, None, True),
        (Mode.AUTO, Path("/opt/pulumi"), False),
        (Mode.ALWAYS, None, True),
        (Mode.ALWAYS, Path("/opt/pulumi"), True),
        (Mode.NEVER, Path("/opt/pulumi"), False),
    ],
)
def test_decision(mode: Mode, vendor: Path | None, kit: bool) -> None:
    assert decide_cli(mode, vendor).kit is kit


def test_never_without_vendor_is_refused_with_the_remedy() -> None:
    with pytest.raises(KitError, match="install the Pulumi CLI, or leave OFFLINE unset"):
        decide_cli(Mode.NEVER, None)


def test_mode_from_the_environment() -> None:
    assert mode_of({}) is Mode.AUTO
    assert mode_of({"OFFLINE": ""}) is Mode.AUTO
    assert mode_of({"OFFLINE": "always"}) is Mode.ALWAYS
    with pytest.raises(KitError, match="OFFLINE='yes' is not known; use auto, always, never"):
        mode_of({"OFFLINE": "yes"})
