"""Runs the make targets as a person does, in a copy of the checkout with a home of its own."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.blackbox.command import Done, run
from tests.blackbox.docker_host import remove_leftovers
from tests.engine.checkout import REPO, Checkout
from tests.engine.deployment import PREFIX

SECONDS = 400
# Of the shell that runs the tests, nothing must decide where state goes or what is asked.
# Without compiled Python every start would take longer than it does for a person.
NOT_INHERITED = ("PULUMI_", "PYTEST_", "DOCKER_HOST", "MAKE", "MFLAGS", "ARGS", "STACK", "PYTHONDONTWRITEBYTECODE")


def _command(target: str, stack: str) -> tuple[str, ...]:
    return ("make", "--no-print-directory", target, f"STACK={stack}", "PYTHON=.venv/bin/python")


class MakeRun:
    """A checkout in which `make` runs."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout

    @property
    def folder(self) -> Path:
        """The checkout's folder."""
        return self.checkout.folder

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """What make is run with: no login, backend or passphrase of the user's, and not the kit of the checkout under test."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(NOT_INHERITED)}
        folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder != str(REPO / ".state" / "bin")]
        own = {
            "PULUMI_HOME": str(self.checkout.home),
            "PATH": os.pathsep.join(folders),
            # Logins of docker, skopeo and podman.
            "DOCKER_CONFIG": str(self.folder.parent / "docker"),
            "REGISTRY_AUTH_FILE": str(self.folder.parent / "auth.json"),
        }
        return {**inherited, **own, **more}

    def make(
        self,
        target: str,
        stack: str,
        *,
        env: Mapping[str, str] | None = None,
        wrapper: tuple[str, ...] = (),
        check: bool = False,
        arguments: str = "",
    ) -> Done:
        """Runs `make TARGET STACK=stack`. The virtual environment is there already: it is the one the tests run in."""
        more = (f"ARGS={arguments}",) if arguments else ()
        return run(
            *wrapper, *_command(target, stack), *more, env=self.environment(env or {}), cwd=self.folder, seconds=SECONDS, check=check
        )

    def start(self, target: str, stack: str) -> subprocess.Popen[bytes]:
        """Starts `make TARGET STACK=stack` as the leader of a process group of its own, its output thrown away."""
        return subprocess.Popen(
            _command(target, stack),
            env=self.environment({}),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def shell(self, script: str) -> Done:
        """Runs lines of shell in the checkout's folder, ending at the first that fails."""
        return run("bash", "-eu", "-o", "pipefail", "-c", script, env=self.environment({}), cwd=self.folder, seconds=SECONDS)

    def write(self, stack: str, settings: Mapping[str, Any]) -> None:
        """Writes a stack file as a person would: without images, which the kit chooses."""
        config = {f"{PREFIX}:{key}": value for key, value in settings.items() if key != "images"}
        config |= {f"{PREFIX}:images": settings["images"]} if "images" in settings else {}
        (self.folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}, sort_keys=False))

    def remove(self, stack: str) -> None:
        """Takes everything of the stack away."""
        self.make("down", stack)
        remove_leftovers(f"registry-{stack}")
        shutil.rmtree(self.folder / ".state", ignore_errors=True)
