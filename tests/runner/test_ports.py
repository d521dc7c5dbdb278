"""No two processes of tests are given the same port."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ports

REPO = Path(__file__).parents[2]


def test_a_port_is_given_once_while_its_process_runs() -> None:
    mine = ports.free_port()
    # Another process that can choose only this port and one more must take the other.
    other = next(port for port in ports.RANGE if port != mine and ports._claim(port))
    ports._claims.pop().close()
    script = f"from tests import ports; ports.RANGE = [{mine}, {other}]; print({{ports.free_port()}})"
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout.strip() == f"{{{other}}}", "two servers would want one port"


def test_a_port_that_something_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        taken = held.getsockname()[1]
        free = ports.free_port()
        ports._claims.pop().close()
        monkeypatch.setattr(ports, "RANGE", [taken, free])
        assert {ports.free_port()} == {free}
