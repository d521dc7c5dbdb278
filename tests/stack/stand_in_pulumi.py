"""A script in place of pulumi, for tests of what is around it."""

import os
from pathlib import Path

import pytest


def put_on_path(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Writes the script to `folder`/bin/pulumi and returns its path. Afterwards no settings of whoever runs the tests are left."""
    for name in [name for name in os.environ if name.startswith("PULUMI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder / "home"))
    program = folder / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(script)
    program.chmod(0o755)
    return program
