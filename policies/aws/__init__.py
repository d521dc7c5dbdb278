"""Rules on AWS resources."""

from policies.aws.cache import CACHE_AUTH, CACHE_FAILOVER, CACHE_REST, CACHE_TRANSIT
from policies.aws.fleet import GROUP_HEALTH, GROUP_REFRESH
from policies.aws.iam_keys import IAM_KEYS
from policies.aws.iam_policies import IAM_ACTIONS, IAM_ADMINISTRATOR, IAM_RESOURCES, IAM_TRUST
from policies.aws.ingress import INGRESS_WORLD, INGRESS_WORLD_HTTPS
from policies.aws.listeners import (
    BALANCER_DELETION,
    LISTENER_PLAIN,
    LISTENER_RE_ENCRYPTS,
    LISTENER_TLS,
    TARGET_GROUP_PLAIN,
    TARGET_HEALTH,
)
from policies.aws.machines import DISKS, IMDS_HOPS, IMDS_V2, PUBLIC_IP, USER_DATA
from policies.aws.objects import OBJECT_SECRET
from policies.aws.public_policy import PUBLIC_POLICY
from policies.aws.reach import FLEET_REACH
from policies.aws.s3_access import S3_ACLS_OFF, S3_PUBLIC_ACCESS_BLOCK, S3_PUBLIC_ACL
from policies.aws.s3_data import S3_DELETION, S3_ENCRYPTION, S3_VERSIONING
from policies.aws.s3_policy import S3_TLS_ONLY
from policies.aws.s3_stack import S3_BUCKET_BLOCKED, S3_BUCKET_TLS_ONLY, S3_BUCKET_VERSIONED
from policies.aws.secrets import KMS_DELETION, KMS_ROTATION, SECRET_KEY, SECRET_RECOVERY
from policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (
    S3_PUBLIC_ACCESS_BLOCK,
    S3_PUBLIC_ACL,
    S3_ACLS_OFF,
    S3_ENCRYPTION,
    S3_VERSIONING,
    S3_TLS_ONLY,
    S3_DELETION,
    S3_BUCKET_BLOCKED,
    S3_BUCKET_TLS_ONLY,
    S3_BUCKET_VERSIONED,
    PUBLIC_POLICY,
    IAM_ACTIONS,
    IAM_RESOURCES,
    IAM_ADMINISTRATOR,
    IAM_TRUST,
    IAM_KEYS,
    INGRESS_WORLD,
    INGRESS_WORLD_HTTPS,
    LISTENER_PLAIN,
    LISTENER_TLS,
    LISTENER_RE_ENCRYPTS,
    TARGET_GROUP_PLAIN,
    TARGET_HEALTH,
    BALANCER_DELETION,
    FLEET_REACH,
    GROUP_HEALTH,
    GROUP_REFRESH,
    IMDS_V2,
    IMDS_HOPS,
    DISKS,
    PUBLIC_IP,
    USER_DATA,
    OBJECT_SECRET,
    CACHE_TRANSIT,
    CACHE_REST,
    CACHE_AUTH,
    CACHE_FAILOVER,
    SECRET_RECOVERY,
    SECRET_KEY,
    KMS_ROTATION,
    KMS_DELETION,
)
