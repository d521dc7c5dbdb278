"""A single TLS handshake, looked at closely."""

import socket
import ssl
from dataclasses import dataclass

from tests.blackbox.target import RegistryTarget

SECONDS = 10


@dataclass(frozen=True)
class Handshake:
    """The protocol version agreed on, and the server's certificate (DER)."""

    version: str | None
    certificate: bytes | None


def handshake(target: RegistryTarget, context: ssl.SSLContext, name: str | None = None) -> Handshake:
    """Opens a TLS connection, verified as `name` (the target's own when left out), and closes it. Raises ssl.SSLError."""
    with (
        socket.create_connection((target.hostname, target.port), timeout=SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=name or target.hostname) as connection,
    ):
        return Handshake(connection.version(), connection.getpeercert(binary_form=True))
