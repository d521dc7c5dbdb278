"""A hand on a VM of a fleet, for the black-box suite."""

import json
from collections.abc import Mapping
from typing import Any

from tests.blackbox.command import Done
from tests.blackbox.waiting import wait_for
from tests.fleet.vm import Vm

HEALTHY_SECONDS = 120
ROOT = "/var/lib/private-registry"
GATE = f"{ROOT}/data/gate/closed"
_SERVICE = "com.docker.compose.service"


class VmHost:
    """The containers that a VM's own engine runs: see HostControl."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm

    def containers(self) -> Mapping[str, Mapping[str, Any]]:
        """See HostControl."""
        found = self.vm.out("docker", "ps", "--all", "--quiet", "--no-trunc").split()
        if not found:
            return {}
        return {one["Config"]["Labels"][_SERVICE]: one for one in json.loads(self.vm.out("docker", "inspect", *found))}

    def ids(self) -> dict[str, str]:
        """Id and start of each service's container: the same as before when nothing was replaced or restarted."""
        return {name: f"{one['Id'][:12]} {one['State']['StartedAt']}" for name, one in self.containers().items()}

    def inspect(self, service: str) -> Mapping[str, Any]:
        """What the engine says about a service's container. Raises KeyError."""
        return self.containers()[service]

    def replicas(self) -> tuple[str, ...]:
        """See HostControl."""
        return tuple(sorted(name for name in self.containers() if name.startswith("registry-")))

    def _name(self, service: str) -> str:
        return str(self.inspect(service)["Id"])

    def stop(self, service: str) -> None:
        """See HostControl."""
        self.vm.out("docker", "stop", self._name(service))

    def start(self, service: str) -> None:
        """See HostControl."""
        self.vm.out("docker", "start", self._name(service))
        self.wait_healthy(service)

    def wait_healthy(self, service: str) -> None:
        """Waits until the engine calls the service healthy."""
        wait_for(
            f"{service} on {self.vm.name} to be healthy",
            lambda: self.inspect(service)["State"].get("Health", {}).get("Status") == "healthy",
            seconds=HEALTHY_SECONDS,
        )

    def kill(self, service: str) -> None:
        """See HostControl."""
        self.vm.out("docker", "kill", self._name(service))

    def close_gate(self) -> None:
        """See HostControl."""
        self.vm.out("touch", GATE)

    def open_gate(self) -> None:
        """See HostControl."""
        self.vm.out("rm", "-f", GATE)

    def logs(self, service: str) -> str:
        """See HostControl."""
        return self.vm.run("docker", "logs", self._name(service)).text

    def ops(self, *args: str, seconds: float = 300) -> Done:
        """Runs the tool on this host, as an operator does through Session Manager, whatever its exit code is."""
        return self.vm.run("docker", "exec", self._name("ops"), "python3", "-m", "ops", *args, seconds=seconds, check=False)
