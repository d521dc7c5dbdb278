"""Which input names a resource, which name its parents, and what a name looks like when the program gives none."""

from __future__ import annotations

import re
from typing import Final

from offline.plugins.preview import Seed, Shape

STORAGE_ACCOUNT: Final = "azure-native:storage:StorageAccount"
_ALIASES: Final = {"azure-native:storage:ManagementPolicy": "managementPolicyName"}


def naming_property(shape: Shape) -> str | None:
    """Find the optional `...Name` input that goes with the class's name: `containerName` of BlobContainer."""
    if shape.token in _ALIASES:
        return _ALIASES[shape.token]
    candidates = [name for name in shape.inputs if name.endswith("Name") and shape.inputs[name].optional]
    kind = shape.kind.lower()
    # `blobServicesName` of BlobServiceProperties, `redisName` of Redis.
    fitting = [name for name in candidates if (stem := name.removesuffix("Name").lower()) and (kind.endswith(stem) or stem[:-1] in kind)]
    if fitting:
        return max(fitting, key=len)
    return next((name for name in ("resourceName", "name") if name in shape.inputs and shape.inputs[name].optional), None)


def parents(shape: Shape) -> list[str]:
    """List the inputs that name what the resource is part of, the resource group aside: `accountName` of BlobContainer."""
    own = naming_property(shape)
    return [name for name, field in shape.inputs.items() if _is_parent(name, required=not field.optional) and name != own]


def _is_parent(name: str, *, required: bool) -> bool:
    return required and name.endswith("Name") and name != "resourceGroupName"


def automatic_name(shape: Shape, name: str, seed: Seed) -> str:
    """Make up a name as the vendor's plugin does."""
    if shape.kind in {"RoleAssignment", "RoleDefinition"}:
        return seed.guid("name")
    if shape.kind in {"BlobServiceProperties", "FileServiceProperties", "ManagementPolicy", "QueueServiceProperties"}:
        return "default"
    if shape.token == STORAGE_ACCOUNT:
        return f"{re.sub('[^a-z0-9]', '', name.lower())[:16]}{seed.hex(8, shape.token)}"
    return f"{name}{seed.hex(8, shape.token)}"
