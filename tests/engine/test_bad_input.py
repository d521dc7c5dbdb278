"""What people get wrong: a message that names it and says the remedy, an exit code, and a next run that picks up."""

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.blackbox.command import Done
from tests.blackbox.docker_host import leftovers, names
from tests.blackbox.images import build_image
from tests.blackbox.oci import Account, RegistryClient
from tests.blackbox.waiting import wait_for
from tests.certificates import make_ca, make_pair
from tests.engine.checkout import Checkout
from tests.engine.deployment import settings_for
from tests.engine.make_run import MakeRun
from tests.stack_names import stack_name

STACK = stack_name("bad")
NOBODY = 65534


@pytest.fixture(scope="module")
def checkout_for_make(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    return MakeRun(Checkout.copy(tmp_path_factory.mktemp("bad")))


@pytest.fixture
def made(checkout_for_make: MakeRun) -> Iterator[MakeRun]:
    yield checkout_for_make
    checkout_for_make.write(STACK, settings_for())
    checkout_for_make.remove(STACK)


REMEDY = re.compile(rf"docker rm -f registry-{STACK}-[\w-]+")
ROUNDS = 4


def _assert_refused(done: Done, *wanted: str) -> None:
    assert done.code != 0, f"a failure must show in the exit code:\n{done.text}"
    assert "Traceback" not in done.text, done.text
    assert "panic:" not in done.text, done.text
    missing = [text for text in wanted if text.lower() not in done.text.lower()]
    assert not missing, f"the message doesn't say {missing}:\n{done.text}"


def _assert_works(made: MakeRun) -> None:
    """The next run picks up, and the run after it has nothing left to do."""
    made.make("up", STACK, check=True)
    assert "unchanged" in made.make("up", STACK, check=True).text


def _settings(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a stack file can hold
    return {**settings_for(), **changed}


def test_a_port_that_is_in_use(made: MakeRun) -> None:
    settings = _settings()
    made.write(STACK, settings)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", settings["port"]))
        taken.listen()
        _assert_refused(made.make("up", STACK), str(settings["port"]), "in use")
    _assert_works(made)


def test_docker_is_not_running(made: MakeRun, tmp_path: Path) -> None:
    made.write(STACK, _settings())
    missing = f"unix://{tmp_path}/docker.sock"
    for target in ("up", "preview"):
        _assert_refused(made.make(target, STACK, env={"DOCKER_HOST": missing}), "docker", f"{tmp_path}/docker.sock")
    assert leftovers(f"registry-{STACK}") == []


def test_docker_is_not_running_where_the_stack_file_says(made: MakeRun, tmp_path: Path) -> None:
    made.write(STACK, _settings(docker={"host": f"unix://{tmp_path}/docker.sock", "bindAddress": "127.0.0.1"}))
    _assert_refused(made.make("up", STACK), "docker", f"{tmp_path}/docker.sock")


def test_docker_goes_away_before_pulumi_runs(made: MakeRun, tmp_path: Path) -> None:
    """Past the preparation, the plugin itself has to say it."""
    made.write(STACK, _settings())
    made.make("preview", STACK, check=True)
    script = f"DOCKER_HOST=unix://{tmp_path}/docker.sock .venv/bin/python -m stack up --stack {STACK} || echo refused with $?"
    done = made.shell(script)
    assert "refused with" in done.out, done.text
    assert "Traceback" not in done.text
    assert f"{tmp_path}/docker.sock" in done.text, done.text
    assert leftovers(f"registry-{STACK}") == []


def test_no_permission_to_use_docker(made: MakeRun, tmp_path: Path) -> None:
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or not setpriv:
        pytest.skip("needs root and setpriv, to make a socket that belongs to somebody else")
    made.write(STACK, _settings())
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0o600)
        os.chown(path, NOBODY, NOBODY)
        # Root without these capabilities is bound by file modes as everybody else.
        without = (setpriv, "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
        _assert_refused(made.make("up", STACK, env={"DOCKER_HOST": f"unix://{path}"}, wrapper=without), str(path), "permission")


def test_a_certificate_for_another_host(made: MakeRun) -> None:
    ca = make_ca()
    pair = make_pair("another.example.com", ca=ca)
    tls = {"mode": "provided", "certificate": pair.certificate, "privateKey": pair.key, "caCertificate": ca.certificate}
    made.write(STACK, _settings(tls=tls))
    done = made.make("up", STACK)
    _assert_refused(done, "tls.certificate", "localhost", "another.example.com", "plain text")
    assert pair.key.splitlines()[1] not in done.text, "the key must not be shown"
    assert leftovers(f"registry-{STACK}") == [], "nothing must have been deployed"


def test_a_certificate_whose_key_is_another_ones(made: MakeRun) -> None:
    ca = make_ca()
    pair, other = make_pair("localhost", ca=ca), make_pair("localhost", ca=ca)
    tls = {"mode": "provided", "certificate": pair.certificate, "privateKey": other.key, "caCertificate": ca.certificate}
    made.write(STACK, _settings(tls=tls))
    _assert_refused(made.make("up", STACK), "tls.privateKey", "does not belong")


def test_an_image_that_cannot_be_pulled(made: MakeRun) -> None:
    settings = _settings()
    image = "127.0.0.1:1/no/such-edge:1.0"
    made.write(STACK, {**settings, "images": {**settings["images"], "edge": image}})
    _assert_refused(made.make("up", STACK), image)
    made.write(STACK, settings)
    _assert_works(made)


def test_many_problems_are_reported_at_once(made: MakeRun) -> None:
    made.write(
        STACK,
        {
            "platform": "dokcer",
            "port": 70000,
            "replicsa": 3,
            "hostname": "https://registry.example.com/",
            "images": {"edge": "nginx:latest"},
            "auth": {"users": [{"name": "admin", "password": "plain-text-password"}, {"name": "admin"}]},
            "cache": "memory",
        },
    )
    for target in ("up", "preview"):
        done = made.make(target, STACK)
        _assert_refused(
            done,
            "platform = dokcer",
            "port = 70000",
            "replicsa: unknown key, did you mean replicas?",
            "hostname",
            "images.edge = nginx:latest",
            "more than once",
            "cache = memory",
            "plain text",
            "pulumi config set",
        )
        assert "plain-text-password" not in done.text, "a secret's value must not be shown"
    assert leftovers(f"registry-{STACK}") == []


def test_a_stack_file_that_is_no_yaml(made: MakeRun) -> None:
    (made.folder / f"Pulumi.{STACK}.yaml").write_text("config:\n  a: [1, 2\n")
    _assert_refused(made.make("up", STACK), f"Pulumi.{STACK}.yaml")


def test_a_stack_without_a_stack_file(made: MakeRun) -> None:
    _assert_refused(made.make("up", "t-none"), "Pulumi.t-none.yaml")


def test_a_bad_change_leaves_the_running_registry_alone(made: MakeRun) -> None:
    settings = _settings()
    made.write(STACK, settings)
    made.make("up", STACK, check=True)
    made.write(STACK, {**settings, "images": {**settings["images"], "registry": "127.0.0.1:1/no/such-registry:3.1.2"}})
    _assert_refused(made.make("up", STACK), "127.0.0.1:1/no/such-registry:3.1.2")
    # Still there, with the account it had.
    password = made.make("password", STACK, check=True).out.strip()
    ca = made.folder / ".state" / "ca" / STACK / "ca.crt"
    client = RegistryClient(f"https://localhost:{settings['port']}", ca_file=ca, account=Account("admin", password))
    image = build_image("bad-change")
    client.push("bad/change", "v1", image)
    assert client.pull("bad/change", "v1") == image.digest
    made.write(STACK, settings)
    _assert_works(made)


def _start_and_wait_for(made: MakeRun, service: str) -> subprocess.Popen[bytes]:
    """Starts `make up` and returns when the service's container exists and is not yet healthy: pulumi's state has no word of it yet."""
    container = f"registry-{STACK}-{service}"
    process = made.start("up", STACK)
    try:
        wait_for(f"{container} to be created", lambda: container in names("container", container), seconds=120, interval=0.05)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process


def test_an_up_that_was_interrupted_is_picked_up_by_the_next_one(made: MakeRun) -> None:
    made.write(STACK, _settings())
    process = _start_and_wait_for(made, "registry-1")
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(120) != 0
    _assert_works(made)


@pytest.mark.parametrize("service", ["config", "registry-1"])
def test_after_an_up_that_was_killed_the_next_one_says_what_to_remove(made: MakeRun, service: str) -> None:
    """Pulumi had no time to write the container down. Taking any container of that name over could take another checkout's stack down."""
    made.write(STACK, _settings())
    process = _start_and_wait_for(made, service)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    wait_for("all its processes to be gone", lambda: not _group_lives(process.pid), seconds=30)
    container = f"registry-{STACK}-{service}"
    refused = made.make("up", STACK)
    _assert_refused(refused, container, f"docker rm -f {container}")
    # Others were being created beside it; each is named by the run that comes to it.
    for _ in range(ROUNDS):
        for remedy in sorted(set(REMEDY.findall(refused.text))):
            made.shell(remedy)
        refused = made.make("up", STACK)
        if refused.code == 0:
            break
    _assert_works(made)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
