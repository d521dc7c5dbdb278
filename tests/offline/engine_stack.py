"""A small project on the real Pulumi CLI with the kit's plugins: file backend, home and state in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PULUMI = os.environ.get("PULUMI_BIN", "pulumi")
_SECONDS = 120  # for any one command; it takes about three


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    output: str


class EngineStack:
    """The stack `dev` of a project whose program is replaced at will."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.state = folder / "state"
        binaries = folder / "bin"
        for created in (self.project, self.state, binaries):
            created.mkdir()
        _wrap(binaries / "pulumi-language-python", "offline.language_host")
        for plugin in ("aws", "azure-native", "random", "tls"):
            _wrap(binaries / f"pulumi-resource-{plugin}", f"offline.plugins.{plugin.replace('-', '_')}")
        (self.project / "Pulumi.yaml").write_text("name: kit\nruntime: python\n")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
        self.environment = kept | {
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": self.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "passphrase",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
        }
        assert self.run("stack", "init", "dev").code == 0

    def program(self, text: str, name: str = "__main__.py") -> None:
        """Write a file of the program."""
        (self.project / name).write_text(text)

    def run(self, *arguments: str) -> Result:
        """Run the CLI; standard output and error come together."""
        command = [PULUMI, *arguments, "--non-interactive", "--color", "never"]
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return Result(done.returncode, done.stdout)

    def up(self, *arguments: str) -> Result:
        return self.run("up", "--yes", "--skip-preview", *arguments)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, secrets shown."""
        command = [PULUMI, "stack", "output", "--json", "--show-secrets"]
        done = subprocess.run(command, cwd=self.project, env=self.environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def exported(self) -> list[dict[str, Any]]:
        """Return the resources of the exported state, secrets encrypted."""
        command = [PULUMI, "stack", "export"]
        done = subprocess.run(command, cwd=self.project, env=self.environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["deployment"].get("resources", [])

    def written(self) -> str:
        """Return all that the backend wrote to disk."""
        return "".join(file.read_text() for file in sorted(self.state.rglob("*")) if file.is_file())


def _wrap(file: Path, module: str) -> None:
    file.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -P -m {module} "$@"\n')
    file.chmod(0o755)
