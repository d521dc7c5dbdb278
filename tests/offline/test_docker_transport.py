"""The ways to an engine: SSH through the user's own `ssh`, and TLS with certificates given as text. The far end is this machine's."""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from offline.plugins.docker.client import Engine
from offline.plugins.docker.engine_errors import EngineUnreachableError
from offline.plugins.docker.provider_config import EngineSettings, TlsMaterial

pytestmark = pytest.mark.docker

_LOCAL_SOCKET = "/var/run/docker.sock"


def engine_id(engine: Engine) -> str:
    with engine.asked("say who it is") as api:
        return str(api.info()["ID"])


@pytest.fixture(scope="module")
def local_id() -> str:
    return engine_id(Engine(EngineSettings()))


def put_ssh_on_path(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for `ssh` that takes its arguments and runs the remote command here: no SSH server needed."""
    ssh = folder / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >>"{folder}/calls"\n{script}\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_an_engine_behind_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, local_id: str) -> None:
    put_ssh_on_path(tmp_path, 'while [ "$1" != -- ]; do shift; done; shift 2; exec "$@"', monkeypatch)
    engine = Engine(EngineSettings(host="ssh://deploy@box.example:2222", ssh_options=("-i", "key")))
    threads = [threading.Thread(target=engine_id, args=(engine,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine_id(engine) == local_id
    calls = set((tmp_path / "calls").read_text().splitlines())
    assert calls == {"-i key -o ConnectTimeout=30 -o BatchMode=yes -T -l deploy -p 2222 -- box.example docker system dial-stdio"}


def test_ssh_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_ssh_on_path(tmp_path, 'echo "ssh: Could not resolve hostname box.example: Name or service not known" >&2; exit 255', monkeypatch)
    with pytest.raises(EngineUnreachableError) as failure:
        engine_id(Engine(EngineSettings(host="ssh://deploy@box.example")))
    assert "the Docker engine at ssh://deploy@box.example is not reachable: ssh: Could not resolve hostname box.example" in str(
        failure.value
    )
    assert "Check the spelling of the host name, and try `ssh deploy@box.example docker version`" in str(failure.value)


def test_a_machine_without_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineUnreachableError, match="Install an SSH client on this machine"):
        engine_id(Engine(EngineSettings(host="ssh://deploy@box.example")))


@dataclass(frozen=True)
class Authority:
    """A CA that makes certificates for the far end and for the client."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @staticmethod
    def make() -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        return Authority(key, _certificate("test CA", key, "test CA", key, authority=True))

    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, name: str) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(name, key, "test CA", self.key, authority=False)
        key_pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return certificate.public_bytes(serialization.Encoding.PEM).decode(), key_pem.decode()


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=authority, crl_sign=authority, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


@contextlib.contextmanager
def tls_front(authority: Authority, folder: Path) -> Iterator[int]:
    """A TLS server in front of the local engine that only lets in clients of `authority`; gives its port."""
    certificate, key = authority.issue("front")
    for name, text in (("front.pem", certificate), ("front.key", key), ("ca.pem", authority.pem())):
        (folder / name).write_text(text)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "front.pem", folder / "front.key")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener, context), daemon=True).start()
        yield listener.getsockname()[1]


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError):  # the listener is closed at the end of the test
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=_forward, args=(plain, context), daemon=True).start()


def _forward(plain: socket.socket, context: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError, ssl.SSLError), socket.socket(socket.AF_UNIX) as engine:
        front = context.wrap_socket(plain, server_side=True)
        engine.connect(_LOCAL_SOCKET)
        back = threading.Thread(target=_copy, args=(engine, front), daemon=True)
        back.start()
        _copy(front, engine)
        back.join(timeout=5)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while chunk := source.recv(65536):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)


def test_an_engine_behind_tls(tmp_path: Path, local_id: str) -> None:
    authority, stranger = Authority.make(), Authority.make()
    with tls_front(authority, tmp_path) as port:
        host = f"tcp://127.0.0.1:{port}"
        certificate, key = authority.issue("client")
        assert engine_id(Engine(EngineSettings(host=host, tls=TlsMaterial(authority.pem(), certificate, key)))) == local_id
        with pytest.raises(EngineUnreachableError, match=r"TLS failed .* Check caMaterial"):
            engine_id(Engine(EngineSettings(host=host, tls=TlsMaterial(stranger.pem(), certificate, key))))
        with pytest.raises(EngineUnreachableError):
            engine_id(Engine(EngineSettings(host=host, tls=TlsMaterial(authority.pem(), *stranger.issue("client")))))
        with pytest.raises(EngineUnreachableError, match="TLS failed"):
            engine_id(Engine(EngineSettings(host=host, tls=TlsMaterial(authority.pem(), "no certificate", "no key"))))
