"""How packages are unpacked: by root and by a user without special rights."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from offline.images import packages


@pytest.mark.parametrize(("user", "mode"), [(0, "root"), (1000, "chrootless")])
def test_the_mode_fits_the_user(user: int, mode: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[list[str]] = []

    def note(command: list[Any], **_options: object) -> str:
        commands.append([os.fspath(word) for word in command])
        return ""

    monkeypatch.setattr(packages, "run", note)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(packages, "_TARGETS", ["true"])
    packages.unpack(("nginx-light", "busybox-static"), tmp_path / "x.tar")
    # mmdebstrap 1.5 refuses chrootless for root; earlier ones can do nothing else without special rights.
    assert commands[0][:4] == ["mmdebstrap", "--quiet", f"--mode={mode}", "--variant=extract"]
    assert commands[0][4:] == ["--include=nginx-light,busybox-static", "trixie", str(tmp_path / "x.tar")]
