"""A small Redis client: the few commands that ops needs, over one connection (protocol: https://redis.io/docs/reference/protocol-spec/)."""

import socket
import ssl
from pathlib import Path
from types import TracebackType

from ops.errors import UNREACHABLE, OpsError

TIMEOUT_SECONDS = 2.0

Reply = bytes | int | None | list["Reply"]


class RedisError(OpsError):
    """Redis does not answer, or answers with an error."""


class NoAnswerError(RedisError):
    """The connection could not be made, or broke; the command may have been carried out all the same."""

    def __init__(self, message: str) -> None:
        super().__init__(message, UNREACHABLE)


class Redis:
    """One connection, opened at the first command. Not for several threads at once."""

    def __init__(
        self,
        host: str,
        port: int,
        password: str = "",
        timeout: float = TIMEOUT_SECONDS,
        *,
        tls: bool = False,
        ca: Path | None = None,
        database: int = 0,
    ) -> None:
        """`ca` is a file with certificates that are trusted besides the public ones."""
        self._address = (host, port)
        self._password = password
        self._timeout = timeout
        self._tls = tls
        self._ca = ca
        self._database = database
        self._socket: socket.socket | None = None
        self._buffer = b""

    def __enter__(self) -> "Redis":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the next command opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._buffer = b""

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._buffer = b""
            self._socket = self._open()
            first: list[tuple[str | int, ...]] = [("AUTH", self._password)] if self._password else []
            if self._database:
                first.append(("SELECT", self._database))
            for words in first:
                self._send(self._socket, words)
                self._reply(self._socket)
            self.greet(self._socket)
        return self._socket

    def _open(self) -> socket.socket:
        plain = socket.create_connection(self._address, self._timeout)
        if not self._tls:
            return plain
        try:
            context = ssl.create_default_context()
            if self._ca:
                context.load_verify_locations(self._ca)
            return context.wrap_socket(plain, server_hostname=self._address[0])
        except BaseException:
            plain.close()
            raise

    def greet(self, connection: socket.socket) -> None:
        """Called on a new connection, before its first command: what somebody wants to know of each server."""

    def ask(self, connection: socket.socket, *words: str | int) -> Reply:
        """A command for `greet`."""
        self._send(connection, words)
        return self._reply(connection)

    def command(self, *words: str | int) -> Reply:
        """Sends one command and returns its reply. Raises RedisError."""
        try:
            connection = self._connected()
            self._send(connection, words)
            return self._reply(connection)
        except OSError as error:
            self.close()
            raise NoAnswerError(f"redis {self._address[0]}:{self._address[1]} does not answer: {error}") from error
        except BaseException:
            # What else ends it in the middle, an error of the greeting or a signal, leaves a connection whose next reply may be another's.
            self.close()
            raise

    @staticmethod
    def _send(connection: socket.socket, words: tuple[str | int, ...]) -> None:
        parts = [str(word).encode() for word in words]
        connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))

    def _line(self, connection: socket.socket) -> bytes:
        while b"\r\n" not in self._buffer:
            self._receive(connection)
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _receive(self, connection: socket.socket) -> None:
        data = connection.recv(65536)
        if not data:
            raise ConnectionResetError("connection closed")
        self._buffer += data

    def _reply(self, connection: socket.socket) -> Reply:
        line = self._line(connection)
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisError(f"redis: {rest.decode(errors='replace')}")
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            if size < 0:
                return None
            while len(self._buffer) < size + 2:
                self._receive(connection)
            data, self._buffer = self._buffer[:size], self._buffer[size + 2 :]
            return data
        if kind == b"*":
            return None if int(rest) < 0 else [self._reply(connection) for _ in range(int(rest))]
        raise RedisError(f"redis: reply not understood: {line[:40]!r}")

    def ping(self) -> None:
        """Raises RedisError unless Redis answers."""
        self.command("PING")

    def flush(self) -> None:
        """Forgets every cached blob descriptor. ASYNC frees the memory later, the keys are gone when it returns."""
        self.command("FLUSHDB", "ASYNC")

    def script(self, text: str, keys: list[str], arguments: list[str]) -> Reply:
        """Runs a Lua script: several commands as one step."""
        return self.command("EVAL", text, len(keys), *keys, *arguments)
