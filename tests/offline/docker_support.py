"""What the tests of the docker plugin share: a tiny image, names of their own, and a Pulumi project that runs on the kit's plugins."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from offline.plugins.docker.client import Engine
from offline.plugins.docker.provider_config import engine_settings

REPOSITORY = Path(__file__).resolve().parents[2]
WAIT_FOR_TERM = 'trap "exit 0" TERM INT; while :; do sleep 0.1; done'
"""A shell program that runs until it is told to stop, and then does at once."""


def docker(*arguments: str) -> str:
    """Run the Docker command line; return its output without the last line end."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def exists(kind: str, name: str) -> bool:
    """Whether the engine has a container, volume, network or image of this name."""
    return subprocess.run(["docker", kind, "inspect", name], capture_output=True, check=False, timeout=60).returncode == 0


def tiny_image(folder: Path) -> str:
    """The name of an image with `sh` and little else: one that is there, or one made of Debian's busybox-static."""
    listed = docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines()
    present = [name for name in listed if name.startswith(("offline/config:", "busybox:", "plugin-test-busybox:")) and "<none>" not in name]
    if present:
        return sorted(present)[-1]
    root = folder / "root"
    if shutil.which("apt-get") is None:
        pytest.skip("no image with a shell on the engine, and no apt-get to make one")
    subprocess.run(["apt-get", "download", "-q", "busybox-static"], cwd=folder, check=True, timeout=300)
    subprocess.run(["dpkg-deb", "-x", str(next(folder.glob("busybox-static*.deb"))), str(root)], check=True, timeout=60)
    for applet in ("sh", "sleep", "cat", "id", "ls", "nc", "false", "true", "echo", "stat", "test"):
        link = root / "bin" / applet
        if not link.exists():
            link.symlink_to("busybox")
    subprocess.run(["tar", "-C", str(root), "-cf", str(folder / "image.tar"), "."], check=True, timeout=60)
    docker("import", str(folder / "image.tar"), "plugin-test-busybox:1")
    return "plugin-test-busybox:1"


@dataclass
class Names:
    """Names for one test's objects; `remove` removes whatever is left of them."""

    prefix: str = field(default_factory=lambda: f"plugin-test-{uuid.uuid4().hex[:8]}")

    def __call__(self, what: str) -> str:
        return f"{self.prefix}-{what}"

    def left(self) -> list[str]:
        """What still exists with these names."""
        found: list[str] = []
        for kind, show in (("container", "{{.Names}}"), ("network", "{{.Name}}"), ("volume", "{{.Name}}")):
            every = ["--all"] if kind == "container" else []
            found += docker(kind, "ls", *every, "--filter", f"name={self.prefix}", "--format", show).split()
        return sorted(found)

    def remove(self) -> None:
        for kind in ("container", "network", "volume"):
            every = ["--all"] if kind == "container" else []
            for name in docker(kind, "ls", *every, "--filter", f"name={self.prefix}", "-q").split():
                subprocess.run(["docker", kind, "rm", "-f", name], capture_output=True, check=False, timeout=60)


def local_engine() -> Engine:
    """The engine of this machine, or the one that DOCKER_HOST names."""
    return Engine(engine_settings({}))


@dataclass
class Project:
    """A Pulumi project in a folder of its own, with a file backend, on the kit's language host and docker plugin."""

    folder: Path
    program: str = ""

    def __post_init__(self) -> None:
        pulumi = os.environ.get("PULUMI_BIN") or shutil.which("pulumi")
        if pulumi is None:
            pytest.skip("no Pulumi CLI: set PULUMI_BIN or put it on PATH")
        tools = self.folder / "tools"
        tools.mkdir(parents=True)
        for name, module in (("pulumi-language-python", "offline.language_host"), ("pulumi-resource-docker", "offline.plugins.docker")):
            script = tools / name
            script.write_text(f'#!/bin/sh\nPYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m {module} "$@"\n')
            script.chmod(0o755)
        self._pulumi = pulumi
        for sub in ("home", "state", "program"):
            (self.folder / sub).mkdir()
        (self.folder / "program" / "Pulumi.yaml").write_text(
            f"name: plugin-test\nruntime:\n  name: python\n  options:\n    virtualenv: {Path(sys.prefix)}\n"
        )
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PATH": f"{tools}{os.pathsep}{Path(pulumi).parent}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        self.run("stack", "init", "test")

    def write(self, program: str) -> None:
        """Set the program."""
        (self.folder / "program" / "__main__.py").write_text(textwrap.dedent(program))

    def run(self, *arguments: str, ok: bool = True) -> str:
        """Run the CLI; return all that it printed. Fails the test when it ends otherwise than `ok` says."""
        done = subprocess.run(
            [self._pulumi, *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder / "program",
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert (done.returncode == 0) is ok, f"pulumi {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def up(self, *options: str, ok: bool = True) -> str:
        """`pulumi up` without questions."""
        return self.run("up", "--yes", "--skip-preview", "--suppress-progress", *options, ok=ok)

    def destroy(self) -> str:
        """`pulumi destroy` without questions."""
        return self.run("destroy", "--yes", "--skip-preview", "--suppress-progress")

    def state(self) -> dict[str, Any]:
        """Resources of the exported state by name; secrets stay encrypted."""
        exported = json.loads(self.run("stack", "export"))
        resources = exported["deployment"].get("resources", [])
        return {resource["urn"].rpartition("::")[2]: resource for resource in resources}


def counts(output: str) -> dict[str, int]:
    """The numbers of pulumi's closing summary: {"created": 2, "unchanged": 1}."""
    result: dict[str, int] = {}
    for line in output.splitlines():
        words = line.replace("+-", "").replace("+", "").replace("~", "").replace("-", "").split()
        if len(words) == 2 and words[0].isdigit() and words[1] in ("created", "updated", "deleted", "replaced", "unchanged", "same"):
            result[words[1]] = int(words[0])
        elif len(words) == 2 and words[1].isdigit() and words[0] in ("created", "updated", "deleted", "replaced", "unchanged"):
            result[words[0]] = int(words[1])
    return result
