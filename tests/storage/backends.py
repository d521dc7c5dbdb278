"""The object storages that the tests run a registry on: local servers, and the settings that a stack needs for them."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from offline.servers.s3_server import S3Server, TlsFiles
from tests.certificates import make_ca, make_pair
from tests.engine.deployment import gateway_address
from tests.ports import free_port
from tests.servers.azurite import Azurite

BUCKET = "images"
PREFIX = "registry/prod"


class StorageServer(Protocol):
    """What a test may do to a server."""

    def start(self) -> None:
        """Starts it and returns when it answers."""
        ...

    def stop(self) -> bool:
        """Ends it in order."""
        ...

    def kill(self) -> bool:
        """Ends it as a crash does."""
        ...


@dataclass(frozen=True)
class Backend:
    """A running storage.

    `settings` are the stack file's keys; `secrets` are those that must be set encrypted, by path; `rclone` is what rclone needs in its
    environment to reach `remote`, the folder that the registry's files lie in; `survives_kill` says whether the server keeps what it
    acknowledged when it is killed.
    """

    server: StorageServer
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    rclone: Mapping[str, str]
    remote: str
    survives_kill: bool = True

    def crash(self) -> None:
        """Ends the server without a warning, where it can stand that."""
        if self.survives_kill:
            self.server.kill()
        else:
            self.server.stop()


def _tls_files(folder: Path, address: str) -> TlsFiles:
    folder.mkdir(parents=True, exist_ok=True)
    ca = make_ca("CA of the storage")
    pair = make_pair(address, ca=ca)
    files = TlsFiles(folder / "server.crt", folder / "server.key", folder / "ca.crt")
    for path, text in ((files.certificate, pair.certificate), (files.key, pair.key), (files.ca, ca.certificate)):
        path.write_text(text)
    return files


def s3_backend(folder: Path, *, tls: bool) -> Backend:
    """versitygw, with TLS by a CA of its own or without."""
    address = gateway_address()
    server = S3Server(
        folder / "s3",
        address,
        free_port(),
        # As long as AWS's, so that nothing is refused for its length.
        access_key_id=f"AK{secrets.token_hex(9).upper()}",
        secret_access_key=secrets.token_urlsafe(30),
        tls=_tls_files(folder / "tls", address) if tls else None,
    )
    server.make_bucket(BUCKET)
    server.start()
    s3: dict[str, Any] = {"bucket": BUCKET, "prefix": PREFIX, "endpoint": server.endpoint, "accessKeyId": server.access_key_id}
    if server.tls:
        s3["caCertificate"] = server.tls.ca.read_text()
    rclone = {
        "RCLONE_CONFIG_STORAGE_TYPE": "s3",
        "RCLONE_CONFIG_STORAGE_PROVIDER": "Other",
        "RCLONE_CONFIG_STORAGE_ENDPOINT": server.endpoint,
        "RCLONE_CONFIG_STORAGE_ACCESS_KEY_ID": server.access_key_id,
        "RCLONE_CONFIG_STORAGE_SECRET_ACCESS_KEY": server.secret_access_key,
        "RCLONE_CONFIG_STORAGE_FORCE_PATH_STYLE": "true",
        **({"RCLONE_CA_CERT": str(server.tls.ca)} if server.tls else {}),
    }
    secret = {"s3.secretAccessKey": server.secret_access_key}
    return Backend(server, {"storage": "s3", "s3": s3}, secret, rclone, f"storage:{BUCKET}/{PREFIX}")


def azure_backend(folder: Path) -> Backend:
    """Azurite. It writes its index to disk every few seconds and when it ends in order, so a kill loses what no real account would."""
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    server = Azurite(folder / "azurite", gateway_address(), free_port(), "registrytest", key)
    server.start()
    server.make_container(BUCKET)
    azure = {"account": server.account, "container": BUCKET, "prefix": PREFIX, "endpoint": server.endpoint}
    rclone = {"RCLONE_CONFIG_STORAGE_TYPE": "azureblob", "RCLONE_CONFIG_STORAGE_SAS_URL": server.signed_url(BUCKET)}
    settings = {"storage": "azure", "azureBlob": azure}
    return Backend(server, settings, {"azureBlob.accountKey": key}, rclone, f"storage:{BUCKET}/{PREFIX}", survives_kill=False)
