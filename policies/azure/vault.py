"""Key Vault."""

from collections.abc import Iterator

from policies.azure.types import VAULTS, api_version
from policies.rule import Finding, Level, Parameter, Resource, Result, Rule
from policies.values import View

_RBAC_BY_DEFAULT = "20260201"


def _recovery(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means soft delete on for 90 days, and purge protection off
    (https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview)."""
    vault = resource.props.view("properties")
    if vault.flag("enableSoftDelete") is False:
        yield Finding("properties.enableSoftDelete is false")
    days, least = vault.number("softDeleteRetentionInDays"), parameters.number("leastDays")
    if days is not None and least is not None and days < least:
        yield Finding(f"properties.softDeleteRetentionInDays is {days:.0f}, less than {least:.0f}")
    if vault.flag("enablePurgeProtection") is not True:
        yield Finding("properties.enablePurgeProtection is not true")


VAULT_RECOVERY = Rule(
    id="azure-vault-recovery",
    title="What is deleted from a vault can be had back",
    why="Without purge protection, whoever may delete secrets can destroy them and the keys that data is encrypted with for good.",
    fix="Set enablePurgeProtection to true and leave enableSoftDelete and softDeleteRetentionInDays unset.",
    types=VAULTS,
    parameters={"leastDays": Parameter(7, "For how many days deleted secrets must be kept, 7 to 90.")},
    check=_recovery,
)


def _rbac(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means access policies before API version 2026-02-01, and roles since then for new vaults
    (https://learn.microsoft.com/azure/key-vault/general/access-control-default). Without a version in the type, the provider's default one
    (3.29 of azure-native: before 2026) is used."""
    rbac = resource.props.view("properties").flag("enableRbacAuthorization")
    version = api_version(resource.type)
    if rbac is False or (rbac is None and (version is None or version < _RBAC_BY_DEFAULT)):
        yield Finding("properties.enableRbacAuthorization is not true")


VAULT_RBAC = Rule(
    id="azure-vault-rbac",
    title="Roles say who may read a vault",
    why="With access policies, every Contributor of the resource group can give himself all secrets, and none can be given alone.",
    fix="Set enableRbacAuthorization to true and give the hosts' identity Key Vault Secrets User on the one secret.",
    types=VAULTS,
    check=_rbac,
)


def _network(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means open to all networks (https://learn.microsoft.com/azure/key-vault/general/network-security)."""
    vault = resource.props.view("properties")
    if (vault.text("publicNetworkAccess") or "").lower() == "disabled":
        return
    action = vault.view("networkAcls").text("defaultAction")
    if action != "Deny":
        yield Finding(f"properties.networkAcls.defaultAction is {action or 'not set'}")


VAULT_NETWORK = Rule(
    id="azure-vault-network",
    title="A vault is reached from known networks only",
    why="A stolen token works from everywhere otherwise. Identity is what guards the vault, and pulumi has to reach it, so this is advice.",
    fix="Set networkAcls.defaultAction to Deny with the hosts' subnets, or publicNetworkAccess to disabled with a private endpoint.",
    level=Level.ADVISORY,
    types=VAULTS,
    check=_network,
)
