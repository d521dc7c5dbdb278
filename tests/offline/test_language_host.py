"""The language host without an engine: which Python, which plugins, what it runs, and how it reports the end of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

from offline.language_host.interpreter import MissingVirtualenvError, find_interpreter
from offline.language_host.packages import required_plugins
from offline.language_host.service import LanguageService
from offline.plugins.framework.proto import language_pb2, language_pb2_grpc
from tests.offline.plugin_client import call_error

ROOT = Path(__file__).parents[2]
Stub = language_pb2_grpc.LanguageRuntimeStub


def _options(**options: str) -> Struct:
    struct = Struct()
    struct.update(options)
    return struct


def _virtualenv(folder: Path, script: str) -> None:
    """Make a stand-in for a virtual environment, whose `python` is a shell script."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def _info(project: Path) -> language_pb2.ProgramInfo:
    return language_pb2.ProgramInfo(
        root_directory=str(project), program_directory=str(project), entry_point=".", options=_options(virtualenv=".venv")
    )


@contextmanager
def _served() -> Iterator[Stub]:
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageService("127.0.0.1:1"), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Stub(channel)
    server.stop(None)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with _served() as served_stub:
        yield served_stub


def _run_request(project: Path) -> language_pb2.RunRequest:
    return language_pb2.RunRequest(
        project="p",
        stack="dev",
        organization="o",
        pwd=str(project),
        config={"p:token": "CANARY"},
        configSecretKeys=["p:token"],
        dryRun=True,
        parallel=3,
        monitor_address="127.0.0.1:2",
        info=_info(project),
        args=["a"],
    )


def test_the_virtual_environment_is_relative_to_the_project_file(tmp_path: Path) -> None:
    _virtualenv(tmp_path / ".venv", "true")
    interpreter = find_interpreter(_info(tmp_path))
    assert interpreter.executable == tmp_path / ".venv" / "bin" / "python"
    environment = interpreter.environment({"PATH": "/bin", "PYTHONHOME": "/x"})
    assert environment == {"PATH": f"{tmp_path}/.venv/bin:/bin", "VIRTUAL_ENV": f"{tmp_path}/.venv"}


def test_the_kits_own_import_path_is_not_passed_on() -> None:
    interpreter = find_interpreter(language_pb2.ProgramInfo(root_directory="/x"))
    assert interpreter.environment({"PYTHONPATH": f"/a:{ROOT}"}) == {"PYTHONPATH": "/a"}
    assert interpreter.environment({"PYTHONPATH": str(ROOT)}) == {}


def test_a_missing_virtual_environment_says_what_to_do(tmp_path: Path, stub: Stub) -> None:
    with pytest.raises(MissingVirtualenvError, match="run `pulumi install`"):
        find_interpreter(_info(tmp_path))
    assert "run `pulumi install`" in stub.Run(_run_request(tmp_path)).error
    request = language_pb2.GetRequiredPackagesRequest(info=_info(tmp_path))
    assert "run `pulumi install`" in call_error(lambda: stub.GetRequiredPackages(request)).details()


def test_without_a_virtual_environment_the_hosts_own_python_runs() -> None:
    interpreter = find_interpreter(language_pb2.ProgramInfo(root_directory="/x"))
    assert interpreter.executable == Path(sys.executable)
    assert {need.name for need in required_plugins(interpreter)} >= {"docker", "random", "tls"}


def test_only_plugins_of_the_kit_are_required_and_only_those_installed(tmp_path: Path, stub: Stub) -> None:
    packages = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    for name in ("tls", "gcp", "azure-native"):
        folder = packages / f"pulumi_{name.replace('-', '_')}"
        folder.mkdir(parents=True)
        (folder / "pulumi-plugin.json").write_text(json.dumps({"resource": True, "name": name, "version": "1.2.3"}))
    _virtualenv(tmp_path / ".venv", "true")
    answer = stub.GetRequiredPackages(language_pb2.GetRequiredPackagesRequest(info=_info(tmp_path)))
    assert [(package.name, package.kind, package.version) for package in answer.packages] == [
        ("azure-native", "resource", "1.2.3"),
        ("tls", "resource", "1.2.3"),
    ]
    plugins = stub.GetRequiredPlugins(language_pb2.GetRequiredPluginsRequest(info=_info(tmp_path))).plugins
    assert [plugin.name for plugin in plugins] == ["azure-native", "tls"]


def test_the_program_gets_its_settings_through_a_pipe_not_in_arguments_or_environment(tmp_path: Path, stub: Stub) -> None:
    _virtualenv(tmp_path / ".venv", 'cat > settings.json; echo "$@" > arguments.txt; env > environment.txt; pwd > folder.txt')
    assert stub.Run(_run_request(tmp_path)) == language_pb2.RunResponse()
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings == {
        "program": str(tmp_path),
        "arguments": ["a"],
        "project": "p",
        "stack": "dev",
        "organization": "o",
        "root_directory": str(tmp_path),
        "config": {"p:token": "CANARY"},
        "config_secret_keys": ["p:token"],
        "dry_run": True,
        "parallel": 3,
        "monitor": "127.0.0.1:2",
        "engine": "127.0.0.1:1",
    }
    assert "CANARY" not in (tmp_path / "arguments.txt").read_text() + (tmp_path / "environment.txt").read_text()
    assert (tmp_path / "folder.txt").read_text().strip() == str(tmp_path)


@pytest.mark.parametrize(
    ("script", "response"),
    [
        ("exit 32", language_pb2.RunResponse(bail=True)),
        ("exit 3", language_pb2.RunResponse(error="the program ended with exit code 3")),
        ("kill -9 $$", language_pb2.RunResponse(error="the program was ended by signal 9")),
    ],
)
def test_the_end_of_a_program_is_reported(tmp_path: Path, stub: Stub, script: str, response: language_pb2.RunResponse) -> None:
    _virtualenv(tmp_path / ".venv", f"cat >/dev/null; {script}")
    assert stub.Run(_run_request(tmp_path)) == response


def test_a_policy_pack_runs_with_its_output_streamed_and_the_exit_code_last(tmp_path: Path, stub: Stub) -> None:
    _virtualenv(tmp_path / ".venv", 'echo "$@"; echo "$GIVEN $VIRTUAL_ENV" >&2; exit 7')
    request = language_pb2.RunPluginRequest(
        kind="analyzer", pwd=str(tmp_path), args=["127.0.0.1:9"], env=["GIVEN=x=y", "PATH=/usr/bin:/bin"], info=_info(tmp_path)
    )
    answers = list(stub.RunPlugin(request))
    assert b"".join(answer.stdout for answer in answers).decode() == f"-u -m pulumi.policy 127.0.0.1:9 {tmp_path}\n"
    assert b"".join(answer.stderr for answer in answers).decode() == f"x=y {tmp_path}/.venv\n"
    assert answers[-1].exitcode == 7


def test_other_kinds_of_plugins_are_refused_by_name(tmp_path: Path, stub: Stub) -> None:
    request = language_pb2.RunPluginRequest(kind="resource", info=_info(tmp_path))
    assert "'resource'" in call_error(lambda: list(stub.RunPlugin(request))).details()


def test_dependencies_are_installed_with_the_projects_own_python(tmp_path: Path, stub: Stub) -> None:
    _virtualenv(tmp_path / ".venv", 'echo "$@"; exit $(cat code)')
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / "code").write_text("0")
    request = language_pb2.InstallDependenciesRequest(info=_info(tmp_path))
    output = b"".join(answer.stdout for answer in stub.InstallDependencies(request))
    assert output.decode() == "-m pip install -r requirements.txt\n"
    (tmp_path / "code").write_text("1")
    assert "failed with exit code 1" in call_error(lambda: list(stub.InstallDependencies(request))).details()


def test_about_and_dependencies_describe_the_projects_python(tmp_path: Path, stub: Stub) -> None:
    distribution = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages" / "thing-1.0.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
    _virtualenv(tmp_path / ".venv", "echo Python 3.13.9")
    about = stub.About(language_pb2.AboutRequest(info=_info(tmp_path)))
    assert (about.executable, about.version) == (f"{tmp_path}/.venv/bin/python", "3.13.9")
    answer = stub.GetProgramDependencies(language_pb2.GetProgramDependenciesRequest(info=_info(tmp_path)))
    assert [(item.name, item.version) for item in answer.dependencies] == [("thing", "1.0")]


def test_cancelling_ends_the_running_program(tmp_path: Path, stub: Stub) -> None:
    _virtualenv(tmp_path / ".venv", "cat >/dev/null; echo $$ > pid; exec sleep 60")
    answers: list[language_pb2.RunResponse] = []
    runner = threading.Thread(target=lambda: answers.append(stub.Run(_run_request(tmp_path))))
    runner.start()
    _wait_for(tmp_path / "pid")
    stub.Cancel(Empty())
    runner.join(10)
    assert answers == [language_pb2.RunResponse(error="the program was ended by signal 15")]


def test_a_call_given_up_ends_the_running_program(tmp_path: Path, stub: Stub) -> None:
    _virtualenv(tmp_path / ".venv", "cat >/dev/null; echo $$ > pid; exec sleep 60")
    call = stub.Run.future(_run_request(tmp_path))
    pid = int(_wait_for(tmp_path / "pid"))
    call.cancel()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "the program is still there"
        time.sleep(0.05)


def test_the_host_ends_quietly_and_takes_its_program_with_it(tmp_path: Path) -> None:
    _virtualenv(tmp_path / ".venv", "cat >/dev/null; echo $$ > pid; exec sleep 60")
    command = [sys.executable, "-m", "offline.language_host", "-root=/x", "127.0.0.1:1"]
    host = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert host.stdout
    with grpc.insecure_channel(f"127.0.0.1:{int(host.stdout.readline())}") as channel:
        call = Stub(channel).Run.future(_run_request(tmp_path))
        pid = int(_wait_for(tmp_path / "pid"))
        host.send_signal(signal.SIGTERM)
        assert host.communicate(timeout=10) == ("", "")
        assert host.returncode == 0
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        call.cancel()


def test_started_by_hand_the_host_says_who_starts_it() -> None:
    done = subprocess.run([sys.executable, "-m", "offline.language_host"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is started by `pulumi`" in done.stderr


def _wait_for(file: Path) -> str:
    deadline = time.monotonic() + 10
    while not (file.exists() and file.read_text().endswith("\n")):
        assert time.monotonic() < deadline, f"{file} was not written"
        time.sleep(0.02)
    return file.read_text()
