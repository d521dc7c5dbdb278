"""A socket on this machine that leads to the engine of another one, over the user's own `ssh`.

The `docker` package can speak SSH by itself only with paramiko, or with `ssh` but without options. Here every connection to a private
Unix socket starts `ssh <host> docker system dial-stdio`, which is what Docker's own command line does.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

_CHUNK = 64 * 1024
_REMEMBERED_LINES = 5


def ssh_command(host: str, options: Sequence[str]) -> list[str]:
    """The command for one connection. The user's options come first, because `ssh` takes the first value of an option.

    BatchMode: nobody sits at the plugin's terminal to type a password or to accept a host key.
    """
    address = urlsplit(host)
    command = ["ssh", *options, "-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T"]
    if address.username:
        command += ["-l", address.username]
    if address.port:
        command += ["-p", str(address.port)]
    return [*command, "--", address.hostname or "", "docker", "system", "dial-stdio"]


class SshRelay:
    """Listens from its creation until the process ends."""

    def __init__(self, host: str, options: Sequence[str]) -> None:
        self._command = ssh_command(host, options)
        self._complaints: deque[str] = deque(maxlen=_REMEMBERED_LINES)
        self._folder = tempfile.TemporaryDirectory(prefix="docker-ssh-")  # mode 0700
        self.path = str(Path(self._folder.name) / "engine.sock")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.path)
        self._listener.listen(64)
        threading.Thread(target=self._accept, name="ssh-relay", daemon=True).start()

    @property
    def complaint(self) -> str:
        """What `ssh` last printed to stderr, as one line."""
        return " ".join(self._complaints)

    def close(self) -> None:
        """Stop listening and remove the socket; running connections end by themselves."""
        self._listener.close()
        self._folder.cleanup()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), name="ssh-connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        except OSError as error:
            self._complaints.append(f"ssh cannot be started: {error.strerror}")
            connection.close()
            return
        threads = [
            threading.Thread(target=self._send, args=(connection, process), daemon=True),
            threading.Thread(target=self._listen_to_complaints, args=(process,), daemon=True),
        ]
        for thread in threads:
            thread.start()
        assert process.stdout is not None  # noqa: S101  # a pipe was asked for
        with contextlib.suppress(OSError):
            while chunk := process.stdout.read(_CHUNK):
                connection.sendall(chunk)
        threads[1].join(timeout=1)  # the reason must be known before the client sees the end
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        process.terminate()
        process.wait()

    def _send(self, connection: socket.socket, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101  # a pipe was asked for
        with contextlib.suppress(OSError):
            while chunk := connection.recv(_CHUNK):
                process.stdin.write(chunk)
        with contextlib.suppress(OSError):
            process.stdin.close()

    def _listen_to_complaints(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None  # noqa: S101  # a pipe was asked for
        for line in process.stderr:
            self._complaints.append(line.decode(errors="replace").strip())
