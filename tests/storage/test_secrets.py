"""The storage's secret shows up nowhere where others can look."""

import base64

from tests.blackbox.docker_host import docker, names
from tests.storage.conftest import Running


def _forms(running: Running) -> list[str]:
    """The secrets as written and in base64, without the last characters, which depend on what follows them."""
    found: list[str] = []
    for secret in running.backend.secrets.values():
        encoded = base64.b64encode(secret.encode()).decode().rstrip("=")[:-2]
        found += [secret, encoded]
    return found


def _assert_none(running: Running, text: str, where: str) -> None:
    forms = _forms(running)
    assert len(forms) >= 2, "without a secret the search proves nothing"
    assert text, f"{where} is empty: the search proves nothing"
    assert not [form for form in forms if form in text], f"the storage's secret stands in {where}"


def test_the_search_finds_what_it_looks_for(running: Running) -> None:
    config = docker("exec", running.deployment.docker.name("config"), "cat", "/files/registry/config.yml")
    assert all(secret in config for secret in running.backend.secrets.values())


def test_the_registrys_configuration_can_be_read_by_the_registry_alone(running: Running) -> None:
    said = docker("exec", running.deployment.docker.name("config"), "stat", "-c", "%a %u", "/files/registry/config.yml")
    assert said.split() == ["400", "10001"]


def test_not_in_state_stack_file_or_backend(running: Running) -> None:
    deployment = running.deployment
    _assert_none(running, deployment.export(), "the exported state")
    _assert_none(running, deployment.stack_file.read_text(), "the stack file")
    for base in (deployment.checkout.state, deployment.checkout.home):
        for path in sorted(base.rglob("*")):
            if path.is_file() and 0 < path.stat().st_size < 10_000_000:
                _assert_none(running, path.read_text(errors="replace"), str(path))
    for path in deployment.checkout.folder.parent.glob(f"{deployment.stack}-*.jsonl"):
        _assert_none(running, path.read_text(), str(path))


def test_not_in_what_the_engine_tells(running: Running) -> None:
    for name in names("container", running.deployment.name):
        _assert_none(running, docker("inspect", name), f"docker inspect {name}")
    for volume in names("volume", running.deployment.name):
        _assert_none(running, docker("volume", "inspect", volume), f"volume {volume}")


def test_not_in_any_environment_argument_or_log(running: Running) -> None:
    stack = running.deployment.docker
    for service in stack.containers():
        script = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
        _assert_none(running, docker("exec", stack.name(service), "sh", "-c", script), f"the processes of {service}")
        log = stack.logs(service)
        _assert_none(running, log or "-", f"the log of {service}")


def test_an_unchanged_stack_changes_nothing(running: Running) -> None:
    running.deployment.up("--refresh").assert_unchanged("the storage's settings and secret are the same")
