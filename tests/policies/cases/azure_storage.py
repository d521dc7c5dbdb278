"""Cases of the rules on storage accounts and containers."""

from typing import Any

from policies.azure.storage import (
    STORAGE_DELETION,
    STORAGE_HAS_SOFT_DELETE,
    STORAGE_HTTPS,
    STORAGE_PUBLIC,
    STORAGE_SHARED_KEY,
    STORAGE_SOFT_DELETE,
    STORAGE_TLS,
)
from policies.rule import Resource
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, With, resource

ACCOUNT = "azure-native:storage:StorageAccount"
CONTAINER = "azure-native:storage:BlobContainer"
SERVICE = "azure-native:storage:BlobServiceProperties"
KEPT = {"enabled": True, "days": 30}
SAFE = {"deleteRetentionPolicy": KEPT, "containerDeleteRetentionPolicy": KEPT, "isVersioningEnabled": True}


def account(type_: str = ACCOUNT, **props: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """A storage account."""
    return resource(type_, "images", {"accountName": "teamimages", **props})


def service(of: Resource | None, name: object = UNKNOWN) -> Resource:
    """What configures the account's blobs."""
    dependencies = {"accountName": (of.identity,)} if of else {}
    return resource(SERVICE, "service", {"accountName": name}, property_dependencies=dependencies)


SCALE_SET = resource("azure-native:compute/v20240701:VirtualMachineScaleSet", "hosts")

CASES = [
    Cases(
        STORAGE_HTTPS,
        compliant={
            "on": {"enableHttpsTrafficOnly": True},
            "default of a version": resource("azure-native:storage/v20230101:StorageAccount"),
            "default of a version, newer SDK": resource("azure-native_storage_v20230101:storage:StorageAccount"),
        },
        violating={
            "off": Says(("is false",), {"enableHttpsTrafficOnly": False}),
            "off, in a version": resource("azure-native:storage/v20230101:StorageAccount", props={"enableHttpsTrafficOnly": False}),
            "off, newer SDK": resource("azure-native_storage_v20230101:storage:StorageAccount", props={"enableHttpsTrafficOnly": False}),
            "default of an old version": Says(("20180701",), resource("azure-native:storage/v20180701:StorageAccount")),
        },
        default={"kind": "StorageV2"},
        default_violates=False,
        unknown={"https": {"enableHttpsTrafficOnly": UNKNOWN}},
    ),
    Cases(
        STORAGE_TLS,
        compliant={"1.2": {"minimumTlsVersion": "TLS1_2"}, "1.3": {"minimumTlsVersion": "TLS1_3"}},
        violating={
            "1.0": Says(("TLS1_0",), {"minimumTlsVersion": "TLS1_0"}),
            "1.1, in a preview version": resource(
                "azure-native:storage/v20200801preview:StorageAccount", props={"minimumTlsVersion": "TLS1_1"}
            ),
        },
        default={"kind": "StorageV2"},
        default_violates=True,
        unknown={"version": {"minimumTlsVersion": UNKNOWN}},
    ),
    Cases(
        STORAGE_PUBLIC,
        compliant={
            "off": {"allowBlobPublicAccess": False},
            "a container": resource(CONTAINER, props={"publicAccess": "None"}),
            "default": resource(CONTAINER),
        },
        violating={
            "on": Says(("allowBlobPublicAccess",), {"allowBlobPublicAccess": True}),
            "a container": Says(("publicAccess is Blob",), resource(CONTAINER, props={"publicAccess": "Blob"})),
            "a container of a version": resource("azure-native:storage/v20220901:BlobContainer", props={"publicAccess": "Container"}),
        },
        default={"kind": "StorageV2"},
        default_violates=False,
        unknown={"account": {"allowBlobPublicAccess": UNKNOWN}, "container": resource(CONTAINER, props={"publicAccess": UNKNOWN})},
    ),
    Cases(
        STORAGE_SOFT_DELETE,
        compliant={"all": SAFE, "without versions": With({"versions": False}, {**SAFE, "isVersioningEnabled": False})},
        violating={
            "blobs": Says(("deleteRetentionPolicy.enabled",), {**SAFE, "deleteRetentionPolicy": {"enabled": False}}),
            "containers": Says(("containerDeleteRetentionPolicy.enabled",), {**SAFE, "containerDeleteRetentionPolicy": None}),
            "versions": Says(("isVersioningEnabled",), {**SAFE, "isVersioningEnabled": False}),
        },
        default={"blobServicesName": "default"},
        default_violates=True,
        unknown={
            "blobs": {**SAFE, "deleteRetentionPolicy": UNKNOWN},
            "containers": {**SAFE, "containerDeleteRetentionPolicy": {"enabled": UNKNOWN}},
            "versions": {**SAFE, "isVersioningEnabled": UNKNOWN},
        },
    ),
    Cases(
        STORAGE_HAS_SOFT_DELETE,
        compliant={
            "by where the name comes from": [account(), service(account())],
            "by name": [account(), service(None, "teamimages")],
            "of a version": [account("azure-native:storage/v20230101:StorageAccount"), service(None, "teamimages")],
        },
        violating={
            "of another account": [account(), service(None, "teamlogs")],
            "of a version": [account("azure-native:storage/v20230101:StorageAccount")],
        },
        default=[resource(ACCOUNT)],
        default_violates=True,
        unknown={
            "whose it is": [account(), service(None)],
            "the account's name": [account(accountName=UNKNOWN), service(None, "teamimages")],
        },
        ignored={"no account": [service(None, "teamimages")]},
    ),
    Cases(
        STORAGE_DELETION,
        compliant={
            "account": resource(ACCOUNT, protect=True),
            "container": resource(CONTAINER, protect=True),
            "blobs": resource(SERVICE, props=SAFE),
        },
        violating={
            "account": Says(("protect",), account()),
            "container": resource(CONTAINER),
            "blobs": Says(
                ("allowPermanentDelete",), resource(SERVICE, props={"deleteRetentionPolicy": {**KEPT, "allowPermanentDelete": True}})
            ),
        },
        default={},
        default_violates=True,
        unknown={"blobs": resource(SERVICE, props={"deleteRetentionPolicy": UNKNOWN})},
    ),
    Cases(
        STORAGE_SHARED_KEY,
        compliant={
            "hosts elsewhere": [account(allowSharedKeyAccess=True), resource("docker:index/container:Container")],
            "identity": [SCALE_SET, account(allowSharedKeyAccess=False)],
        },
        violating={
            "a fleet": Says(("hosts",), [account(allowSharedKeyAccess=True), SCALE_SET]),
            "default": [account(), resource("azure-native:compute:VirtualMachine")],
        },
        default=[resource(ACCOUNT), SCALE_SET],
        default_violates=True,
        unknown={"key": [SCALE_SET, account(allowSharedKeyAccess=UNKNOWN)]},
    ),
]
