"""What outputs are made from: the resource's inputs and name, the provider's settings, and values derived from its URN."""

from __future__ import annotations

import hashlib
import json
import string
import uuid
from dataclasses import dataclass

from offline.plugins.framework import Properties

from .sdk import Shape


@dataclass(frozen=True)
class Seed:
    """Values that look random and are the same in each run."""

    text: str

    def hex(self, length: int, salt: str = "") -> str:
        return hashlib.shake_256(f"{self.text}\0{salt}".encode()).hexdigest((length + 1) // 2)[:length]

    def digits(self, length: int, salt: str = "") -> str:
        return str(int(self.hex(length * 2, salt), 16)).zfill(length)[-length:]

    def characters(self, length: int, salt: str, alphabet: str = string.ascii_letters + string.digits) -> str:
        number = int(self.hex(length * 4, salt), 16)
        chosen = []
        for _ in range(length):
            number, index = divmod(number, len(alphabet))
            chosen.append(alphabet[index])
        return "".join(chosen)

    def guid(self, salt: str = "") -> str:
        return str(uuid.UUID(self.hex(32, salt), version=4))


@dataclass(frozen=True)
class Facts:
    """One resource that is being made."""

    shape: Shape
    inputs: Properties
    seed: Seed
    settings: Properties
    known_id: str = ""
    """The id, when the resource has one already."""

    def text(self, *names: str) -> str:
        """Return the first of these inputs that is given, as text; empty when none is."""
        return next((str(self.inputs[name]) for name in names if self.inputs.get(name) is not None), "")


def urn_name(urn: str) -> str:
    """Return a resource's name in the program."""
    return urn.split("::", 3)[3]


def seed_of(urn: str, inputs: Properties, replaces: frozenset[str]) -> Seed:
    """Derive a seed that stays through updates in place, and differs after a replacement."""
    deciding = {name: inputs[name] for name in sorted(replaces & inputs.keys())}
    return Seed(urn + json.dumps(deciding, sort_keys=True, default=repr))
