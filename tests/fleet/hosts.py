"""Hosts of a registry: each a VM with the registry's user data."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bundle.fleet_archive import FleetArchive
from tests.blackbox.docker_host import docker
from tests.blackbox.names import fresh
from tests.blackbox.oci import tls_context
from tests.blackbox.target import RegistryTarget
from tests.blackbox.waiting import wait_for
from tests.fleet.cloud import Cloud
from tests.fleet.product import Registry
from tests.fleet.ready import ready_status
from tests.fleet.vm import Vm, VmSpec
from tests.fleet.vm_host import VmHost
from tests.images import TestImages

BOOT_SECONDS = 300
JOIN_SECONDS = 90
"""How long a host may take to join: with a new Redis it waits for a lease, because there might be hosts that this Redis does not know."""


def save_images(images: TestImages, folder: Path) -> Path:
    """Writes the images that a host runs into a folder, as VMs take them. Each image is one archive, with its name beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    roles = {"registry": images.registry, "edge": images.edge, "ops": images.ops, "sweeper": images.sweeper}
    for role, image in roles.items():
        docker("save", "--output", str(folder / f"{role}.tar"), image)
        (folder / f"{role}.name").write_text(f"{image}\n")
    return folder


@dataclass
class Hosts:
    """Makes VMs and takes them all away in the end. `prefix` begins the names of their containers; `image` is the machine's."""

    cloud: Cloud
    prefix: str
    image: str
    test_images: Path
    vms: list[Vm] = field(default_factory=list[Vm])
    made: int = 0

    def create(self, user_data: str, *, endpoints: Mapping[str, str] | None = None) -> Vm:
        """Starts a VM with this user data; returns at once. `endpoints` over those of the cloud."""
        spec = VmSpec(
            name=f"{self.prefix}-{self.made}",
            image=self.image,
            address=self.cloud.network.address(self.made),
            identity=self.cloud.identity(),
            user_data=user_data,
            endpoints={**self.cloud.endpoints, **(endpoints or {})},
            test_images=self.test_images,
        )
        self.made += 1
        vm = Vm(spec, self.cloud.network)
        self.vms.append(vm)
        vm.create()
        return vm

    def add(self, registry: Registry, archive: FleetArchive | None = None) -> Vm:
        """Starts a host of the registry; returns at once."""
        return self.create(registry.user_data(archive))

    def remove(self, vm: Vm) -> None:
        """Takes one away."""
        vm.remove()
        self.vms.remove(vm)

    def remove_all(self) -> None:
        """Takes all away."""
        for vm in list(self.vms):
            self.remove(vm)


def wait_ready(vm: Vm, registry: Registry, ca_file: Path, seconds: float = BOOT_SECONDS) -> float:
    """Waits until the host says that it is ready for the balancer; returns the seconds since it was switched on."""
    context = tls_context(ca_file)
    vm.wait("ready for the balancer", lambda: ready_status(vm.address, registry.port, context) == 200, seconds)
    return time.monotonic() - vm.started


def wait_up(vm: Vm) -> float:
    """Waits until the host's unit says that every service runs; returns the seconds since it was switched on."""
    unit = ("systemctl", "is-active", "private-registry.service")
    vm.wait("all services up", lambda: vm.run(*unit, check=False).out.strip() == "active", BOOT_SECONDS)
    return time.monotonic() - vm.started


def wait_writable(target: RegistryTarget, seconds: float = JOIN_SECONDS) -> float:
    """Waits until a push is taken: a host refuses writes until the others count with it. Returns the seconds that took."""
    started = time.monotonic()
    client = target.client()
    wait_for(
        f"{target.url} to take a push",
        lambda: client.request("POST", f"/v2/{fresh('join')}/blobs/uploads/", b"").status == 202,
        seconds=seconds,
    )
    return time.monotonic() - started


def target_of(vm: Vm, registry: Registry, ca_file: Path) -> RegistryTarget:
    """One host of the registry as what the black-box suite runs against."""
    return RegistryTarget(
        url=f"https://{vm.address}:{registry.port}",
        ca_file=ca_file,
        accounts=registry.accounts,
        names=registry.names,
        foreign_address=f"{vm.address}:{registry.port}",
        host=VmHost(vm),
        secrets=registry.secrets,
    )
