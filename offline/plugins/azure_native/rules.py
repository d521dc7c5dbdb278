"""What Azure refuses although the SDK's types allow it: the names and ids that a registry's stack has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from offline.plugins.framework import CheckFailure, Properties
from offline.plugins.preview import Shape

_NAMES: Mapping[str, tuple[str, re.Pattern[str], str]] = {
    "azure-native:storage:StorageAccount": (
        "accountName",
        re.compile("[a-z0-9]{3,24}"),
        "a storage account's name has 3 to 24 lower-case letters and digits",
    ),
    "azure-native:storage:BlobContainer": (
        "containerName",
        re.compile(r"\$root|\$web|\$logs|(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*"),
        "a container's name has 3 to 63 lower-case letters, digits and single hyphens between them",
    ),
    "azure-native:resources:ResourceGroup": (
        "resourceGroupName",
        re.compile(r"[\w().-]{0,89}[\w()-]"),
        "a resource group's name has 1 to 90 letters, digits and ._()-, and no dot at the end",
    ),
    "azure-native:authorization:RoleAssignment": (
        "roleAssignmentName",
        re.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"),
        "a role assignment's name is a UUID",
    ),
}


def problems(shape: Shape, inputs: Properties) -> list[CheckFailure]:
    """Check one resource's inputs, which have the right types; any may be or hold UNKNOWN."""
    return [*_name(shape, inputs), *_place(shape, inputs), *_role(shape, inputs)]


def _name(shape: Shape, inputs: Properties) -> Iterator[CheckFailure]:
    if shape.token in _NAMES:
        name, pattern, reason = _NAMES[shape.token]
        value = inputs.get(name)
        if isinstance(value, str) and not pattern.fullmatch(value):
            yield CheckFailure(name, f"{value!r}: {reason}")


def _place(shape: Shape, inputs: Properties) -> Iterator[CheckFailure]:
    # Everything else takes its resource group's location.
    if shape.kind == "ResourceGroup" and inputs.get("location") is None:
        yield CheckFailure("location", "is missing: give it, or run `pulumi config set azure-native:location <location>`")


def _role(shape: Shape, inputs: Properties) -> Iterator[CheckFailure]:
    scope, role = inputs.get("scope"), inputs.get("roleDefinitionId")
    if isinstance(scope, str) and not scope.startswith("/"):
        yield CheckFailure("scope", "is no resource id: it has to begin with `/subscriptions/` or the like")
    if shape.kind == "RoleAssignment" and isinstance(role, str) and "/providers/Microsoft.Authorization/roleDefinitions/" not in role:
        yield CheckFailure("roleDefinitionId", "is no role: `/subscriptions/.../providers/Microsoft.Authorization/roleDefinitions/<UUID>`")
