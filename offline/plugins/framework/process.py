"""A plugin's process: serve on a free local port, tell the engine which, leave quietly when asked or when the engine is gone."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

from .proto import provider_pb2_grpc
from .provider_service import ProviderService
from .resource import Plugin

_THREADS = 64  # more than the engine's default parallelism: waiting for a container holds a thread, and Cancel must get through
_GRACE_SECONDS = 5.0  # for calls that are running when the process is asked to leave
_ORPHAN_POLL_SECONDS = 2.0
_CHUNK_BYTES = 4096


def serve(plugin: Plugin) -> None:
    """Serve `plugin` until SIGINT, SIGTERM or the end of the process that started it. Call it from the main thread."""
    server = new_server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(ProviderService(plugin), server)
    run_until_asked_to_stop(server, before_stop=plugin.cancelled.set)


def new_server() -> grpc.Server:
    """Make a gRPC server without a message size limit (a property may hold a large file)."""
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    return grpc.server(ThreadPoolExecutor(max_workers=_THREADS), options=unlimited)


def run_until_asked_to_stop(server: grpc.Server, before_stop: Callable[[], None]) -> None:
    """Start `server`, print its port (the plugin protocol's first line of stdout), and block until it should end."""
    stop = threading.Event()
    woken = _wake_up_on_signals()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    parent = os.getppid()
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while not stop.is_set():
        if select.select([woken], [], [], _ORPHAN_POLL_SECONDS)[0]:
            woken.recv(_CHUNK_BYTES)
        if os.getppid() != parent:  # the engine was killed: nobody is left to ask us to stop
            break
    before_stop()
    server.stop(_GRACE_SECONDS).wait()
    sys.stdout.flush()
    os._exit(0)  # not sys.exit: a call still waiting on its thread must not keep the process


def _wake_up_on_signals() -> socket.socket:
    """Return a socket that can be read once a signal has come, whichever thread the system gave it to.

    Only the main thread runs Python's handlers. A signal that one of gRPC's threads gets does not end the main thread's waiting: it was
    seen up to two seconds later, at the end of each plugin of each run.
    """
    woken, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.detach())
    return woken
