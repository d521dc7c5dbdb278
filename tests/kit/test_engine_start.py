"""What is said and done about an engine that does not answer."""

import os
import socket
from pathlib import Path

import pytest

from offline.kit import apt, engine_start
from offline.kit.engine_api import Address, Engine, EngineUnreachableError
from offline.kit.errors import KitError


def test_an_engine_elsewhere_is_never_started_here(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="It is not this machine's own engine"):
        engine_start.ensure(Address(f"unix://{tmp_path}/none.sock"), "up")


def test_reasons_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with pytest.raises(EngineUnreachableError) as absent:
        Engine(Address(f"unix://{path}")).ping()
    assert absent.value.kind == "absent"
    with socket.socket(socket.AF_UNIX) as nobody:
        nobody.bind(str(path))
    with pytest.raises(EngineUnreachableError) as refused:
        Engine(Address(f"unix://{path}")).ping()
    assert refused.value.kind == "refused"


def test_a_host_of_unknown_kind_is_refused() -> None:
    with pytest.raises(KitError, match="use unix://, tcp:// or ssh://"):
        Engine(Address("npipe:////./pipe/docker")).ping()


@pytest.mark.parametrize(
    ("kind", "installed", "words"),
    [
        ("denied", True, "usermod -aG docker"),
        ("absent", False, "apt-get install docker.io iptables"),
        ("absent", True, "systemctl start docker"),
        ("refused", True, "systemctl start docker"),
    ],
)
def test_the_advice_fits_the_reason(kind: str, installed: bool, words: str) -> None:
    error = EngineUnreachableError("no engine", kind)  # pyright: ignore[reportArgumentType]
    assert words in engine_start.advice(error, installed=installed)


def test_a_process_id_of_something_else_is_not_our_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert engine_start.started_by_hand() is None
    note = tmp_path / "private-registry" / "dockerd.pid"
    note.parent.mkdir()
    note.write_text(f"{os.getpid()} up\n")
    assert engine_start.started_by_hand() is None
    assert engine_start.stop() is False


def test_without_root_the_command_to_run_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "may_install", lambda: False)
    with pytest.raises(KitError, match="run `sudo apt-get install mmdebstrap`"):
        apt.install(["mmdebstrap"], "container images are built with it")
