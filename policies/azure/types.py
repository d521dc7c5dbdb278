"""Type tokens of azure-native.

A program may name the API's version in them: `azure-native:storage/v20230101:StorageAccount` (provider 2), or
`azure-native_storage_v20230101:storage:StorageAccount` (provider 3, https://www.pulumi.com/registry/packages/azure-native/version-guide/).
"""

import re

_VERSIONED = re.compile(
    r"azure-native:(?P<module>[^:/]+)/v(?P<version>\d{8})(?:preview)?:(?P<name>.+)"
    r"|azure-native_[^:_]+_v(?P<version3>\d{8})(?:preview)?:(?P<module3>[^:/]+)(?:/[^:]+)?:(?P<name3>.+)"
)


class AnyVersion(tuple[str, ...]):
    """Type tokens without a version, which hold for every version of the API."""

    def __contains__(self, token: object) -> bool:
        return isinstance(token, str) and super().__contains__(unversioned(token))


def unversioned(token: str) -> str:
    """The token without the API's version."""
    match = _VERSIONED.fullmatch(token)
    return f"azure-native:{match['module'] or match['module3']}:{match['name'] or match['name3']}" if match else token


def api_version(token: str) -> str | None:
    """The API's version as the token names it, e.g. `20230101`; None where the provider chooses a current one."""
    match = _VERSIONED.fullmatch(token)
    return (match["version"] or match["version3"]) if match else None


STORAGE_ACCOUNTS = AnyVersion(("azure-native:storage:StorageAccount",))
BLOB_CONTAINERS = AnyVersion(("azure-native:storage:BlobContainer",))
BLOB_SERVICES = AnyVersion(("azure-native:storage:BlobServiceProperties",))

VAULTS = AnyVersion(("azure-native:keyvault:Vault",))

REDIS = AnyVersion(("azure-native:redis:Redis", "azure-native:cache:Redis"))
REDIS_ENTERPRISE_DATABASES = AnyVersion(("azure-native:redisenterprise:Database", "azure-native:cache:Database"))
REDIS_ENTERPRISE = AnyVersion(("azure-native:redisenterprise:RedisEnterprise", "azure-native:cache:RedisEnterprise"))

SECURITY_GROUPS = AnyVersion(("azure-native:network:NetworkSecurityGroup",))
SECURITY_RULES = AnyVersion(("azure-native:network:SecurityRule",))
LOAD_BALANCERS = AnyVersion(("azure-native:network:LoadBalancer",))
NETWORK_INTERFACES = AnyVersion(("azure-native:network:NetworkInterface",))

MACHINES = AnyVersion(("azure-native:compute:VirtualMachine",))
SCALE_SETS = AnyVersion(("azure-native:compute:VirtualMachineScaleSet",))
EXTENSIONS = AnyVersion(("azure-native:compute:VirtualMachineExtension", "azure-native:compute:VirtualMachineScaleSetExtension"))

ROLE_ASSIGNMENTS = AnyVersion(("azure-native:authorization:RoleAssignment",))
ROLE_DEFINITIONS = AnyVersion(("azure-native:authorization:RoleDefinition",))
