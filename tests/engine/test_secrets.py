"""No secret shows up where others can look."""

import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.blackbox.docker_host import docker, names
from tests.engine.conftest import MakeStack
from tests.engine.deployment import Deployment
from tests.stack_names import stack_name

CANARY = "Canary-of-the-tests-7Qx2"


@dataclass(frozen=True)
class Deployed:
    """A stack with a supplied password, and what could be seen while it was deployed."""

    deployment: Deployment
    output: str
    processes: str
    secrets: tuple[str, ...]


class ProcessList:
    """Looks at every process's arguments and environment's names again and again."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._seen: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="process-list")

    def _run(self) -> None:
        while not self._stop.is_set():
            self._seen.update(subprocess.run(["ps", "-eo", "args", "ww"], capture_output=True, text=True, check=True).stdout.splitlines())
            self._stop.wait(0.05)

    def __enter__(self) -> "ProcessList":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    @property
    def text(self) -> str:
        return "\n".join(sorted(self._seen))


@pytest.fixture(scope="module")
def deployed(make_module_stack: MakeStack) -> Deployed:
    deployment = make_module_stack(stack_name("secrets"))
    deployment.set_secret("auth.users[1].password", CANARY)
    with ProcessList() as processes:
        preview = deployment.preview("--diff")
        update = deployment.up("--diff")
    again = deployment.preview("--diff", "--show-replacement-steps", "--show-reads", "--show-sames")
    return Deployed(deployment, preview.text + update.text + again.text, processes.text, tuple(deployment.secrets()))


def _assert_none(deployed: Deployed, text: str, where: str) -> None:
    leaked = [secret for secret in deployed.secrets if secret in text]
    assert not leaked, f"{len(leaked)} secrets stand in {where}, for example one that begins with {leaked[0][:4]}"


def test_the_search_knows_what_to_look_for(deployed: Deployed) -> None:
    container = deployed.deployment.docker.name("config")
    files = docker("exec", container, "sh", "-c", "cat /files/registry/* /files/redis/* /files/edge/tls.key")
    found = [secret for secret in deployed.secrets if secret in files]
    assert len(found) >= 5, "two hashes, http.secret, the Redis password and the key: without them the other tests prove nothing"
    assert CANARY in deployed.secrets
    assert deployed.deployment.accounts()["admin"].password in deployed.secrets


def test_the_accounts_get_in(deployed: Deployed) -> None:
    target = deployed.deployment.target()
    assert target.accounts["ci"].password == CANARY
    for account in target.accounts.values():
        assert target.client(account).request("GET", "/v2/").status == 200


def test_not_in_what_pulumi_prints(deployed: Deployed) -> None:
    _assert_none(deployed, deployed.output, "pulumi's output")


def test_not_in_any_process_arguments(deployed: Deployed) -> None:
    _assert_none(deployed, deployed.processes, "the process list")


def test_not_in_the_exported_state(deployed: Deployed) -> None:
    _assert_none(deployed, deployed.deployment.export(), "the exported state")


def test_not_in_any_file_of_the_backend_or_of_pulumis_home(deployed: Deployed) -> None:
    checkout = deployed.deployment.checkout
    for base in (checkout.state, checkout.home):
        for path in sorted(base.rglob("*")):
            if path.is_file() and path.stat().st_size < 10_000_000:
                _assert_none(deployed, path.read_text(errors="replace"), str(path))


def test_not_in_the_stack_file(deployed: Deployed) -> None:
    _assert_none(deployed, deployed.deployment.stack_file.read_text(), "the stack file")


def test_not_in_the_event_log(deployed: Deployed) -> None:
    for path in Path(deployed.deployment.checkout.folder.parent).glob(f"{deployed.deployment.stack}-*.jsonl"):
        _assert_none(deployed, path.read_text(), str(path))


def test_not_in_what_the_engine_tells_about_containers(deployed: Deployed) -> None:
    for name in names("container", deployed.deployment.name):
        _assert_none(deployed, docker("inspect", name), f"docker inspect {name}")


def test_not_in_any_log(deployed: Deployed) -> None:
    stack = deployed.deployment.docker
    for service in stack.containers():
        _assert_none(deployed, stack.logs(service), f"the log of {service}")


def test_not_in_volumes_networks_or_images(deployed: Deployed) -> None:
    stack = deployed.deployment
    for volume in names("volume", stack.name):
        _assert_none(deployed, docker("volume", "inspect", volume), f"volume {volume}")
    _assert_none(deployed, docker("network", "inspect", stack.name), "the network")
    for image in {one["Image"] for one in stack.docker.containers().values()}:
        _assert_none(deployed, docker("image", "history", "--no-trunc", image) + docker("image", "inspect", image), f"image {image}")


def test_not_in_any_containers_environment_or_arguments(deployed: Deployed) -> None:
    stack = deployed.deployment.docker
    for service in stack.containers():
        text = docker("exec", stack.name(service), "sh", "-c", "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")
        _assert_none(deployed, text, f"the processes of {service}")


def test_files_with_secrets_can_be_read_by_their_service_alone(deployed: Deployed) -> None:
    stack = deployed.deployment.docker
    listing = docker("exec", stack.name("config"), "sh", "-c", "cd /files && find . -type f -exec stat -c '%a %u %n' {} +")
    modes = {line.split(" ", 2)[2]: (line.split()[0], line.split()[1]) for line in listing.splitlines()}
    for path in ("./edge/tls.key", "./registry/config.yml", "./registry/htpasswd", "./redis/redis.conf"):
        assert modes[path] == ("400", "10001"), f"{path}: {modes[path]}"


def test_an_unchanged_supplied_password_changes_nothing(deployed: Deployed) -> None:
    deployed.deployment.up("--refresh").assert_unchanged("the salt is stored, so the hash stays")
