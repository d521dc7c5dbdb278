"""One stack and all that pulumi needs to work on it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from offline.kit import places, prepared
from offline.kit.clean import live_stacks
from offline.kit.command import run
from offline.kit.errors import KitError
from offline.kit.files import write_if_changed
from offline.kit.progress import say
from offline.kit.stack_file import locate
from offline.kit.wrappers import PLUGIN_SETTINGS
from stack import backend, config_copy, local_values, passphrase, run_pulumi, stale_lock

PROJECT = "private-registry"
VERBOSE = "--verbose"
"""Of `make up`, `preview` and `down`: all that pulumi says. pulumi's own option of this name takes a number (`--verbose=3`)."""
_ANSWER_SECONDS = 300.0
_LOGS_MB = "20"
"""Of pulumi's own logs in a checkout; it keeps 500 MB otherwise, 0.7 a run."""
# Enough of a Pulumi.yaml for commands that look at state only. They run in the folder of the copies, because some of them write into
# (`stack init`) or delete (`stack rm`) the stack file beside the Pulumi.yaml, and the tracked one must stay as it is.
_PROJECT_FILE = f"name: {PROJECT}\nruntime: python\n"
# The language host names every SDK that is installed, and the engine fetches the plugin of each before it runs the program. A stack on
# Docker has no use for those of the clouds, which are large. Without this step a plugin is fetched when a resource asks for it.
_ALWAYS = {"PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_OPTION_SKIP_PLUGIN_PRE_INSTALL": "true"}


@dataclass(frozen=True)
class Session:
    """A stack, its folder of copies, and the environment that pulumi runs with."""

    stack: str
    state: Path
    backend: backend.Backend
    environment: Mapping[str, str]
    prepared: prepared.Prepared

    @property
    def folder(self) -> Path:
        """The folder of the copied stack files."""
        return self.state / "stacks"

    @property
    def config(self) -> Path:
        """The stack file that pulumi works with."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    def ask(self, *arguments: str, stdin: str = "") -> str:
        """Runs a pulumi command that looks at state or configuration only; returns its output. Raises KitError with pulumi's own words."""
        command = ["pulumi", "-C", str(self.folder), "--non-interactive", "--color", "never", *arguments]
        return run(command, env=self.environment, why=f"stack {self.stack}", timeout=_ANSWER_SECONDS, stdin=stdin)

    def perform(self, operation: str, *arguments: str, more: Mapping[str, str] = MappingProxyType({})) -> int:
        """Runs `pulumi up`, `preview` or `destroy` on the program, with its output shown. Returns pulumi's exit code.

        `more` is added to pulumi's environment. Lines that only repeat are left out, unless VERBOSE is among the arguments.
        """
        verbose = VERBOSE in arguments
        given = [argument for argument in arguments if argument != VERBOSE]
        less = () if verbose else ("--suppress-progress",)
        command = ["pulumi", operation, "--stack", self.stack, "--config-file", str(self.config), *less, *given]
        quiet = run_pulumi.wanted(plan=operation == "preview", verbose=verbose)
        return run_pulumi.run(command, places.REPO, {**os.environ, **self.environment, **more}, quiet)

    def exists(self) -> bool:
        """Whether the backend has this stack."""
        if self.backend.is_local:
            return backend.state_file(self.state, PROJECT, self.stack).exists()
        stacks: list[dict[str, Any]] = json.loads(self.ask("stack", "ls", "--json"))
        return any(str(entry["name"]).rpartition("/")[2] == self.stack for entry in stacks)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, with secrets in the clear. Raises KitError when there is no such stack or it has none."""
        if not self.exists():
            raise KitError(f"stack {self.stack} is not deployed yet: make up STACK={self.stack}")
        found: dict[str, Any] = json.loads(self.ask("stack", "output", "--json", "--show-secrets", "--stack", self.stack))
        if not found:
            raise KitError(f"stack {self.stack} has no outputs: its deployment did not finish; run make up STACK={self.stack}")
        return found

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the stack's state."""
        deployment: dict[str, Any] = json.loads(self.ask("stack", "export", "--stack", self.stack))["deployment"]
        return list(deployment.get("resources") or [])


def _kit_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What makes pulumi the kit's, with the kit's plugins. A login stays where it is: only the rest of pulumi's home is another."""
    login = environment.get("PULUMI_CREDENTIALS_PATH") or environment.get("PULUMI_HOME") or str(Path.home() / ".pulumi")
    return {
        "PATH": f"{places.BIN}{os.pathsep}{environment.get('PATH', '')}",
        # Looking for plugins on the network could only take time.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(places.PULUMI_HOME),
        "PULUMI_CREDENTIALS_PATH": login,
        "PULUMI_LOG_ROTATION_MAX_TOTAL_MB": environment.get("PULUMI_LOG_ROTATION_MAX_TOTAL_MB", _LOGS_MB),
        **PLUGIN_SETTINGS,
    }


def open_session(stack: str) -> Session:
    """Gets everything ready for pulumi: backend, passphrase, environment and the copy of the stack file. Creates no stack.

    Raises KitError when the stack file or the passphrase is missing or wrong.
    """
    tracked_text = locate(places.REPO, stack).read_text(encoding="utf-8")
    decided = prepared.load(stack)
    chosen = backend.choose(os.environ, Path.home(), places.STATE)
    environment = {**_ALWAYS, **chosen.environment}
    if decided.kit_cli:
        environment |= _kit_environment(os.environ)
    if chosen.is_local:
        Path(chosen.url.removeprefix("file://")).mkdir(parents=True, exist_ok=True, mode=0o700)
        salt = config_copy.salt_of(tracked_text)
        environment |= passphrase.ensure(os.environ, places.STATE, live_stacks(places.STATE), salt)
    session = Session(stack, places.STATE, chosen, environment, decided)
    write_if_changed(session.folder / "Pulumi.yaml", _PROJECT_FILE)
    before = session.config.read_text(encoding="utf-8") if session.config.exists() else ""
    if before and chosen.is_local and not session.exists():
        # A leftover of a stack that is gone, possibly with the salt of another passphrase.
        before = ""
    text = config_copy.merge(tracked_text, before, decided.images, stack, local_values.load(places.STATE, stack).plain)
    passphrase.check({**os.environ, **environment}, config_copy.salt_of(text), stack, passphrase.known(session.state, stack))
    write_if_changed(session.config, text, mode=0o600)
    if session.exists():
        _encrypt_local_values(session)
    return session


def _encrypt_local_values(session: Session) -> None:
    """Adds this machine's secret settings to the copy, encrypted. Needs the stack, whose key it is."""
    for path, value in local_values.load(session.state, session.stack).secret.items():
        if not config_copy.has(session.config.read_text(encoding="utf-8"), path):
            options = ("--secret", "--path", "--config-file", str(session.config), "--stack", session.stack)
            session.ask("config", "set", *options, f"{PROJECT}:{path}", stdin=value)


def create_if_missing(session: Session) -> None:
    """Creates the stack in the backend on first use, and clears the lock of a pulumi that was killed."""
    if not session.exists():
        # `stack init` takes no notice of the provider in the stack file, and would write its own default over it.
        provider = config_copy.provider_of(session.config.read_text(encoding="utf-8"))
        session.ask("stack", "init", session.stack, *(("--secrets-provider", provider) if provider else ()))
        say(f"stack {session.stack} created; its state is kept by {session.backend.source} ({session.backend.url})")
        _encrypt_local_values(session)
    if session.backend.is_local:
        for lock in stale_lock.stale_locks(session.state, PROJECT, session.stack):
            say(f"removing the lock of a pulumi that was killed: {lock.name}")
            lock.unlink()
