"""The host's containers, through the docker command and its compose plugin."""

import json
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from host.boot import HostError, tried
from host.manifest import Service

PROJECT = "private-registry"
HASH_LABEL = "private-registry.files"
"""Both as in bundle/compose.py."""
HEALTHY_SECONDS = 180
"""How long a container may take to become healthy."""
_ENGINE_SECONDS = 60
_LOG_LINES = 5
_LINE_LENGTH = 300
_SAID_LENGTH = 300


def container_name(service: str) -> str:
    """As in compose.yaml."""
    return f"{PROJECT}-{service}"


def _docker(*arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Runs docker. HostError when it can't be run or does not end."""
    command = ["docker", *arguments]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise HostError(f"`docker {arguments[0]}` did not end within {seconds:.0f} s: see `journalctl -u docker`") from error
    except OSError as error:
        raise HostError(f"docker can't be run: {error}. `private-registry-boot start` installs it") from error


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text without these values, also where one has several lines."""
    for secret in secrets:
        for part in (secret, *secret.splitlines()):
            # Shorter ones are no secrets: lines of a certificate's end, an empty line.
            if len(part) >= 8:
                text = text.replace(part, "***")
    return text


def _said(done: subprocess.CompletedProcess[str], secrets: Iterable[str] = ()) -> str:
    """The end of what a command said, masked while it is whole."""
    return masked(f"{done.stdout}\n{done.stderr}", secrets).strip()[-_SAID_LENGTH:]


class Containers:
    """The compose project of one unpacked bundle. `override` is the file with the hash labels, `secrets` are never shown."""

    def __init__(self, bundle: Path, override: Path, secrets: Sequence[str] = ()) -> None:
        self._bundle = bundle
        self._override = override
        self._secrets = secrets

    def _compose(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        files = ["-f", str(self._bundle / "compose.yaml")]
        if self._override.exists():
            files += ["-f", str(self._override)]
        project = ["--project-directory", str(self._bundle), "-p", PROJECT]
        return _docker("compose", "--ansi", "never", "--progress", "plain", *project, *files, *arguments, seconds=seconds)

    def wait_for_engine(self, seconds: float = _ENGINE_SECONDS, pauses: Sequence[int] = (5,)) -> None:
        """Starts the engine unless it runs, and returns when it answers."""
        tried("starting Docker", ["systemctl", "start", "docker.service"], "See `journalctl -u docker`", pauses=pauses, seconds=120)
        deadline = time.monotonic() + seconds
        while (answer := _docker("version", "--format", "{{.Server.Version}}")).returncode:
            if time.monotonic() > deadline:
                raise HostError(f"Docker does not answer after {seconds:.0f} s: {_said(answer)}. See `journalctl -u docker`")
            time.sleep(1)

    def pull(self, image: str, pauses: Sequence[int] = (5, 15, 30)) -> None:
        """Brings an image, unless the host has it."""
        if _docker("image", "inspect", "--format", "{{.Id}}", image).returncode:
            hint = f"The host must reach the registry that {image} comes from: check its name, route and NAT"
            tried(f"pulling the image {image}", ["docker", "pull", "--quiet", image], hint, pauses=pauses, seconds=600)

    def hashes(self) -> dict[str, str]:
        """The hash label of each service that has a container, running or not; empty where it needs none."""
        by_project, form = f"label=com.docker.compose.project={PROJECT}", '{{.Label "com.docker.compose.service"}}'
        listed = _docker("ps", "--all", "--filter", by_project, "--format", f'{form} {{{{.Label "{HASH_LABEL}"}}}}')
        if listed.returncode:
            raise HostError(f"Docker does not list its containers: {_said(listed)}. See `journalctl -u docker`")
        return {name: label for name, _, label in (line.partition(" ") for line in listed.stdout.splitlines())}

    def label(self, hashes: Mapping[str, str]) -> None:
        """Gives services their hash labels from the next `up` on: one with a new label is replaced."""
        services = {name: {"labels": {HASH_LABEL: found}} for name, found in hashes.items() if found}
        text = json.dumps({"services": services}, indent=1) + "\n"
        if not self._override.exists() or self._override.read_text(encoding="utf-8") != text:
            new = self._override.with_name(f".new-{self._override.name}")
            new.write_text(text, encoding="utf-8")
            new.replace(self._override)

    def up(self, service: Service) -> None:
        """Makes, replaces or starts one container where needed, and returns when it is healthy."""
        # A bare `up` would replace all containers before it starts one.
        options = ["--detach", "--no-deps", "--wait", "--wait-timeout", str(HEALTHY_SECONDS)]
        seconds = HEALTHY_SECONDS + service.stop_seconds + 120
        done = self._compose("up", *options, service.name, seconds=seconds)
        if done.returncode:
            raise HostError(self._why(service.name, _said(done, self._secrets)))

    def _why(self, service: str, said: str) -> str:
        name = container_name(service)
        log = _docker("logs", "--tail", str(_LOG_LINES), name)
        last = masked(f"{log.stdout}\n{log.stderr}", self._secrets).split("\n")
        why = " | ".join(line[:_LINE_LENGTH] for line in (*said.split("\n")[-2:], *last) if line.strip())
        return f"the service {service} did not become healthy: {why}. What comes after it was not touched; see `docker logs {name}`"

    def remove_orphans(self) -> None:
        """Removes containers of services that the bundle no longer has."""
        wanted = self._compose("config", "--services", seconds=60)
        if wanted.returncode:
            raise HostError(f"compose.yaml can't be used: {_said(wanted)}. Replace the instance")
        for service in set(self.hashes()) - set(wanted.stdout.split()):
            removed = _docker("rm", "--force", container_name(service))
            if removed.returncode:
                raise HostError(f"the container {container_name(service)} can't be removed: {_said(removed)}")

    def stop(self, services: Sequence[str], seconds: int) -> None:
        """Ends containers together; each has its own time for it, of which the longest is `seconds`."""
        done = self._compose("stop", *services, seconds=seconds + 60)
        if done.returncode:
            raise HostError(f"{', '.join(services)} did not stop: {_said(done, self._secrets)}")
