"""A host, and the parts of a cloud that it asks."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bundle.fleet_archive import FleetArchive
from bundle.model import Values
from bundle.user_data import UserData
from tests.bundle.specs import FLEET, real_values
from tests.host.machine import UID, Machine, packed, secret_text
from tests.host.metadata_server import metadata_server
from tests.ports import free_port
from tests.servers.moto import REGION, Moto

BUCKET = "registry-config"


@pytest.fixture(autouse=True)
def owners(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root can give files away. For others it must do that they are told to keep their own."""

    def keep(_: object, uid: int, gid: int, **_options: bool) -> None:
        assert uid in (UID, -1) and gid == UID

    if os.geteuid() != 0:
        monkeypatch.setattr(os, "chown", keep)
        monkeypatch.setattr(os, "fchown", keep)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A host with its packages, nothing else."""
    found = Machine(tmp_path / "root", tmp_path / "commands", tmp_path / "docker.json")
    found.prepare()
    monkeypatch.setenv("PATH", f"{found.commands}:{os.environ['PATH']}")
    return found


@pytest.fixture(scope="session")
def archive() -> FleetArchive:
    return packed(FLEET)[1]


@pytest.fixture(scope="session")
def values() -> Values:
    """Values that servers would take, as a fleet's: no file of the tests' own has them."""
    return real_values()


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    server = Moto(tmp_path_factory.mktemp("moto"), "127.0.0.1", free_port())
    server.start()
    yield server
    server.stop()


class Cloud:
    """A config bucket and a secret in moto."""

    def __init__(self, moto: Moto, values: Values, archive: FleetArchive) -> None:
        self.s3: Any = moto.client("s3")
        self.secrets: Any = moto.client("secretsmanager")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_object(Bucket=BUCKET, Key=archive.key, Body=archive.content)
        self.arn: str = self.secrets.create_secret(Name="registry", SecretString=secret_text(values))["ARN"]
        self.given = UserData(BUCKET, archive.key, archive.sha256, self.arn, REGION)

    def change(self, text: str) -> None:
        """Gives the secret another value."""
        self.secrets.put_secret_value(SecretId=self.arn, SecretString=text)


@pytest.fixture
def cloud(moto: Moto, values: Values, archive: FleetArchive, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The cloud, and the environment by which boto3 finds it: credentials come from the instance's role."""
    found = Cloud(moto, values, archive)
    with metadata_server() as metadata:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata)
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.endpoint)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        # A process keeps the credentials that it was given first.
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        yield found
    found.secrets.delete_secret(SecretId=found.arn, ForceDeleteWithoutRecovery=True)
    for listed in found.s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        found.s3.delete_object(Bucket=BUCKET, Key=listed["Key"])
    found.s3.delete_bucket(Bucket=BUCKET)
