"""A small cloud on this machine: S3, Secrets Manager, a managed Redis and a network for VMs. Real servers, nothing leaves the machine."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offline.servers.s3_server import S3Server
from tests.certificates import Pair, make_ca
from tests.fleet.network import Network
from tests.fleet.overlay import Identity
from tests.fleet.redis_server import RedisServer
from tests.ports import free_port
from tests.servers.moto import REGION, Moto

IMAGES_BUCKET = "registry-images"
CONFIG_BUCKET = "registry-config"
ROLE = "registry-host"


@dataclass
class Cloud:
    """The servers, running between `start` and `stop`. All listen on the gateway of the VMs' network."""

    folder: Path
    network: Network
    redis_ca: Pair = field(default_factory=lambda: make_ca("CA of the managed Redis"))

    def __post_init__(self) -> None:
        gateway = self.network.gateway
        self.s3 = S3Server(
            self.folder / "s3",
            gateway,
            free_port(),
            access_key_id=f"ASIA{secrets.token_hex(8).upper()}",
            secret_access_key=secrets.token_urlsafe(30),
        )
        self.moto = Moto(self.folder / "moto", gateway, free_port())
        self.redis = RedisServer(self.folder / "redis", gateway, free_port(), self.redis_ca)

    def start(self) -> None:
        """Starts everything. Raises KitError."""
        for bucket in (IMAGES_BUCKET, CONFIG_BUCKET):
            self.s3.make_bucket(bucket)
        self.s3.start()
        self.moto.start()
        self.redis.start()

    def stop(self) -> None:
        """Ends everything."""
        for server in (self.redis, self.moto, self.s3):
            server.stop()

    @property
    def endpoints(self) -> dict[str, str]:
        """Where boto3 finds this cloud: its own variables."""
        return {"AWS_ENDPOINT_URL_S3": self.s3.endpoint, "AWS_ENDPOINT_URL_SECRETS_MANAGER": self.moto.endpoint}

    @property
    def region(self) -> str:
        return REGION

    def identity(self) -> Identity:
        """A new instance's. Without a session token, which a role's credentials have in AWS: versitygw refuses every one (InvalidToken)."""
        return Identity(
            instance_id=f"i-{secrets.token_hex(8)}1",
            region=REGION,
            role=ROLE,
            access_key_id=self.s3.access_key_id,
            secret_access_key=self.s3.secret_access_key,
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must show up nowhere on a host but in memory and in the files of the services that need it."""
        return (self.s3.secret_access_key, self.redis.password)

    def put_object(self, bucket: str, key: str, content: bytes) -> None:
        """Puts an object as the deployment does."""
        self._s3_client().put_object(Bucket=bucket, Key=key, Body=content)

    def make_secret(self, name: str, text: str) -> str:
        """Makes a secret; returns its ARN."""
        return str(self.moto.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])

    def change_secret(self, arn: str, text: str) -> None:
        """Gives a secret a new version."""
        self.moto.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=text)

    def _s3_client(self) -> Any:  # noqa: ANN401 - boto3 has no types
        import boto3  # noqa: PLC0415 - a second to import

        keys = {"aws_access_key_id": self.s3.access_key_id, "aws_secret_access_key": self.s3.secret_access_key}
        return boto3.client("s3", endpoint_url=self.s3.endpoint, region_name=REGION, **keys)
