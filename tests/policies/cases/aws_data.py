"""Cases of the rules on managed Redis, secrets and keys."""

from policies.aws.cache import CACHE_AUTH, CACHE_REST, CACHE_TRANSIT
from policies.aws.secrets import KMS_DELETION, KMS_ROTATION, SECRET_KEY, SECRET_RECOVERY
from policies.aws.types import CACHE_CLUSTERS
from policies.values import UNKNOWN
from tests.policies.case import CANARY, Cases, Says, With, resource

OF_A_GROUP = resource(CACHE_CLUSTERS[0], props={"replicationGroupId": UNKNOWN})
REDIS = resource(CACHE_CLUSTERS[0], props={"engine": "redis"})
MEMCACHED = resource(CACHE_CLUSTERS[0], props={"engine": "memcached", "transitEncryptionEnabled": True})
OWN_KEY = {"customerKey": True}

CASES = [
    Cases(
        CACHE_TRANSIT,
        compliant={
            "on": {"transitEncryptionEnabled": True},
            "required": {"transitEncryptionEnabled": True, "transitEncryptionMode": "required"},
            "Memcached": MEMCACHED,
            "a cluster of a group": OF_A_GROUP,
        },
        violating={
            "off": {"transitEncryptionEnabled": False},
            "preferred": Says(("preferred",), {"transitEncryptionEnabled": True, "transitEncryptionMode": "preferred"}),
            "a cluster alone": REDIS,
        },
        default={"engine": "valkey"},
        default_violates=True,
        unknown={"on": {"transitEncryptionEnabled": UNKNOWN}, "mode": {"transitEncryptionEnabled": True, "transitEncryptionMode": UNKNOWN}},
    ),
    Cases(
        CACHE_REST,
        compliant={
            "on": {"atRestEncryptionEnabled": True},
            "Valkey's default": {"engine": "valkey"},
            "Memcached": MEMCACHED,
            "a cluster of a group": OF_A_GROUP,
        },
        violating={
            "off": {"atRestEncryptionEnabled": False, "engine": "valkey"},
            "Redis's default": {"engine": "redis"},
            "a cluster alone": REDIS,
        },
        default={},
        default_violates=True,
        unknown={"on": {"atRestEncryptionEnabled": UNKNOWN}, "engine": {"engine": UNKNOWN}},
    ),
    Cases(
        CACHE_AUTH,
        compliant={
            "token": {"authToken": CANARY},
            "token that is made with it": {"authToken": UNKNOWN},
            "write-only token": {"authTokenWo": CANARY},
            "users": {"userGroupIds": ["registry"]},
            "users that are made with it": {"userGroupIds": [UNKNOWN]},
            "Memcached": MEMCACHED,
            "a cluster of a group": OF_A_GROUP,
        },
        violating={"no users": {"userGroupIds": []}, "a cluster alone": REDIS},
        default={"engine": "redis"},
        default_violates=True,
        unknown={"users": {"userGroupIds": UNKNOWN}, "engine": resource(CACHE_CLUSTERS[0], props={"engine": UNKNOWN})},
    ),
    Cases(
        SECRET_RECOVERY,
        compliant={"a week": {"recoveryWindowInDays": 7}},
        violating={"at once": Says(("recoveryWindowInDays is 0",), {"recoveryWindowInDays": 0.0})},
        default={"name": "registry"},
        default_violates=False,
        unknown={"days": {"recoveryWindowInDays": UNKNOWN}},
    ),
    Cases(
        SECRET_KEY,
        compliant={
            "none is wanted": {"kmsKeyId": "alias/aws/secretsmanager"},
            "own key": With(OWN_KEY, {"kmsKeyId": "arn:aws:kms:eu-central-1:123456789012:key/0f0e"}),
        },
        violating={
            "none": Says(("not set",), With(OWN_KEY, {"name": "registry"})),
            "AWS's": Says(("AWS's own key",), With(OWN_KEY, {"kmsKeyId": "alias/aws/secretsmanager"})),
        },
        default={"name": "registry"},
        default_violates=False,
        unknown={"key": With(OWN_KEY, {"kmsKeyId": UNKNOWN})},
    ),
    Cases(
        KMS_ROTATION,
        compliant={
            "on": {"enableKeyRotation": True},
            "a key for signatures": {"customerMasterKeySpec": "ECC_NIST_P256", "keyUsage": "SIGN_VERIFY"},
            "a key store of one's own": {"customKeyStoreId": "cks-1"},
        },
        violating={
            "off": {"enableKeyRotation": False},
            "named": {"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "keyUsage": "ENCRYPT_DECRYPT"},
        },
        default={"description": "registry"},
        default_violates=True,
        unknown={"rotation": {"enableKeyRotation": UNKNOWN}, "kind": {"customerMasterKeySpec": UNKNOWN}},
    ),
    Cases(
        KMS_DELETION,
        compliant={"a month": {"deletionWindowInDays": 30}, "a week where it will do": With({"leastDays": 7}, {"deletionWindowInDays": 7})},
        violating={"a week": Says(("is 7, less than 14",), {"deletionWindowInDays": 7})},
        default={"description": "registry"},
        default_violates=False,
        unknown={"days": {"deletionWindowInDays": UNKNOWN}},
    ),
]
