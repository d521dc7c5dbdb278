"""How replicas are known to their storage."""

from dataclasses import dataclass
from enum import StrEnum

import pulumi


class Identity(StrEnum):
    """What replicas show to the storage."""

    KEY = "key"
    """A key in their configuration: hosts outside the storage's cloud."""
    ROLE = "role"
    """Nothing: their host has a role. Hosts in the storage's cloud."""


@dataclass(frozen=True)
class RoleAccess:
    """What a platform needs to let its hosts use the storage.

    `policy` is the JSON document for the hosts' role, known when the storage is ready. `provider` is the one that made the storage.
    """

    policy: pulumi.Output[str]
    provider: pulumi.ProviderResource
