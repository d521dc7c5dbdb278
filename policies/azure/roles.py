"""Role assignments and custom roles."""

import re
from collections.abc import Iterator

from policies.azure.types import ROLE_ASSIGNMENTS, ROLE_DEFINITIONS
from policies.rule import Finding, Parameter, Resource, Result, Rule, each
from policies.values import View

_WIDE_ROLES = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""

_WIDE_SCOPE = re.compile(r"/?|/subscriptions/[^/]+/?|/providers/Microsoft\.Management/managementGroups/[^/]+/?", re.IGNORECASE)


def _assignment(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means nothing: Azure demands both."""
    role = (resource.props.text("roleDefinitionId") or "").rpartition("/")[2].lower()
    name = _WIDE_ROLES.get(role)
    if name is None or name in parameters.texts("allowed"):
        return
    scope = resource.props.text("scope")
    if scope is not None and _WIDE_SCOPE.fullmatch(scope):
        yield Finding(f"{name} at scope {scope or '/'}")


ROLE_SCOPE = Rule(
    id="azure-role-scope",
    title="Nobody gets the whole subscription from a stack",
    why="Owner or Contributor of a subscription can delete the registry and its backups, and read every secret in it.",
    fix="Assign a narrow role, such as Storage Blob Data Contributor, at the resource that it is for.",
    types=ROLE_ASSIGNMENTS,
    parameters={"allowed": Parameter((), "Names of roles that may be assigned at a subscription all the same.")},
    check=_assignment,
)


def _definition(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means that nothing is allowed."""
    yield from each(resource.props.views("permissions"), _permission)


def _permission(permission: View) -> Iterator[Result]:
    for key in ("actions", "dataActions"):
        for action in permission.texts(key):
            if action == "*" or action.lower() == "microsoft.authorization/*":
                yield Finding(f"{permission.at(key)} has {action}")


ROLE_WILDCARD = Rule(
    id="azure-role-wildcard",
    title="Custom roles name the actions that they allow",
    why="A role with * is Owner under another name; one that may write role assignments can make itself one.",
    fix="List the actions that are needed, such as Microsoft.Storage/storageAccounts/blobServices/containers/read.",
    types=ROLE_DEFINITIONS,
    check=_definition,
)
