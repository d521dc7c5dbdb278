"""Cases of the rules on managed Redis, Key Vault and roles of Azure."""

from typing import Any

from policies.azure.redis import REDIS_AUTH, REDIS_NETWORK, REDIS_TLS
from policies.azure.roles import ROLE_SCOPE, ROLE_WILDCARD
from policies.azure.vault import VAULT_NETWORK, VAULT_RBAC, VAULT_RECOVERY
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, With, resource

DATABASE = "azure-native:redisenterprise:Database"
ENTERPRISE = "azure-native:redisenterprise:RedisEnterprise"
DEFINITIONS = "/subscriptions/5f0e/providers/Microsoft.Authorization/roleDefinitions"
OWNER = f"{DEFINITIONS}/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = f"{DEFINITIONS}/b24988ac-6180-42a0-ab88-20f7382dd24c"
BLOB_CONTRIBUTOR = f"{DEFINITIONS}/ba92f5b4-2d11-453d-a403-e96b0029c9fe"


def vault(**properties: Any) -> dict[str, Any]:  # noqa: ANN401 - inputs of a resource
    """Inputs of a vault."""
    return {"properties": {"sku": {"name": "standard", "family": "A"}, **properties}}


CASES = [
    Cases(
        REDIS_TLS,
        compliant={
            "explicit": {"enableNonSslPort": False, "minimumTlsVersion": "1.2"},
            "encrypted": resource(DATABASE, props={"clientProtocol": "Encrypted"}),
            "default of a database": resource(DATABASE),
        },
        violating={
            "plain port": Says(("6379",), {"enableNonSslPort": True}),
            "old TLS": Says(("1.0",), {"minimumTlsVersion": "1.0"}),
            "old TLS, older token with a version": resource("azure-native:cache/v20230801:Redis", props={"minimumTlsVersion": "1.1"}),
            "plain": Says(("Plaintext",), resource(DATABASE, props={"clientProtocol": "Plaintext"})),
            "old TLS, Enterprise": resource(ENTERPRISE, props={"minimumTlsVersion": "1.0"}),
        },
        default={"sku": {"name": "Standard"}},
        default_violates=False,
        unknown={
            "port": {"enableNonSslPort": UNKNOWN},
            "version": {"minimumTlsVersion": UNKNOWN},
            "protocol": resource(DATABASE, props={"clientProtocol": UNKNOWN}),
        },
    ),
    Cases(
        REDIS_AUTH,
        compliant={"asked for": {"redisConfiguration": {"authnotrequired": "false"}}},
        violating={"not asked for": {"redisConfiguration": {"authnotrequired": "true"}}},
        default={},
        default_violates=False,
        unknown={"asked for": {"redisConfiguration": {"authnotrequired": UNKNOWN}}, "all of it": {"redisConfiguration": UNKNOWN}},
    ),
    Cases(
        REDIS_NETWORK,
        compliant={
            "off": {"publicNetworkAccess": "Disabled"},
            "in a subnet": {"subnetId": UNKNOWN},
            "Enterprise": resource(ENTERPRISE, props={"publicNetworkAccess": "Disabled"}),
        },
        violating={"on": Says(("is Enabled",), {"publicNetworkAccess": "Enabled"}), "Enterprise": resource(ENTERPRISE)},
        default={"sku": {"name": "Standard"}},
        default_violates=True,
        unknown={"access": {"publicNetworkAccess": UNKNOWN}},
    ),
    Cases(
        VAULT_RECOVERY,
        compliant={
            "protected": vault(enablePurgeProtection=True),
            "explicit": vault(enablePurgeProtection=True, enableSoftDelete=True, softDeleteRetentionInDays=90),
        },
        violating={
            "no purge protection": Says(("enablePurgeProtection",), vault(enableSoftDelete=True)),
            "no soft delete": Says(("enableSoftDelete",), vault(enablePurgeProtection=True, enableSoftDelete=False)),
            "a week where a month is wanted": Says(
                ("is 7, less than 30",), With({"leastDays": 30}, vault(enablePurgeProtection=True, softDeleteRetentionInDays=7))
            ),
            "of a version": resource("azure-native:keyvault/v20230701:Vault", props=vault()),
        },
        default={},
        default_violates=True,
        unknown={"purge protection": vault(enablePurgeProtection=UNKNOWN), "all of it": {"properties": UNKNOWN}},
    ),
    Cases(
        VAULT_RBAC,
        compliant={
            "roles": vault(enableRbacAuthorization=True),
            "default of a new version": resource("azure-native:keyvault/v20260201:Vault", props=vault()),
            "default of a new version, newer SDK": resource("azure-native_keyvault_v20260201:keyvault:Vault", props=vault()),
        },
        violating={
            "access policies": vault(enableRbacAuthorization=False),
            "access policies in a new version": resource(
                "azure-native:keyvault/v20260201:Vault", props=vault(enableRbacAuthorization=False)
            ),
            "default of an old version": resource("azure-native:keyvault/v20230701:Vault", props=vault()),
        },
        default={},
        default_violates=True,
        unknown={"roles": vault(enableRbacAuthorization=UNKNOWN), "all of it": {"properties": UNKNOWN}},
    ),
    Cases(
        VAULT_NETWORK,
        compliant={"networks": vault(networkAcls={"defaultAction": "Deny"}), "off": vault(publicNetworkAccess="disabled")},
        violating={
            "all": Says(("is Allow",), vault(networkAcls={"defaultAction": "Allow"})),
            "on": Says(("not set",), vault(publicNetworkAccess="Enabled")),
        },
        default={},
        default_violates=True,
        unknown={"action": vault(networkAcls={"defaultAction": UNKNOWN}), "access": vault(publicNetworkAccess=UNKNOWN)},
    ),
    Cases(
        ROLE_SCOPE,
        compliant={
            "a narrow role": {"roleDefinitionId": BLOB_CONTRIBUTOR, "scope": "/subscriptions/5f0e"},
            "a resource group": {"roleDefinitionId": CONTRIBUTOR, "scope": "/subscriptions/5f0e/resourceGroups/registry"},
            "a narrow role somewhere": {"roleDefinitionId": BLOB_CONTRIBUTOR, "scope": UNKNOWN},
            "allowed": With({"allowed": ("Contributor",)}, {"roleDefinitionId": CONTRIBUTOR, "scope": "/subscriptions/5f0e"}),
        },
        violating={
            "owner": Says(("Owner at scope /subscriptions/5f0e",), {"roleDefinitionId": OWNER, "scope": "/subscriptions/5f0e"}),
            "of everything": {"roleDefinitionId": OWNER, "scope": "/"},
            "a management group": {"roleDefinitionId": CONTRIBUTOR, "scope": "/providers/Microsoft.Management/managementGroups/team"},
            "of a version": resource(
                "azure-native:authorization/v20220401:RoleAssignment",
                props={"roleDefinitionId": OWNER.upper(), "scope": "/subscriptions/5f0e/"},
            ),
        },
        default={},
        default_violates=False,
        unknown={"role": {"roleDefinitionId": UNKNOWN, "scope": "/"}, "scope": {"roleDefinitionId": OWNER, "scope": UNKNOWN}},
    ),
    Cases(
        ROLE_WILDCARD,
        compliant={"named": {"permissions": [{"actions": ["Microsoft.Storage/storageAccounts/read"], "dataActions": []}]}},
        violating={
            "everything": Says(("permissions[0].actions",), {"permissions": [{"actions": ["*"]}]}),
            "all data": {"permissions": [{"dataActions": ["*"]}]},
            "roles": {"permissions": [{"actions": ["Microsoft.Authorization/*"]}]},
        },
        default={},
        default_violates=False,
        unknown={"permissions": {"permissions": UNKNOWN}, "actions": {"permissions": [{"actions": UNKNOWN}]}},
    ),
]
