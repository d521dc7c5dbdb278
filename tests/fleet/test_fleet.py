"""Several hosts behind a layer-4 balancer, sharing S3 and Redis: one is killed, all are replaced, images are collected."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bundle.fleet_archive import FleetArchive
from offline.images.vm import INSTALLED
from tests.blackbox.images import build_image
from tests.blackbox.names import fresh
from tests.blackbox.pull_load import PullLoad
from tests.blackbox.target import RegistryTarget
from tests.blackbox.waiting import wait_for
from tests.fleet.balancer import Balancer
from tests.fleet.cloud import Cloud
from tests.fleet.conftest import MakeHosts, MakeRegistry
from tests.fleet.hosts import JOIN_SECONDS, Hosts, target_of, wait_ready, wait_writable
from tests.fleet.load import Load
from tests.fleet.product import LEASE_SECONDS, Registry
from tests.fleet.vm import Vm
from tests.fleet.vm_host import VmHost
from tests.ops.gc.pushers import Crowd

HOSTS = 2
DRAIN_SECONDS = 10
"""How long the balancer leaves connections to a host that is taken out; minutes in a cloud (deregistration delay)."""
NOTICED_SECONDS = 20
"""Until when the balancer has noticed that a host is gone, and the last connection to it has been given up."""

BLOB_GRACE = 10
"""Seconds, so that something is swept while the test runs; a day in life."""
COLLECTING_SECONDS = 75
"""How long collections follow one another: the first on each host only notes what is garbage."""
PAUSE_SECONDS = 3
CLIENTS = 3
GC = {"blobGraceSeconds": BLOB_GRACE, "untaggedGraceSeconds": 2 * BLOB_GRACE, "quarantineDays": 7, "maxGateSeconds": 5}


@dataclass
class Running:
    """A fleet behind its balancer."""

    registry: Registry
    hosts: Hosts
    balancer: Balancer
    target: RegistryTarget
    ca_file: Path

    def add(self, archive: FleetArchive | None = None) -> Vm:
        """A new host, in service when this returns; its group does the same."""
        vm = self.hosts.add(self.registry, archive)
        seconds = wait_ready(vm, self.registry, self.ca_file)
        self.balancer.register(vm, self.registry.port)
        self.balancer.wait_healthy(vm, 30)
        print(f"  {vm.name} ready after {seconds:.0f} s, in service after {time.monotonic() - vm.started:.0f} s")
        return vm

    def take_out(self, vm: Vm) -> None:
        """Ends a host in order, as an instance refresh does: no new connections, a while for the others, shut down, gone."""
        self.balancer.drain(vm)
        time.sleep(DRAIN_SECONDS)  # what the cloud does: it waits, whatever happens
        left = self.balancer.connections(vm)
        seconds = vm.power_off()
        self.balancer.deregister(vm)
        self.hosts.remove(vm)
        print(f"  {vm.name} shut down in {seconds:.1f} s, with {left} connections at the begin")


@pytest.fixture(scope="module")
def fleet(
    cloud: Cloud, make_registry: MakeRegistry, make_hosts: MakeHosts, ca_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Two hosts in service, for all tests of the module."""
    registry = make_registry(gc=GC)
    balancer = Balancer(tmp_path_factory.mktemp("balancer"), registry.hostname, registry.port)
    balancer.start()
    try:
        with make_hosts(INSTALLED, "fleet") as hosts:
            url = f"https://{balancer.address}:{balancer.port}"
            target = RegistryTarget(url, ca_file, registry.accounts, secrets=registry.secrets)
            running = Running(registry, hosts, balancer, target, ca_file)
            for vm in [hosts.add(registry) for _ in range(HOSTS)]:
                seconds = wait_ready(vm, registry, ca_file)
                balancer.register(vm, registry.port)
                balancer.wait_healthy(vm, 30)
                joined = wait_writable(target_of(vm, registry, ca_file))
                print(f"  {vm.name} ready after {seconds:.0f} s, pushes taken {joined:.1f} s later")
            yield running
    finally:
        balancer.stop()


def test_what_one_host_acknowledged_every_other_one_gives(fleet: Running) -> None:
    one, other = (target_of(vm, fleet.registry, fleet.ca_file) for vm in fleet.hosts.vms[:2])
    repository = fresh("fleet")
    image = build_image(repository)
    one.client().push(repository, "v1", image)
    assert other.client().pull(repository, "v1") == image.digest
    replacement = build_image(f"{repository}-new")
    other.client().push(repository, "v1", replacement)
    assert one.client().pull(repository, "v1") == replacement.digest


def test_an_upload_goes_on_through_another_host(fleet: Running) -> None:
    one, other = (target_of(vm, fleet.registry, fleet.ca_file) for vm in fleet.hosts.vms[:2])
    repository = fresh("fleet")
    image = build_image(repository, (200_000,))
    layer = image.layers[0]
    octets = {"Content-Type": "application/octet-stream"}
    location = one.client().start_upload(repository).header("Location")
    location = one.client().request("PATCH", location, layer[:100_000], octets, want=(202,)).header("Location")
    location = location.replace(one.address, other.address)
    location = other.client().request("PATCH", location, layer[100_000:], octets, want=(202,)).header("Location")
    joint = "&" if "?" in location else "?"
    one.client().request("PUT", f"{location.replace(other.address, one.address)}{joint}digest={_digest(layer)}", b"", octets, want=(201,))
    assert other.client().pull_blob(repository, _digest(layer)) == len(layer)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_without_redis_pulls_go_on_and_pushes_are_refused_until_it_is_back(fleet: Running) -> None:
    repository = fresh("fleet")
    image = build_image(repository)
    client = fleet.target.client()
    client.push(repository, "latest", image)
    redis = fleet.registry.cloud.redis
    with PullLoad(fleet.target, repository, image) as load:
        redis.stop()
        try:
            stopped = time.monotonic()
            wait_for("writes to be refused", lambda: _start_of_an_upload(fleet) == 429, seconds=LEASE_SECONDS + 10)
            print(f"  writes were refused {time.monotonic() - stopped:.1f} s after Redis was gone")
            load.more(40)
            # For longer than a lease: nothing opens by itself.
            wait_for("the lease to be long over", lambda: time.monotonic() - stopped > 2 * LEASE_SECONDS, seconds=2 * LEASE_SECONDS + 5)
            assert {_start_of_an_upload(fleet) for _ in range(4)} == {429}, "a host took a write that no collection would know of"
        finally:
            redis.start()
            back = time.monotonic()
        wait_for("both hosts to take writes", lambda: {_start_of_an_upload(fleet) for _ in range(4)} == {202}, seconds=JOIN_SECONDS)
        print(f"  writes went on {time.monotonic() - back:.1f} s after Redis was back, empty")
        load.more(40)
    print(f"  {load.pulls} pulls meanwhile, none failed")
    assert fleet.target.client().pull(repository, "latest") == image.digest


def _start_of_an_upload(fleet: Running) -> int:
    """The status of a request that begins an upload, on a connection of its own: the balancer takes the hosts in turn."""
    return fleet.target.client().request("POST", f"/v2/{fresh('probe')}/blobs/uploads/", b"").status


def _summary(report: dict[str, Any]) -> str:
    """A collection's report in one line; one that ended early says why."""
    if "error" in report:
        return str(report["error"])[:200]
    keys = ("seconds", "garbage", "swept_blobs", "untagged_deleted", "gate_closings", "gate_longest")
    return ", ".join(f"{key} {report[key]}" for key in keys) + (f", stopped: {str(report['stopped'])[:200]}" if report["stopped"] else "")


def test_no_image_is_lost_while_every_host_collects(fleet: Running, rounds: int) -> None:
    """Clients push, promote, overwrite and delete; collections run on one host after the other, with the gate of all hosts closed."""
    account = fleet.target.account
    # Inside the URL, because the crowd's clients are made from one.
    url = f"https://{account.name}:{account.password}@{fleet.target.address}#{fleet.ca_file}"
    crowd = Crowd(url, CLIENTS, longest=3.0 * BLOB_GRACE)
    reports: list[dict[str, Any]] = []
    crowd.start()
    try:
        end = time.monotonic() + COLLECTING_SECONDS * rounds
        while time.monotonic() < end:
            vm = fleet.hosts.vms[len(reports) % len(fleet.hosts.vms)]
            done = VmHost(vm).ops("gc", "--json")
            assert done.out.startswith("{"), f"gc on {vm.name} ended with {done.code}: {done.text}"
            reports.append(json.loads(done.out))
            print(f"  {vm.name}: exit code {done.code}, {_summary(reports[-1])}")
            time.sleep(PAUSE_SECONDS)  # garbage must get older than its grace
    finally:
        crowd.stop()
    alive = crowd.check_all()
    ledger = crowd.ledger
    print(
        f"  {len(reports)} collections on {len(fleet.hosts.vms)} hosts: {ledger.pushed} pushes answered 201, {ledger.checked} pulled again,"
        f" {ledger.deleted} deleted, {alive} alive at the end, {ledger.refused} writes refused for the moment, {len(ledger.failed)} failed"
    )
    assert not ledger.faults, f"lost or corrupt: {ledger.faults[:10]}"
    assert not ledger.failed, ledger.failed[:10]
    assert ledger.checked == ledger.pushed > 0
    assert sum(report.get("swept_blobs", 0) for report in reports) > 0, "nothing was swept: the test proves nothing"


def test_a_host_is_killed_and_only_what_it_was_doing_notices(fleet: Running, rounds: int) -> None:
    for _ in range(rounds):
        victim = fleet.hosts.vms[0]
        with Load(fleet.target) as load:
            load.more(15)
            killed = time.monotonic()
            victim.kill()
            fleet.balancer.wait_unhealthy(victim)
            noticed = time.monotonic()
            load.more(15)
            fleet.balancer.deregister(victim)
            fleet.hosts.remove(victim)
            fleet.add()
            load.more(15)
        print(f"  the balancer noticed after {noticed - killed:.1f} s")
        load.assert_attempts_failed_only(killed - 1, killed + NOTICED_SECONDS, "a host was killed")


def test_all_hosts_are_replaced_and_nobody_notices(fleet: Running, rounds: int) -> None:
    for number in range(rounds):
        old = list(fleet.hosts.vms)
        newer = fleet.registry.publish(fleet.registry.spec(log_level=("warn", "info")[number % 2]))
        assert newer.sha256 != fleet.registry.archive.sha256
        fleet.registry.archive = newer
        with Load(fleet.target) as load:
            for vm in old:
                fleet.add()
                load.more(10)
                fleet.take_out(vm)
                load.more(10)
        load.assert_no_attempt_failed()
        assert len(fleet.hosts.vms) == len(old)
        for vm in fleet.hosts.vms:
            assert newer.sha256 in vm.out("cat", "/etc/private-registry/boot.json")
