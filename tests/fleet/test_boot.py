"""The first boot of one host: user data, packages, bundle, secret, services; then the black-box suite, a reboot and a rotation."""

import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from offline.images.vm import BARE, FIRST_BOOT_PACKAGES
from tests.blackbox.images import Image, build_image
from tests.blackbox.names import fresh
from tests.blackbox.oci import tls_context
from tests.blackbox.pull_load import PullLoad
from tests.blackbox.suite_access import AccessSuite
from tests.blackbox.suite_clients import ClientSuite
from tests.blackbox.suite_errors import ErrorSuite
from tests.blackbox.suite_gate import GateSuite
from tests.blackbox.suite_hardening import Containers, HardeningSuite
from tests.blackbox.suite_images import ImageSuite
from tests.blackbox.suite_resilience import ResilienceSuite
from tests.blackbox.suite_tls import TlsSuite
from tests.blackbox.target import RegistryTarget
from tests.fleet import timeline
from tests.fleet.conftest import MakeHosts, MakeRegistry
from tests.fleet.hosts import target_of, wait_ready, wait_up, wait_writable
from tests.fleet.product import Registry
from tests.fleet.vm import Vm
from tests.fleet.vm_host import ROOT, VmHost

SERVICES = {"edge", "registry-1", "registry-2", "collector", "sweeper", "ops"}


@dataclass(frozen=True)
class Booted:
    """A host after its first boot."""

    registry: Registry
    vm: Vm
    ready_after: float
    target: RegistryTarget

    @property
    def host(self) -> VmHost:
        return VmHost(self.vm)


@pytest.fixture(scope="module")
def booted(make_registry: MakeRegistry, make_hosts: MakeHosts, ca_file: Path) -> Iterator[Booted]:
    """The host, for all tests of the module."""
    registry = make_registry()
    with make_hosts(BARE, "boot") as hosts:
        vm = hosts.add(registry)
        ready = wait_ready(vm, registry, ca_file)
        up = wait_up(vm)
        target = target_of(vm, registry, ca_file)
        print(f"  all services up after {up:.1f} s, pushes taken {wait_writable(target):.1f} s later")
        yield Booted(registry, vm, ready, target)


@pytest.fixture(scope="module")
def target(booted: Booted) -> RegistryTarget:
    """What the black-box suite runs against."""
    return booted.target


def _pushed(target: RegistryTarget) -> tuple[str, Image]:
    repository = fresh("boot")
    image = build_image(repository)
    target.client().push(repository, "latest", image)
    return repository, image


class TestFirstBoot:
    def test_the_user_data_alone_makes_a_registry(self, booted: Booted) -> None:
        timeline.show(booted.vm, booted.ready_after)
        states = {name: one["State"]["Health"]["Status"] for name, one in booted.host.containers().items()}
        assert states == dict.fromkeys(SERVICES, "healthy")

    def test_the_packages_came_with_the_first_boot(self, booted: Booted) -> None:
        log = booted.vm.out("cat", "/var/log/dpkg.log")
        started = booted.vm.out("journalctl", "--no-pager", "--boot", "--output=short-iso", "--lines=1", "--grep=systemd").splitlines()[0]
        missing = [name for name in FIRST_BOOT_PACKAGES if f" installed {name}:" not in log]
        assert not missing, f"{missing} did not come with the boot of {started}"

    def test_cloud_init_has_nothing_to_complain_about(self, booted: Booted) -> None:
        done = booted.vm.run("cloud-init", "status", "--wait", "--format=json", check=False)
        status = json.loads(done.out)
        assert (status["status"], status["errors"], status["recoverable_errors"]) == ("done", [], {}), done.out

    def test_no_unit_has_failed(self, booted: Booted) -> None:
        failed = booted.vm.out("systemctl", "--failed", "--no-legend", "--plain").split()
        assert not [unit for unit in failed if unit.startswith(("private-registry", "docker", "cloud", "containerd"))], failed

    def test_the_bundle_is_the_one_that_the_user_data_names(self, booted: Booted) -> None:
        boot = json.loads(booted.vm.out("cat", "/etc/private-registry/boot.json"))
        assert boot["sha256"] == booted.registry.archive.sha256
        assert booted.vm.out("ls", f"{ROOT}/bundles").split() == [booted.registry.archive.sha256]

    def test_the_storage_knows_the_host_by_its_role_alone(self, booted: Booted) -> None:
        repository, image = _pushed(booted.target)
        assert booted.target.client().pull(repository, "latest") == image.digest
        keys = booted.registry.cloud.s3
        search = booted.vm.run("grep", "-rlF", keys.secret_access_key, "/etc/private-registry", ROOT, "/var/lib/cloud", check=False)
        assert not search.out, f"an access key lies on the host: {search.out}"

    def test_another_run_of_everything_changes_nothing(self, booted: Booted) -> None:
        before = booted.host.ids()
        for command in (
            ("systemctl", "start", "private-registry.service"),
            ("systemctl", "start", "private-registry-refresh.service"),
            # Everything that the unit does, although it is active; as a unit of systemd's, so with its environment.
            ("systemd-run", "--wait", "--pipe", "--quiet", "/usr/local/sbin/private-registry-boot", "start"),
        ):
            booted.vm.out(*command, seconds=300)
        assert booted.host.ids() == before


class TestReboot:
    def test_the_host_comes_back_by_itself(self, booted: Booted, ca_file: Path) -> None:
        repository, image = _pushed(booted.target)
        ids = {name: one["Id"] for name, one in booted.host.containers().items()}
        booted.vm.reboot()
        seconds = wait_ready(booted.vm, booted.registry, ca_file)
        print(f"  ready {seconds:.1f} s after the reboot, all services up after {wait_up(booted.vm):.1f} s")
        print(f"  pushes taken {wait_writable(booted.target):.1f} s later")
        assert booted.target.client().pull(repository, "latest") == image.digest
        assert {name: one["Id"] for name, one in booted.host.containers().items()} == ids, "a reboot replaced containers"
        booted.target.client().push(fresh("boot"), "latest", image)


class TestRotation:
    def _served(self, target: RegistryTarget) -> bytes | None:
        context = tls_context(target.ca_file)
        with (
            socket.create_connection((target.hostname, target.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=target.hostname) as connection,
        ):
            return connection.getpeercert(binary_form=True)

    def test_a_new_certificate_is_served_and_no_pull_notices(self, booted: Booted) -> None:
        repository, image = _pushed(booted.target)
        before = self._served(booted.target)
        with PullLoad(booted.target, repository, image) as load:
            new = ssl.PEM_cert_to_DER_cert(booted.registry.rotate_certificate().certificate)
            assert new != before
            booted.vm.out("systemctl", "start", "private-registry-refresh.service", seconds=120)
            booted.vm.wait("the new certificate is served", lambda: self._served(booted.target) == new, 30)
            load.more(40)
        ids = booted.host.ids()
        booted.vm.out("systemctl", "start", "private-registry-refresh.service", seconds=120)
        assert booted.host.ids() == ids, "a refresh without news changes nothing"

    def test_the_timer_looks_for_news(self, booted: Booted) -> None:
        timers = booted.vm.out("systemctl", "list-timers", "--no-legend", "private-registry-refresh.timer")
        assert "private-registry-refresh.service" in timers


class TestHardening(HardeningSuite):
    """On a VM the files lie in folders of the host, and there is no service that hands them out."""

    @pytest.fixture
    def containers(self, target: RegistryTarget) -> Containers:
        containers = target.control().containers()
        assert set(containers) == SERVICES, f"these containers run: {sorted(containers)}"
        return containers

    def test_no_folder_of_the_host_and_no_engine_socket_is_mounted(self, containers: Containers) -> None:
        sources = {(name, mount["Source"]) for name, one in containers.items() for mount in one["Mounts"]}
        assert not {entry for entry in sources if not entry[1].startswith(f"{ROOT}/")}, "a folder that is not the registry's"

    def test_logs_do_not_fill_the_disk(self, containers: Containers) -> None:
        # The journal takes a tenth of the disk at most (journald.conf(5), SystemMaxUse).
        assert {one["HostConfig"]["LogConfig"]["Type"] for one in containers.values()} == {"journald"}

    def test_configuration_is_mounted_read_only(self, containers: Containers) -> None:
        mounts = [
            (name, mount) for name, one in containers.items() for mount in one["Mounts"] if mount["Source"].startswith(f"{ROOT}/files")
        ]
        assert {name for name, _ in mounts} >= {"edge", "registry-1", "ops"}
        assert not [f"{name} {mount['Destination']}" for name, mount in mounts if mount["RW"]]


class TestAccess(AccessSuite):
    pass


class TestTls(TlsSuite):
    pass


class TestErrors(ErrorSuite):
    pass


class TestImages(ImageSuite):
    pass


class TestClients(ClientSuite):
    pass


class TestGate(GateSuite):
    pass


class TestResilience(ResilienceSuite):
    pass


class TestSecrets:
    """Last, so that whatever the other tests made the host write has been written."""

    def _assert_none(self, booted: Booted, text: str, where: str) -> None:
        leaked = [secret for secret in booted.registry.secrets if secret in text]
        assert not leaked, f"{len(leaked)} secrets stand in {where}, for example one that begins with {leaked[0][:4]}"

    def test_the_search_knows_what_to_look_for(self, booted: Booted) -> None:
        files = booted.vm.out("sh", "-c", f"cd {ROOT}/files && cat registry/* edge/tls.key ops/account ops/redis-password")
        found = [secret for secret in booted.registry.secrets if secret in files]
        assert len(found) >= 6, "hashes, http.secret, passwords and the key: without them the other tests prove nothing"

    def test_not_in_what_the_cloud_knows_about_the_host(self, booted: Booted) -> None:
        self._assert_none(booted, booted.vm.spec.user_data, "the user data")
        self._assert_none(booted, booted.registry.archive_text(), "the bundle")

    def test_not_in_journal_console_or_logs(self, booted: Booted) -> None:
        self._assert_none(booted, booted.vm.journal(), "the journal")
        self._assert_none(booted, booted.vm.console(), "the console")
        self._assert_none(booted, booted.vm.out("sh", "-c", "cat /var/log/*.log /var/log/*/*.log"), "/var/log")
        for service in booted.host.containers():
            self._assert_none(booted, booted.host.logs(service), f"the log of {service}")

    def test_not_in_what_the_engine_tells_about_containers(self, booted: Booted) -> None:
        self._assert_none(booted, json.dumps(booted.host.containers()), "docker inspect")

    def test_not_in_any_process_arguments_or_environment(self, booted: Booted) -> None:
        said = booted.vm.out("sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")
        self._assert_none(booted, said, "a process")

    def test_not_in_files_that_others_can_read(self, booted: Booted) -> None:
        places = ("/etc", "/var/lib/private-registry", "/var/lib/cloud", "/usr/local", "/root", "/home", "/opt", "/srv")
        patterns = "\n".join(booted.registry.secrets) + "\n"
        listed = booted.vm.out("find", *places, "-type", "f", "-perm", "-o=r", "-size", "-4000k", "-not", "-name", "*.deb")
        assert f"{ROOT}/files/edge/nginx.conf" in listed.split("\n"), "the search looks in the wrong place"
        search = 'find "$@" -type f -perm -o=r -size -4000k -exec grep -lFf "$patterns" {} +'
        script = f'patterns=$(mktemp); cat > "$patterns"; {search}; rm -f "$patterns"'
        found = booted.vm.run("sh", "-c", script, "sh", *places, stdin=patterns, check=False).out.split()
        assert not found, f"secrets stand in files that every user of the host can read: {found}"
