"""moto, a simulation of AWS, as a server of its own process that checks signatures and IAM policies."""

import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline.servers.process import ServerProcess

ANSWER_SECONDS = 3.0
REGION = "us-east-1"


@dataclass
class Moto:
    """One server, at first without any check: `enforce` turns it on for good. Keeps everything in memory."""

    folder: Path
    address: str
    port: int

    def __post_init__(self) -> None:
        self.process = ServerProcess("moto", self.folder)

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}:{self.port}"

    def start(self) -> None:
        """Starts it and returns when it answers. Raises KitError."""
        command = [sys.executable, "-m", "moto.server", "-H", self.address, "-p", str(self.port)]
        # The requests that set the scene are not checked.
        self.process.start(command, {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(10**9)}, self._answers)

    def stop(self) -> bool:
        """Ends it. Returns whether it ran."""
        return self.process.stop()

    def enforce(self) -> None:
        """From now on every request needs a good signature and a policy that allows it."""
        url, plain = f"{self.endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
        request = urllib.request.Request(url, data=b"0", headers=plain, method="POST")  # noqa: S310 - our own server
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            assert answer.status == 200

    def client(self, service: str, access_key_id: str = "setup", secret: str = "setup") -> Any:  # noqa: ANN401, S107 - boto3 has no types
        """A client of one of AWS's services."""
        import boto3  # noqa: PLC0415 - a second to import
        from botocore.config import Config  # noqa: PLC0415

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/moto-api/data.json", timeout=ANSWER_SECONDS) as answer:  # noqa: S310
                return answer.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
