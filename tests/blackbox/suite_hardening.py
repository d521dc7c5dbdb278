"""What the engine says about the stack's containers: nothing more is allowed than is needed."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.blackbox.target import RegistryTarget
from tests.blackbox.waiting import wait_for

SERVICE_USER = "10001:10001"
WRITABLE_ROOT = {"config"}
"""The only service with a writable root and with root's user: docs/decisions says why."""

Containers = Mapping[str, Mapping[str, Any]]


def _offenders(containers: Containers, problem: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the engine says
    found = {name: problem(name, one) for name, one in containers.items()}
    return {name: what for name, what in found.items() if what}


class HardeningSuite:
    """Needs a hand on a Docker host."""

    @pytest.fixture
    def containers(self, target: RegistryTarget) -> Containers:
        containers = target.control().containers()
        assert {"config", "edge", "registry-1"} <= set(containers), f"only these containers run: {sorted(containers)}"
        return containers

    def test_one_port_of_the_whole_stack_is_published(self, target: RegistryTarget, containers: Containers) -> None:
        published = {
            (name, inside, binding["HostPort"])
            for name, one in containers.items()
            for inside, bindings in (one["NetworkSettings"]["Ports"] or {}).items()
            for binding in bindings or ()
        }
        assert published == {("edge", "8443/tcp", str(target.port))}, (
            f"published: {published}; the registry's own, debug, metrics and redis ports must not be reachable from outside"
        )

    def test_no_container_shares_the_hosts_network_or_processes(self, containers: Containers) -> None:
        def shares(_name: str, one: Mapping[str, Any]) -> list[str]:
            config = one["HostConfig"]
            return [key for key in ("NetworkMode", "PidMode", "IpcMode", "UsernsMode", "UTSMode") if config.get(key) == "host"]

        assert not _offenders(containers, shares)

    def test_root_folders_are_read_only(self, containers: Containers) -> None:
        writable = {name for name, one in containers.items() if not one["HostConfig"]["ReadonlyRootfs"]}
        assert writable <= WRITABLE_ROOT, "an intruder could change programs"

    def test_all_capabilities_are_dropped(self, containers: Containers) -> None:
        assert not _offenders(containers, lambda _name, one: one["HostConfig"]["CapDrop"] != ["ALL"])
        added = {name: one["HostConfig"]["CapAdd"] for name, one in containers.items() if one["HostConfig"]["CapAdd"]}
        assert set(added) <= WRITABLE_ROOT, f"only config, which hands files to the services' user, may have any: {added}"

    def test_nobody_gains_privileges(self, containers: Containers) -> None:
        def gains(_name: str, one: Mapping[str, Any]) -> object:
            config = one["HostConfig"]
            options = [option.removesuffix(":true").removesuffix("=true") for option in config["SecurityOpt"] or ()]
            return config["Privileged"] or "no-new-privileges" not in options

        assert not _offenders(containers, gains)

    def test_services_run_as_their_own_user(self, containers: Containers) -> None:
        users = {name: one["Config"]["User"] for name, one in containers.items()}
        assert {name for name, user in users.items() if user != SERVICE_USER} <= WRITABLE_ROOT, users

    def test_memory_is_limited(self, containers: Containers) -> None:
        assert not _offenders(containers, lambda _name, one: not one["HostConfig"]["Memory"])

    def test_health_is_checked_and_good(self, containers: Containers) -> None:
        assert not _offenders(containers, lambda _name, one: not one["Config"].get("Healthcheck", {}).get("Test"))
        health = {name: one["State"].get("Health", {}).get("Status") for name, one in containers.items()}
        assert set(health.values()) == {"healthy"}, health

    def test_services_come_back_after_a_crash(self, containers: Containers) -> None:
        assert not _offenders(containers, lambda _name, one: one["HostConfig"]["RestartPolicy"]["Name"] not in ("always", "unless-stopped"))

    def test_logs_do_not_fill_the_disk(self, containers: Containers) -> None:
        def unbounded(_name: str, one: Mapping[str, Any]) -> object:
            log = one["HostConfig"]["LogConfig"]
            return log["Type"] != "local" and not {"max-size", "max-file"} <= set(log["Config"] or {})

        assert not _offenders(containers, unbounded)

    def test_no_folder_of_the_host_and_no_engine_socket_is_mounted(self, containers: Containers) -> None:
        def bound(_name: str, one: Mapping[str, Any]) -> list[str]:
            return [mount["Source"] for mount in one["Mounts"] if mount["Type"] != "volume"] + list(one["HostConfig"]["Binds"] or ())

        assert not _offenders(containers, bound)

    def test_configuration_is_mounted_read_only(self, containers: Containers) -> None:
        def writable(name: str, one: Mapping[str, Any]) -> list[str]:
            mounts = [mount for mount in one["Mounts"] if mount["RW"] and "-files-" in mount["Name"]]
            return [] if name in WRITABLE_ROOT else [mount["Destination"] for mount in mounts]

        assert not _offenders(containers, writable)

    def test_images_are_pinned(self, containers: Containers) -> None:
        def floating(_name: str, one: Mapping[str, Any]) -> object:
            image = str(one["Config"]["Image"])
            return image.endswith(":latest") or not re.search(r"(:[\w.-]+|sha256:[0-9a-f]{64})$", image)

        assert not _offenders(containers, floating)

    def test_secrets_show_neither_in_what_the_engine_tells_nor_in_logs(self, target: RegistryTarget, containers: Containers) -> None:
        host = target.control()
        said = {f"inspect {name}": json.dumps(one) for name, one in containers.items()}
        said |= {f"logs of {name}": host.logs(name) for name in containers}
        secrets = {*target.secrets, *(account.password for account in target.accounts.values())}
        leaks = [where for where, text in said.items() for secret in secrets if secret in text]
        assert not leaks, f"a secret stands in: {sorted(set(leaks))}"

    def test_the_edges_log_says_what_happened(self, target: RegistryTarget) -> None:
        host = target.control()
        marker = "log-marker-of-the-suite"
        target.client().request("GET", f"/v2/{marker}/tags/list")
        # The edge writes its line when the request is over, and the engine collects it a moment later.
        wait_for("the request to show in the edge's log", lambda: marker in host.logs("edge"), seconds=10)
