"""Azurite, Microsoft's emulator of Azure Blob: the blob service alone, with one account and a key of its own."""

import base64
import hashlib
import hmac
import http.client
import os
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import urlencode

from offline.kit import npm
from offline.servers.process import ServerProcess

ANSWER_SECONDS = 5.0
API_VERSION = "2021-12-02"


@dataclass
class Azurite:
    """One server; its data lies in `folder`/data."""

    folder: Path
    address: str
    port: int
    account: str
    key: str = field(repr=False)
    """Base64, as Azure's keys are."""

    def __post_init__(self) -> None:
        self.process = ServerProcess("azurite", self.folder)

    @property
    def endpoint(self) -> str:
        return f"http://{self.address}:{self.port}/{self.account}"

    def start(self) -> None:
        """Starts it and returns when it answers. Raises KitError."""
        program = npm.install(npm.AZURITE) / "azurite" / "dist" / "src" / "blob" / "main.js"
        options = ["--blobHost", self.address, "--blobPort", str(self.port), "--location", str(self.folder / "data")]
        quiet = ["--silent", "--disableTelemetry", "--disableProductStyleUrl"]
        environment = {**os.environ, "AZURITE_ACCOUNTS": f"{self.account}:{self.key}"}
        self.process.start([npm.node(), program, *options, *quiet], environment, self._answers)

    def stop(self) -> bool:
        """Ends it in order. Returns whether it ran."""
        return self.process.stop()

    def kill(self) -> bool:
        """Ends it as a crash does. Returns whether it ran."""
        return self.process.kill()

    def make_container(self, name: str) -> None:
        """Makes a blob container; the registry's driver does not. Raises AssertionError."""
        date = format_datetime(datetime.now(UTC), usegmt=True)
        # https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key; the emulator's path has the account twice.
        lines = ["PUT", *[""] * 11, f"x-ms-date:{date}", f"x-ms-version:{API_VERSION}"]
        text = "\n".join([*lines, f"/{self.account}/{self.account}/{name}", "restype:container"])
        headers = {
            "x-ms-date": date,
            "x-ms-version": API_VERSION,
            "Authorization": f"SharedKey {self.account}:{self._sign(text)}",
            "Content-Length": "0",
        }
        connection = http.client.HTTPConnection(self.address, self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("PUT", f"/{self.account}/{name}?restype=container", headers=headers)
            answer = connection.getresponse()
            said = answer.read().decode(errors="replace")
        finally:
            connection.close()
        assert answer.status == 201, f"making container {name} answered {answer.status}: {said}"

    def signed_url(self, container: str) -> str:
        """A URL of the container that may do everything for a day (account SAS): a secret."""
        # https://learn.microsoft.com/rest/api/storageservices/create-account-sas
        end = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        fields = {"sp": "rwdlac", "ss": "b", "srt": "sco", "st": "", "se": end, "sip": "", "spr": "http,https", "sv": API_VERSION}
        fields["ses"] = ""
        order = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")
        text = "\n".join([self.account, *(fields[name] for name in order), ""])
        query = urlencode({**{name: value for name, value in fields.items() if value}, "sig": self._sign(text)})
        return f"{self.endpoint}/{container}?{query}"

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.new(base64.b64decode(self.key), text.encode(), hashlib.sha256).digest()).decode()

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), timeout=ANSWER_SECONDS):
                return True
        except OSError:
            return False
