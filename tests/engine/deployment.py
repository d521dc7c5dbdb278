"""A stack that a test deploys with the real pulumi, and everything the test wants to do with it."""

import ipaddress
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.blackbox.command import Done, run
from tests.blackbox.docker_host import DockerStack, leftovers, remove_leftovers
from tests.blackbox.oci import Account
from tests.blackbox.target import RegistryTarget
from tests.engine.checkout import Checkout
from tests.engine.events import Step, changes_of, steps_of
from tests.images import find_images
from tests.ports import free_port

PREFIX = "private-registry"
UP_SECONDS = 400
BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END", re.DOTALL)


def gateway_address() -> str:
    """This machine's address on Docker's default bridge: not 127.0.0.0/8, and not reachable from other machines."""
    # The engine names the gateway only when it was configured; the subnet's first address is what it takes otherwise.
    config = json.loads(run("docker", "network", "inspect", "bridge", "--format={{json .IPAM.Config}}").out)[0]
    return config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))


def images_setting(registry_major: int = 3) -> dict[str, str]:
    """The stack file's `images`: what this engine has to test with."""
    found = find_images()
    registry = found.registry if registry_major == 3 else found.registry_2
    return {
        "registry": registry,
        "edge": found.edge,
        "redis": found.redis,
        "config": found.config,
        "ops": found.ops,
        "sweeper": found.sweeper,
    }


@dataclass(frozen=True)
class Update:
    """How a `pulumi up`, `preview`, `refresh` or `destroy` ended."""

    done: Done
    steps: tuple[Step, ...]
    changes: tuple[Step, ...]

    @property
    def text(self) -> str:
        return self.done.text

    @property
    def changed(self) -> dict[str, set[str]]:
        """Name of each changed resource to what was done to it."""
        found: dict[str, set[str]] = {}
        for step in self.changes:
            found.setdefault(f"{step.short_type} {step.name}", set()).add(step.operation)
        return found

    def assert_unchanged(self, why: str) -> None:
        """Raises AssertionError when anything was changed."""
        lines = [f"  {step.operation} {step.short_type} {step.name}" for step in self.changes]
        assert not lines, f"{why}; changed:\n" + "\n".join(lines) + f"\n{self.text}"
        assert self.steps, f"the engine looked at no resource at all:\n{self.text}"


@dataclass
class Deployment:
    """One stack of a checkout. `settings` are the stack file's keys without their prefix."""

    checkout: Checkout
    stack: str
    settings: dict[str, Any]
    supplied_secrets: list[str] = field(default_factory=list[str])
    _logs: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def name(self) -> str:
        """Prefix of everything the stack creates in Docker."""
        return f"registry-{self.stack}"

    @property
    def docker(self) -> DockerStack:
        return DockerStack(self.name)

    @property
    def port(self) -> int:
        return int(self.settings["port"])

    @property
    def stack_file(self) -> Path:
        return self.checkout.folder / f"Pulumi.{self.stack}.yaml"

    def create(self) -> None:
        """Creates the empty stack and its stack file."""
        self.checkout.pulumi("stack", "init", self.stack)
        self.write()

    def write(self, **changed: Any) -> None:  # noqa: ANN401 - whatever a stack file can hold
        """Writes the stack file: the settings, with `changed` over them. Secrets and the encryption salt in it stay."""
        self.settings = {**self.settings, **changed}
        before = yaml.safe_load(self.stack_file.read_text()) if self.stack_file.exists() else {}
        config = {f"{PREFIX}:{key}": value for key, value in self.settings.items()}
        self.stack_file.write_text(yaml.safe_dump({**(before or {}), "config": config}, sort_keys=False))

    def set_secret(self, path: str, value: str) -> None:
        """Sets a setting encrypted, e.g. `auth.users[0].password`, and remembers it as written."""
        self.supplied_secrets.append(value)
        self.checkout.pulumi("config", "set", "--stack", self.stack, "--secret", "--path", f"{PREFIX}:{path}", stdin=value)
        config = yaml.safe_load(self.stack_file.read_text())["config"]
        self.settings = {key.removeprefix(f"{PREFIX}:"): found for key, found in config.items()}

    def _update(self, command: str, *args: str, check: bool, env: Mapping[str, str] | None = None) -> Update:
        log = self.checkout.folder.parent / f"{self.stack}-{next(self._logs)}-{command}.jsonl"
        done = self.checkout.pulumi(command, "--stack", self.stack, f"--event-log={log}", *args, env=env, seconds=UP_SECONDS, check=check)
        if not log.exists():
            return Update(done, (), ())
        return Update(done, steps_of(log), changes_of(log))

    def up(self, *args: str, check: bool = True, env: Mapping[str, str] | None = None) -> Update:
        """`pulumi up`."""
        return self._update("up", "--yes", "--skip-preview", *args, check=check, env=env)

    def preview(self, *args: str, check: bool = True, env: Mapping[str, str] | None = None) -> Update:
        """`pulumi preview`."""
        return self._update("preview", *args, check=check, env=env)

    def destroy(self, *args: str, check: bool = True) -> Update:
        """`pulumi destroy`."""
        return self._update("destroy", "--yes", "--skip-preview", *args, check=check)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in plain text."""
        return json.loads(self.checkout.pulumi("stack", "output", "--stack", self.stack, "--json", "--show-secrets").out)

    def export(self, *args: str) -> str:
        """The stack's state as pulumi exports it."""
        return self.checkout.pulumi("stack", "export", "--stack", self.stack, *args).out

    def accounts(self) -> dict[str, Account]:
        """The stack's accounts."""
        return {name: Account(name, password) for name, password in self.outputs()["accounts"].items()}

    def target(self) -> RegistryTarget:
        """The running registry, for the suite. Asks pulumi each time: keep it where that takes too long."""
        outputs = self.outputs()
        ca_file = self.checkout.folder.parent / f"{self.stack}-ca.crt"
        ca_file.write_text(outputs["caCertificate"])
        bind = self.settings["docker"]["bindAddress"]
        return RegistryTarget(
            url=outputs["url"],
            ca_file=ca_file,
            accounts={name: Account(name, password) for name, password in outputs["accounts"].items()},
            names=tuple(self.settings.get("tls", {}).get("extraNames", ())),
            foreign_address=f"{gateway_address()}:{self.port}" if bind in ("0.0.0.0", gateway_address()) else None,  # noqa: S104
            host=self.docker,
            memory=self.docker,
            secrets=tuple(self.secrets()),
        )

    def secrets(self) -> list[str]:
        """What must show up nowhere, from the stack's state: generated passwords and keys in all their encodings, and password hashes.

        Of a private key it is a line out of its middle, because PEM text is wrapped and escaped differently from place to place.
        """
        found: set[str] = set(self.supplied_secrets)
        state = json.loads(self.export("--show-secrets"))
        for resource in state["deployment"].get("resources", ()):
            texts = _secret_texts(resource)
            if resource["type"].startswith("random:"):
                found.update(text for text in texts if len(text) >= 12)
            for text in texts:
                found.update(BCRYPT.findall(text))
                for key in PRIVATE_KEY.findall(text):
                    found.update([line for line in key.splitlines() if len(line) >= 40][:1])
        return sorted(found)

    def remove(self) -> None:
        """Takes everything of the stack away, whatever state it is in."""
        if any(leftovers(self.name)):
            self.checkout.pulumi("state", "unprotect", "--all", "--yes", "--stack", self.stack, check=False)
            self.destroy(check=False)
        remove_leftovers(self.name)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return []


def _secret_texts(value: object) -> list[str]:
    """All texts inside of what the state holds as secrets."""
    if isinstance(value, Mapping):
        inside = _texts(json.loads(value["plaintext"])) if "plaintext" in value else []
        return [*inside, *(text for inner in value.values() for text in _secret_texts(inner))]
    if isinstance(value, list):
        return [text for inner in value for text in _secret_texts(inner)]
    return []


def settings_for(*, registry_major: int = 3, everywhere: bool = False, hostname: str = "localhost", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Settings of a small stack on a free port. `everywhere` publishes it on every address of this machine."""
    addresses = ["127.0.0.1", "::1", *([gateway_address()] if everywhere else [])]
    settings: dict[str, Any] = {
        "platform": "docker",
        "storage": "filesystem",
        "hostname": hostname,
        "port": free_port(),
        "tls": {"extraNames": [name for name in addresses if name != hostname]},
        "docker": {"bindAddress": "0.0.0.0" if everywhere else "127.0.0.1"},  # noqa: S104
        "allowDestroy": True,
        "auth": {"users": [{"name": "admin"}, {"name": "ci"}]},
        "images": images_setting(registry_major),
    }
    return {**settings, **more}
