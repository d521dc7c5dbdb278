"""The network that test VMs stand in: addresses are known beforehand, as certificates need them, and this machine is its gateway."""

import ipaddress
import json
import random
from dataclasses import dataclass

from tests.blackbox.command import CommandError
from tests.blackbox.docker_host import docker

_FIRST_HOST = 11
_ATTEMPTS = 20


@dataclass(frozen=True)
class Network:
    """A bridge network of this machine's engine. Servers of the test listen on `gateway`, where no other machine reaches them."""

    name: str
    subnet: ipaddress.IPv4Network

    @property
    def gateway(self) -> str:
        return str(self.subnet[1])

    def address(self, number: int) -> str:
        """Address of the VM with this number, from 0."""
        return str(self.subnet[_FIRST_HOST + number])

    def addresses(self, count: int) -> tuple[str, ...]:
        """Addresses of the first VMs."""
        return tuple(self.address(number) for number in range(count))

    def remove(self) -> None:
        """Removes it; everything in it must be gone."""
        docker("network", "rm", self.name)


def make_network(name: str) -> Network:
    """Makes a network in a range that nothing on this engine uses."""
    problem = ""
    for _ in range(_ATTEMPTS):
        # The engine's own choice lies in 172.16.0.0/12 and 192.168.0.0/16, inside the VMs too.
        subnet = ipaddress.IPv4Network(f"10.{random.randrange(100, 250)}.{random.randrange(256)}.0/24")  # noqa: S311 - no secret
        try:
            docker("network", "create", "--subnet", str(subnet), "--gateway", str(subnet[1]), name)
        except CommandError as error:
            problem = str(error)
            if "overlap" not in problem:
                raise
        else:
            found = json.loads(docker("network", "inspect", name))[0]
            assert found["IPAM"]["Config"][0]["Subnet"] == str(subnet)
            return Network(name, subnet)
    raise CommandError(f"no free range of addresses after {_ATTEMPTS} attempts: {problem}")
