"""Azure's resource ids: made from a resource's inputs, and read back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from offline.plugins.framework import Properties
from offline.plugins.preview import Facts, Shape

from .naming import naming_property, parents

NO_SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000000"

_NAMESPACES: Mapping[str, str] = {
    "app": "Microsoft.App",
    "authorization": "Microsoft.Authorization",
    "cache": "Microsoft.Cache",
    "containerinstance": "Microsoft.ContainerInstance",
    "containerregistry": "Microsoft.ContainerRegistry",
    "containerservice": "Microsoft.ContainerService",
    "insights": "Microsoft.Insights",
    "keyvault": "Microsoft.KeyVault",
    "managedidentity": "Microsoft.ManagedIdentity",
    "network": "Microsoft.Network",
    "operationalinsights": "Microsoft.OperationalInsights",
    "privatedns": "Microsoft.Network",
    "redis": "Microsoft.Cache",
    "redisenterprise": "Microsoft.Cache",
    "resources": "Microsoft.Resources",
    "storage": "Microsoft.Storage",
}

_TYPES: Mapping[str, str] = {
    "azure-native:authorization:RoleAssignment": "roleAssignments",
    "azure-native:cache:Redis": "redis",
    "azure-native:redis:Redis": "redis",
    "azure-native:operationalinsights:Workspace": "workspaces",
    "azure-native:privatedns:PrivateZone": "privateDnsZones",
    "azure-native:privatedns:VirtualNetworkLink": "privateDnsZones/virtualNetworkLinks",
    "azure-native:resources:ResourceGroup": "resourceGroups",
    "azure-native:storage:BlobContainer": "storageAccounts/blobServices/containers",
    "azure-native:storage:BlobServiceProperties": "storageAccounts/blobServices",
    "azure-native:storage:FileServiceProperties": "storageAccounts/fileServices",
    "azure-native:storage:FileShare": "storageAccounts/fileServices/shares",
    "azure-native:storage:ManagementPolicy": "storageAccounts/managementPolicies",
    "azure-native:network:Subnet": "virtualNetworks/subnets",
    "azure-native:network:PrivateDnsZoneGroup": "privateEndpoints/privateDnsZoneGroups",
    "azure-native:managedidentity:FederatedIdentityCredential": "userAssignedIdentities/federatedIdentityCredentials",
}


def resource_type(shape: Shape) -> str:
    """Return a type as Azure spells it: `Microsoft.Storage/storageAccounts`."""
    namespace = _NAMESPACES.get(shape.module, f"Microsoft.{shape.module.capitalize()}")
    return f"{namespace}/{_TYPES.get(shape.token) or _plural(shape.kind)}"


def _plural(kind: str) -> str:
    name = kind[:1].lower() + kind[1:]
    return re.sub(r"y$", "ie", name) + "s"


def id_of(facts: Facts) -> str:
    """Make a resource's id."""
    shape = facts.shape
    if facts.known_id:
        return facts.known_id
    subscription = f"/subscriptions/{facts.settings.get('subscriptionId', NO_SUBSCRIPTION)}"
    group = f"{subscription}/resourceGroups/{facts.text('resourceGroupName')}"
    if shape.kind == "ResourceGroup":
        return group
    name = facts.text(naming_property(shape) or "") or "default"
    namespace, *types = resource_type(shape).split("/")
    names = [facts.text(parent) for parent in parents(shape)][: len(types) - 1]
    names += ["default"] * (len(types) - 1 - len(names))
    path = "/".join(f"{kind}/{value}" for kind, value in zip(types, [*names, name], strict=True))
    start = facts.text("scope").rstrip("/") if "scope" in shape.inputs else group if facts.text("resourceGroupName") else subscription
    return f"{start}/providers/{namespace}/{path}"


def inputs_of_id(shape: Shape, resource_id: str) -> Properties:
    """Tell the inputs of an existing resource from its id."""
    parts = resource_id.strip("/").split("/")
    pairs = dict(zip(parts[::2], parts[1::2], strict=False))
    found: Properties = {"resourceGroupName": pairs.get("resourceGroups"), "scope": resource_id.partition("/providers/")[0]}
    own = naming_property(shape)
    if own:
        found[own] = parts[-1]
    _, _, path = resource_id.rpartition("/providers/")
    for parent, value in zip(parents(shape), path.split("/")[2::2], strict=False):
        found[parent] = value
    return {name: value for name, value in found.items() if value and name in shape.inputs}
