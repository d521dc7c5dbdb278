"""Functions of the azure-native package that a preview answers."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from offline.plugins.framework import Properties
from offline.plugins.preview import Function, Seed

from .outputs import TENANT, storage_endpoints


def _group_id(arguments: Properties, settings: Properties) -> str:
    return f"/subscriptions/{settings.get('subscriptionId')}/resourceGroups/{arguments['resourceGroupName']}"


def _location(settings: Properties) -> str:
    return settings.get("location") or "westeurope"


def _list_storage_account_keys(arguments: Properties, _settings: Properties) -> Properties:
    seed = Seed(f"{arguments['resourceGroupName']}/{arguments['accountName']}")
    keys = [
        {
            "keyName": name,
            "value": base64.b64encode(bytes.fromhex(seed.hex(128, name))).decode(),
            "permissions": "FULL",
            "creationTime": "2024-01-01T00:00:00Z",
        }
        for name in ("key1", "key2")
    ]
    return {"keys": keys}


def _get_client_config(_arguments: Properties, settings: Properties) -> Properties:
    seed = Seed("client")
    return {
        "clientId": seed.guid("clientId"),
        "objectId": seed.guid("objectId"),
        "subscriptionId": settings.get("subscriptionId"),
        "tenantId": settings.get("tenantId") or TENANT,
    }


def _get_resource_group(arguments: Properties, settings: Properties) -> Properties:
    name = arguments["resourceGroupName"]
    return {
        "id": _group_id(arguments, settings),
        "name": name,
        "location": _location(settings),
        "type": "Microsoft.Resources/resourceGroups",
    }


def _get_storage_account(arguments: Properties, settings: Properties) -> Properties:
    name = arguments["accountName"]
    return {
        "id": f"{_group_id(arguments, settings)}/providers/Microsoft.Storage/storageAccounts/{name}",
        "name": name,
        "type": "Microsoft.Storage/storageAccounts",
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS", "tier": "Standard"},
        "location": _location(settings),
        "primaryLocation": _location(settings),
        "primaryEndpoints": storage_endpoints(name),
        "provisioningState": "Succeeded",
        "statusOfPrimary": "available",
        "enableHttpsTrafficOnly": True,
        "minimumTlsVersion": "TLS1_2",
    }


def _get_user_assigned_identity(arguments: Properties, settings: Properties) -> Properties:
    name = arguments["resourceName"]
    identity = f"{_group_id(arguments, settings)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    seed = Seed(identity)
    return {
        "id": identity,
        "name": name,
        "clientId": seed.guid("clientId"),
        "principalId": seed.guid("principalId"),
        "tenantId": TENANT,
        "location": _location(settings),
    }


FUNCTIONS: Mapping[str, Function] = {
    "azure-native:authorization:getClientConfig": Function(_get_client_config),
    "azure-native:managedidentity:getUserAssignedIdentity": Function(
        _get_user_assigned_identity, required=("resourceGroupName", "resourceName")
    ),
    "azure-native:resources:getResourceGroup": Function(_get_resource_group, required=("resourceGroupName",)),
    "azure-native:storage:getStorageAccount": Function(_get_storage_account, required=("accountName", "resourceGroupName")),
    "azure-native:storage:listStorageAccountKeys": Function(
        _list_storage_account_keys, required=("accountName", "resourceGroupName"), secrets=frozenset({"keys"})
    ),
}
