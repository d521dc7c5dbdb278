"""Redis as clouds have it: over TLS, with a password, and a database of its own for what hosts agree on."""

from pathlib import Path

import pytest

from ops.redis import NoAnswerError, Redis, RedisError
from tests.certificates import make_ca, make_pair
from tests.ops.fleet.redis_server import PASSWORD, RedisServer
from tests.ops.gc.fleet import until
from tests.ports import free_port

pytestmark = pytest.mark.live


@pytest.fixture
def tls_server(tmp_path: Path) -> "tuple[RedisServer, int, Path]":
    ca = make_ca()
    pair = make_pair("localhost", ca=ca)
    for name, text in {"ca.crt": ca.certificate, "server.crt": pair.certificate, "server.key": pair.key}.items():
        (tmp_path / name).write_text(text)
    port = free_port()
    names = ("--tls-port", str(port), "--tls-auth-clients", "no")
    files = ("--tls-cert-file", "server.crt", "--tls-key-file", "server.key", "--tls-ca-cert-file", "ca.crt")
    server = RedisServer(tmp_path, options=(*names, *files))
    return server, port, tmp_path / "ca.crt"


def test_a_connection_over_tls_that_trusts_the_given_ca_alone(tls_server: tuple[RedisServer, int, Path]) -> None:
    server, port, ca = tls_server
    server.start()
    try:
        with Redis("localhost", port, PASSWORD, tls=True, ca=ca, database=1) as redis:
            redis.command("SET", "in database", "1")
            assert redis.command("GET", "in database") == b"1"
        with server.client(database=0) as plain:
            assert plain.command("GET", "in database") is None
            plain.flush()
        with Redis("localhost", port, PASSWORD, tls=True, ca=ca, database=1) as redis:
            assert redis.command("GET", "in database") == b"1", "the cache is emptied as a database of its own"
        for host, trusted, wrong in (("localhost", None, "verify"), ("127.0.0.1", ca, "not valid for|mismatch")):
            with Redis(host, port, PASSWORD, tls=True, ca=trusted) as redis, pytest.raises(NoAnswerError, match=wrong):
                redis.ping()
        with Redis("localhost", port, "not the password", tls=True, ca=ca) as redis, pytest.raises(RedisError) as caught:
            redis.ping()
        assert "not the password" not in str(caught.value)
        # A connection that was refused leaves nothing behind that a later reply could be taken from.
        with Redis("localhost", port, PASSWORD, tls=True, ca=ca, database=9999) as redis:
            for _ in range(2):
                with pytest.raises(RedisError, match="DB index"):
                    redis.ping()
        until(server.answers, "the server goes on", 5)
    finally:
        server.stop()
