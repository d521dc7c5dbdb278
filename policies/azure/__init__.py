"""Rules on Azure resources (azure-native)."""

from policies.azure.ingress import BALANCER_PLAIN, INGRESS_WORLD, INGRESS_WORLD_HTTPS
from policies.azure.machines import HOST_ENCRYPTION, PASSWORD_LOGIN, PUBLIC_IP, USER_DATA
from policies.azure.redis import REDIS_AUTH, REDIS_NETWORK, REDIS_TLS
from policies.azure.roles import ROLE_SCOPE, ROLE_WILDCARD
from policies.azure.storage import (
    STORAGE_DELETION,
    STORAGE_HAS_SOFT_DELETE,
    STORAGE_HTTPS,
    STORAGE_PUBLIC,
    STORAGE_SHARED_KEY,
    STORAGE_SOFT_DELETE,
    STORAGE_TLS,
)
from policies.azure.vault import VAULT_NETWORK, VAULT_RBAC, VAULT_RECOVERY
from policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (
    STORAGE_HTTPS,
    STORAGE_TLS,
    STORAGE_PUBLIC,
    STORAGE_SOFT_DELETE,
    STORAGE_HAS_SOFT_DELETE,
    STORAGE_DELETION,
    STORAGE_SHARED_KEY,
    ROLE_SCOPE,
    ROLE_WILDCARD,
    INGRESS_WORLD,
    INGRESS_WORLD_HTTPS,
    BALANCER_PLAIN,
    PASSWORD_LOGIN,
    HOST_ENCRYPTION,
    PUBLIC_IP,
    USER_DATA,
    REDIS_TLS,
    REDIS_AUTH,
    REDIS_NETWORK,
    VAULT_RECOVERY,
    VAULT_RBAC,
    VAULT_NETWORK,
)
