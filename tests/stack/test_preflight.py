"""What `make up` finds before pulumi runs: real sockets, and a stand-in for the engine."""

import errno
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offline.kit.errors import KitError
from stack.ci.event_log import Message
from stack.failures import ports, preflight
from stack.failures.gather import explanations
from tests.stack.stand_in_engine import StandInEngine

EDGE = "docker:index/container:Container registry-dev-edge"


@pytest.fixture
def here(engine: StandInEngine) -> StandInEngine:
    """The engine, on this machine."""
    engine.answers["/info"] = {"Name": socket.gethostname()}
    return engine


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def _text(**settings: Any) -> str:  # noqa: ANN401 - whatever a stack file can hold
    return json.dumps({"config": {f"private-registry:{key}": value for key, value in settings.items()}})


def _problems(**settings: Any) -> list[str]:  # noqa: ANN401 - see above
    return preflight.problems(_text(**settings), "dev", os.environ)


def _publishing(name: str, port: int, address: str, stack: str = "") -> dict[str, Any]:
    labels = {"private-registry.stack": stack} if stack else {}
    return {"Names": [f"/{name}"], "Labels": labels, "Ports": [{"IP": address, "PublicPort": port, "PrivatePort": 8443, "Type": "tcp"}]}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - all addresses, on purpose
def test_a_port_of_a_program_is_found_with_the_program(taken: int, address: str) -> None:
    (problem,) = _problems(port=taken, docker={"bindAddress": address})
    assert problem.startswith(f"private-registry:port = {taken}: the port is in use")
    assert f"(process {os.getpid()})" in problem, "who holds it"
    assert "set private-registry:port to another port" in problem


@pytest.mark.usefixtures("here")
def test_a_port_of_the_other_ip_version_is_no_obstacle(taken: int) -> None:
    assert _problems(port=taken, docker={"bindAddress": "::1"}) == []


@pytest.mark.usefixtures("here")
def test_ipv6_is_looked_at_too() -> None:
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert len(_problems(port=port, docker={"bindAddress": "::1"})) == 1
        assert len(_problems(port=port, docker={"bindAddress": "::"})) == 1


@pytest.mark.usefixtures("here")
def test_all_taken_ports_are_reported_at_once(taken: int) -> None:
    found = preflight.problems(_text(port=taken, redirectPort=taken), "dev", os.environ)
    assert [problem.split(" = ")[0] for problem in found] == ["private-registry:port", "private-registry:redirectPort"]


@pytest.mark.usefixtures("here")
def test_an_address_that_this_machine_does_not_have() -> None:
    (problem,) = _problems(port=45123, docker={"bindAddress": "192.0.2.1"})
    assert problem.startswith("private-registry:docker.bindAddress = 192.0.2.1: this machine has no such address")


def test_a_port_of_another_stack_is_found_with_the_stack(engine: StandInEngine) -> None:
    engine.answers["/containers/json"] = [_publishing("registry-b-edge", 5443, "0.0.0.0", "registry-b")]  # noqa: S104
    (problem,) = _problems(port=5443, docker={"bindAddress": "127.0.0.1"})
    assert "held by container registry-b-edge of the private registry registry-b" in problem


def test_a_port_of_a_container_of_others(engine: StandInEngine) -> None:
    engine.answers["/containers/json"] = [_publishing("web", 80, "127.0.0.1")]
    (problem,) = _problems(redirectPort=80, port=45124)
    assert problem.startswith("private-registry:redirectPort = 80: the port is in use, held by container web.")


@pytest.mark.parametrize("settings", [{}, {"name": "images"}])
def test_the_stacks_own_edge_may_hold_its_port(here: StandInEngine, taken: int, settings: dict[str, str]) -> None:
    """Otherwise a second `make up` would refuse."""
    own = settings.get("name", "registry-dev")
    here.answers["/containers/json"] = [_publishing(f"{own}-edge", taken, "127.0.0.1", own)]
    assert _problems(port=taken, docker={"bindAddress": "127.0.0.1"}, **settings) == []


def test_a_container_on_another_address_is_no_obstacle(engine: StandInEngine) -> None:
    engine.answers["/containers/json"] = [_publishing("web", 5443, "127.0.0.2", "registry-b")]
    assert _problems(port=5443, docker={"bindAddress": "127.0.0.1"}) == []


def test_a_container_on_ipv6_is_no_obstacle_to_ipv4(engine: StandInEngine) -> None:
    engine.answers["/containers/json"] = [_publishing("web", 5443, "::")]
    assert _problems(port=5443, docker={"bindAddress": "127.0.0.1"}) == []
    assert len(_problems(port=5443, docker={"bindAddress": "::1"})) == 1


@pytest.mark.usefixtures("engine")
def test_in_a_container_with_the_hosts_socket_this_machines_ports_say_nothing(taken: int) -> None:
    assert _problems(port=taken, docker={"bindAddress": "127.0.0.1"}) == [], "the stand-in is on another machine"


@pytest.mark.usefixtures("here")
def test_low_ports_are_looked_up_where_they_cannot_be_tried(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without root's rights and in the group docker."""
    monkeypatch.setattr(ports, "bind_problem", lambda *_: errno.EACCES)
    assert len(_problems(port=taken)) == 1
    assert _problems(port=1) == [], "nobody listens there"


def test_a_fleet_needs_no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert _problems(platform="aws") == []


@pytest.mark.parametrize("port", [70000, "many", True, None, [443]])
def test_a_value_that_is_no_port_is_the_programs_to_report(engine: StandInEngine, port: object) -> None:
    assert engine.host
    assert _problems(port=port, redirectPort="x", docker={"bindAddress": "somewhere"}) == []


@pytest.mark.parametrize("where", ["DOCKER_HOST", "docker.host"])
def test_docker_away_is_one_line_with_the_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str) -> None:
    host = f"unix://{tmp_path}/no.sock"
    settings = {"docker": {"host": host}} if where == "docker.host" else {}
    monkeypatch.setenv("DOCKER_HOST", host if where == "DOCKER_HOST" else "unix:///nowhere")
    with pytest.raises(KitError, match=f"no Docker engine at {host}: there is no such socket. Start Docker there, or check"):
        _problems(**settings)


def test_a_preview_warns_and_an_update_refuses(engine: StandInEngine, capsys: pytest.CaptureFixture[str]) -> None:
    engine.answers["/containers/json"] = [_publishing("web", 443, "0.0.0.0"), _publishing("old", 80, "0.0.0.0")]  # noqa: S104
    text = _text(redirectPort=80)
    preflight.check(text, "dev", os.environ, refuse=False)
    assert "make up would be refused: private-registry:port = 443" in capsys.readouterr().err
    with pytest.raises(KitError, match=r"(?s)port = 443.*redirectPort = 80.*nothing was created or changed"):
        preflight.check(text, "dev", os.environ, refuse=True)


# After a failure


def _frame(text: str) -> bytes:
    return b"\x02\0\0\0" + len(text).to_bytes(4) + text.encode()


def _explained(tmp_path: Path, text: str, **settings: Any) -> str:  # noqa: ANN401 - see above
    config = tmp_path / "Pulumi.dev.yaml"
    config.write_text(_text(**settings))
    return "\n".join(explanations(config, "dev", [Message("error", EDGE, f"1 error occurred:\n\t* {text}")]))


def test_an_unhealthy_containers_log_is_shown_without_secrets(engine: StandInEngine, tmp_path: Path) -> None:
    secret, uploaded = "hunter2hunter2", "Zk3vQ8sJ1mX0aB7c"
    engine.answers["/containers/registry-dev-edge/json"] = {
        "State": {"Status": "running", "Health": {"Status": "unhealthy", "Log": [{"Output": f"login {secret} refused\n"}]}},
        "Config": {"Env": [f"PASSWORD={secret}"], "Cmd": None, "Entrypoint": ["/bin/edge"]},
    }
    engine.answers["/containers/registry-dev-edge/logs"] = _frame("2026-01-02T03:04:05Z starting\n") + _frame(f"bad key {uploaded}\n")
    told = _explained(tmp_path, "container failed to be in healthy state")
    assert "runs and is not healthy; its last health check said: login [hidden] refused" in told
    assert "its log ends with: 2026-01-02T03:04:05Z starting | bad key [hidden]" in told
    assert "`docker logs registry-dev-edge`" in told
    assert secret not in told
    assert uploaded not in told


def test_a_container_whose_log_cannot_be_read_is_explained_without_it(engine: StandInEngine, tmp_path: Path) -> None:
    engine.answers["/containers/registry-dev-edge/json"] = {"State": {"Status": "exited", "ExitCode": 3}}
    assert "stopped with exit code 3. It is kept" in _explained(tmp_path, "container exited immediately")


def test_the_holder_of_a_port_is_looked_up(engine: StandInEngine, tmp_path: Path) -> None:
    engine.answers["/containers/json"] = [_publishing("web", 443, "0.0.0.0")]  # noqa: S104
    told = _explained(tmp_path, "Unable to start container: Bind for 0.0.0.0:443 failed: port is already allocated")
    assert "private-registry:port = 443: the port is held by container web" in told


def test_docker_that_went_away_in_the_middle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/gone.sock")
    told = _explained(tmp_path, "unexpected EOF")
    assert f"no Docker engine at unix://{tmp_path}/gone.sock" in told
    assert "carries on where this run ended" in told
