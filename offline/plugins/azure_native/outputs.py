"""Computed outputs that have a certain form."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from offline.plugins.framework import Properties
from offline.plugins.preview import Facts

from .ids import NO_SUBSCRIPTION

TENANT = NO_SUBSCRIPTION
_HOSTS = {"blob": "blob", "dfs": "dfs", "file": "file", "queue": "queue", "table": "table"}


def storage_endpoints(account: str) -> Properties:
    """Return the addresses of a storage account in the public cloud."""
    addresses = {name: f"https://{account}.{host}.core.windows.net/" for name, host in _HOSTS.items()}
    return addresses | {"web": f"https://{account}.z1.web.core.windows.net/"}


def known_outputs(facts: Facts, resource_id: str) -> Properties:
    """Return what is known of a resource's computed outputs."""
    make = _OUTPUTS.get(facts.shape.token)
    return make(facts, resource_id.rpartition("/")[2]) if make else {}


def text_output(facts: Facts, resource_id: str, name: str) -> str | None:
    """Make up a text output by its name."""
    known = {
        "provisioningState": "Succeeded",
        "location": facts.settings.get("location") or "westeurope",
        "tenantId": TENANT,
        "subscriptionId": facts.settings.get("subscriptionId"),
        "azureApiVersion": "2024-01-01",
        "etag": f'W/"{facts.seed.guid("etag")}"',
        "id": resource_id,
    }
    return known.get(name)


def _storage_account(facts: Facts, name: str) -> Properties:
    location = facts.text("location") or "westeurope"
    return {
        "primaryEndpoints": storage_endpoints(name),
        "primaryLocation": location,
        "accessTier": facts.text("accessTier") or "Hot",
        "statusOfPrimary": "available",
        "creationTime": "2024-01-01T00:00:00Z",
    }


_OUTPUTS: Mapping[str, Callable[[Facts, str], Properties]] = {
    "azure-native:storage:StorageAccount": _storage_account,
    "azure-native:storage:BlobContainer": lambda _facts, _name: {"hasImmutabilityPolicy": False, "leaseState": "Available"},
    "azure-native:cache:Redis": lambda _facts, name: {"hostName": f"{name}.redis.cache.windows.net", "port": 6379, "sslPort": 6380},
    "azure-native:redis:Redis": lambda _facts, name: {"hostName": f"{name}.redis.cache.windows.net", "port": 6379, "sslPort": 6380},
}
