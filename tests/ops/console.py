"""Runs commands of ops in this process against a real registry, as `python3 -m ops` would."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import pytest

from ops.commands import main
from tests.ops.gc.client import Client, Image
from tests.ops.gc.fleet import Fleet


@dataclass
class Console:
    """A registry and ops for it."""

    fleet: Fleet
    capture: pytest.CaptureFixture[str]

    @property
    def major(self) -> int:
        return self.fleet.options.major

    @property
    def client(self) -> Client:
        """A client that pushes past the edge."""
        return Client(f"http://{self.fleet.hosts[0]}:{self.fleet.registry_port}")

    def configure(self, **sections: object) -> None:
        """Changes sections of ops.json."""
        file = self.fleet.places.settings
        file.write_text(json.dumps({**json.loads(file.read_text()), **sections}))

    def run(self, *arguments: str, code: int = 0) -> str:
        """Runs a command that must end with this code; returns what it printed."""
        self.capture.readouterr()
        got = main(arguments)
        out, err = self.capture.readouterr()
        assert got == code, f"ops {' '.join(arguments)} ended with {got}:\n{out}\n{err}"
        return out

    def json(self, *arguments: str, code: int = 0) -> object:
        """The same with --json, read."""
        return cast(object, json.loads(self.run(*arguments, "--json", code=code)))


def image(name: str, days_old: float = 1, shared: bytes = b"shared layer") -> Image:
    """An image with a layer of its own, a shared one, and an age."""
    created = datetime.fromtimestamp(time.time() - days_old * 86_400, UTC).isoformat()
    return Image((f"layer of {name}".encode() * 500, shared * 300), json.dumps({"created": created, "name": name}).encode())
