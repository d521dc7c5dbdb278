"""A Debian 13 machine as a container: systemd, its own Docker engine, and cloud-init with user data."""

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.blackbox.command import CommandError, Done, run
from tests.blackbox.docker_host import docker
from tests.blackbox.waiting import wait_for
from tests.fleet import overlay
from tests.fleet.network import Network
from tests.fleet.overlay import Identity

Found = TypeVar("Found")

# A fully privileged container fails where this machine lacks CAP_SYS_RESOURCE itself. The last word makes systemd accept cgroup v1.
_RUN = (
    "--tty", "--cap-add=ALL", "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--security-opt=systempaths=unconfined",
    "--cgroupns=host", "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw", "--tmpfs=/run", "--tmpfs=/run/lock", "--tmpfs=/tmp",
    "--env=container=docker", "--stop-signal=SIGRTMIN+3",
)  # fmt: skip
_INIT = ("/sbin/init", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")
POWER_OFF_SECONDS = 240
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class VmSpec:
    """How to make a VM. `test_images` is a folder with the archives of the images that its engine is given."""

    name: str
    image: str
    address: str
    identity: Identity
    user_data: str
    endpoints: Mapping[str, str]
    test_images: Path


@dataclass
class Vm:
    """One VM. It exists from `create` to `remove`; its engine's data lie in a volume of its own."""

    spec: VmSpec
    network: Network
    started: float = field(default_factory=time.monotonic)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def instance_id(self) -> str:
        return self.spec.identity.instance_id

    @property
    def address(self) -> str:
        return self.spec.address

    @property
    def volume(self) -> str:
        return f"{self.name}-docker"

    def create(self) -> None:
        """Makes the machine with its user data and starts it."""
        spec = self.spec
        place = (f"--name={self.name}", "--hostname=registry-vm", f"--network={self.network.name}", f"--ip={spec.address}")
        disks = (f"--volume={self.volume}:/var/lib/docker", f"--volume={spec.test_images}:/test-images:ro")
        docker("create", *_RUN, *place, *disks, spec.image, *_INIT)
        docker("cp", "-", f"{self.name}:/", stdin=overlay.archive(spec.identity, spec.user_data, spec.endpoints))
        self.start()

    def start(self) -> None:
        """Switches it on."""
        self.started = time.monotonic()
        docker("start", self.name)

    def run(self, *command: str, stdin: str | None = None, seconds: float = 120, check: bool = True) -> Done:
        """Runs a command on the machine as root."""
        interactive = () if stdin is None else ("--interactive",)
        return run("docker", "exec", *interactive, self.name, *command, stdin=stdin, seconds=seconds, check=check)

    def out(self, *command: str, seconds: float = 120) -> str:
        """What a command on the machine prints. Raises CommandError."""
        return self.run(*command, seconds=seconds).out

    def runs(self) -> bool:
        """Whether it is on."""
        return docker("inspect", "--format={{.State.Running}}", self.name).strip() == "true"

    def kill(self) -> None:
        """Ends the machine without a warning, as a failure of its hardware does."""
        docker("kill", self.name)

    def power_off(self) -> float:
        """Shuts it down in order, as the cloud does when it terminates an instance; returns the seconds that took."""
        started = time.monotonic()
        docker("stop", f"--time={POWER_OFF_SECONDS}", self.name, seconds=POWER_OFF_SECONDS + 30)
        return time.monotonic() - started

    def reboot(self) -> None:
        """Reboots it from inside."""
        # The answer may be cut off by the reboot itself.
        self.run("systemctl", "reboot", check=False)
        wait_for(f"{self.name} to shut down", lambda: not self.runs(), seconds=POWER_OFF_SECONDS)
        self.start()

    def remove(self) -> None:
        """Takes it away with its disk, whatever state it is in."""
        inner = self._inner_containers()
        run("docker", "rm", "--force", "--volumes", self.name, check=False)
        run("docker", "volume", "rm", "--force", self.volume, check=False)
        _remove_cgroups(inner)

    def journal(self, *units: str) -> str:
        """The journal since the first boot, of these units or of all."""
        return self.out("journalctl", "--no-pager", "--output=short-monotonic", *(f"--unit={unit}" for unit in units))

    def console(self) -> str:
        """What the machine has written on its console."""
        return run("docker", "logs", self.name).text

    def wait(self, what: str, check: Callable[[], Found | None], seconds: float) -> Found:
        """Waits for something; the AssertionError shows the end of the console."""
        try:
            return wait_for(f"{self.name}: {what}", check, seconds=seconds, interval=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.report()}") from error

    def report(self) -> str:
        """For people who look for a failure: units that failed, the engine's containers, the ends of console and journal."""
        parts: list[str] = [f"console: {self.console()[-3000:]}"]
        for command in (
            ("systemctl", "--no-pager", "--failed"),
            ("cloud-init", "status", "--long"),
            ("tail", "-n", "40", "/var/log/cloud-init-output.log"),
            ("journalctl", "--no-pager", "-n", "60", "--unit=private-registry*"),
            ("docker", "ps", "--all"),
        ):
            done = run("docker", "exec", self.name, *command, check=False, seconds=30)
            parts.append(f"{' '.join(command)}: {done.text[-4000:]}")
        return "\n".join(parts)

    def _inner_containers(self) -> list[str]:
        """Ids of the containers inside, also when the machine is off."""
        with contextlib.suppress(CommandError, OSError, LookupError):
            place = Path(json.loads(docker("volume", "inspect", self.volume))[0]["Mountpoint"]) / "containers"
            return [folder.name for folder in place.iterdir()]
        return []


def _remove_cgroups(containers: list[str]) -> None:
    """A killed machine leaves empty control groups of its containers behind in this machine's hierarchy."""
    for container in containers:
        for group in _CGROUPS.glob(f"*/docker/{container}"):
            # Not empty yet, or gone already: neither is worth failing for.
            with contextlib.suppress(OSError):
                group.rmdir()
