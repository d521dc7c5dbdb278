"""The commands that decide and report, on a Python without any installed package."""

import subprocess
import sys

import pytest

from offline.kit.places import REPO

COMMANDS = (("affected", "--only", "s3 dev"), ("comment", "--help"), ("issue", "--help"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda given: given[0])
def test_it_starts_without_the_virtual_environment(command: tuple[str, ...]) -> None:
    # -S leaves out site-packages.
    line = [sys.executable, "-S", "-m", "stack.ci", *command]
    environment = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(line, cwd=REPO, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
