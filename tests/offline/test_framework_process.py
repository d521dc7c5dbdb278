"""A plugin's process: it says its port, starts fast, and leaves quietly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty

from offline.plugins.framework.proto import provider_pb2_grpc

ROOT = Path(__file__).parents[2]
PLUGINS = ["random", "tls"]


def _start(plugin: str) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", f"offline.plugins.{plugin}", "127.0.0.1:1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    return process, int(process.stdout.readline())


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_plugin_answers_and_leaves_without_a_word(plugin: str, number: signal.Signals) -> None:
    process, port = _start(plugin)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        assert provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty()).version[0].isdigit()
    process.send_signal(number)
    rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_plugin_leaves_when_the_engine_is_gone() -> None:
    """The process between dies without ending the plugin, as a killed engine would."""
    script = textwrap.dedent("""
        import subprocess, sys
        process = subprocess.Popen([sys.executable, "-m", "offline.plugins.random", "x"], stdout=subprocess.PIPE)
        process.stdout.readline()
        print(process.pid)
        """)
    pid = int(subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline, "the plugin is still there"
        time.sleep(0.1)


def test_a_plugin_leaves_at_once_whichever_thread_gets_the_signal() -> None:
    """The system may give a signal to any thread. Here another one than the main thread gets it, and the poll for orphans never comes."""
    script = textwrap.dedent("""
        import signal, sys, threading
        from offline.plugins.framework import process
        from offline.plugins.random import PLUGIN

        def signal_myself():
            sys.stdin.read()
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)

        process._ORPHAN_POLL_SECONDS = 3600
        threading.Thread(target=signal_myself, daemon=True).start()
        process.serve(PLUGIN)
        """)
    plugin = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert plugin.stdout
        plugin.stdout.readline()
        plugin.communicate(timeout=30)  # closes its standard input
    finally:
        plugin.kill()
    assert plugin.returncode == 0, "each plugin of a run would keep pulumi waiting"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody reaps (PID 1 of a container may not) has ended all the same.
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_starting_loads_nothing_slow(plugin: str) -> None:
    """The `pulumi` package, `cryptography` and `bcrypt` would each add much to the start of a process that has to be quick."""
    script = f"import sys, offline.plugins.{plugin}, offline.plugins.framework.provider_service as _; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    assert not {"pulumi", "cryptography", "bcrypt"} & set(loaded)
