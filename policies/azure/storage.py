"""Storage accounts and blob containers."""

from collections.abc import Iterator

from policies.azure.types import BLOB_CONTAINERS, BLOB_SERVICES, STORAGE_ACCOUNTS, AnyVersion, api_version
from policies.beside import has_beside, of_types
from policies.rule import Finding, Level, Parameter, Resource, Result, Rule, Stack, StackResult, StackRule, Undecided, about, each
from policies.values import View

_HTTPS_BY_DEFAULT = "20190401"


def _https(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means true since API version 2019-04-01
    (https://learn.microsoft.com/azure/storage/common/storage-require-secure-transfer)."""
    https = resource.props.flag("enableHttpsTrafficOnly")
    version = api_version(resource.type)
    if https is False:
        yield Finding("enableHttpsTrafficOnly is false")
    elif https is None and version is not None and version < _HTTPS_BY_DEFAULT:
        yield Finding(f"enableHttpsTrafficOnly is not set, which is false for API version {version}")


STORAGE_HTTPS = Rule(
    id="azure-storage-https",
    title="Storage accounts take HTTPS only",
    why="Over plain HTTP, images and the signatures that give access to them can be read and changed on the way.",
    fix="Set enableHttpsTrafficOnly to true.",
    types=STORAGE_ACCOUNTS,
    check=_https,
)


def _tls(resource: Resource, _: View) -> Iterator[Result]:
    """Unset is read as TLS 1.0 (https://www.pulumi.com/registry/packages/azure-native/api-docs/storage/storageaccount/)."""
    version = resource.props.text("minimumTlsVersion")
    if version not in ("TLS1_2", "TLS1_3"):
        yield Finding(f"minimumTlsVersion is {version or 'not set'}")


STORAGE_TLS = Rule(
    id="azure-storage-tls-version",
    title="Storage accounts speak TLS 1.2 or newer",
    why="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996).",
    fix="Set minimumTlsVersion to TLS1_2.",
    types=STORAGE_ACCOUNTS,
    check=_tls,
)


def _public(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means no public access, for accounts since August 2023
    (https://techcommunity.microsoft.com/t5/azure-storage-blog/azure-storage-updating-some-default-security-settings-on-new/ba-p/3819554)
    and for containers always."""
    if resource.type in STORAGE_ACCOUNTS:
        if resource.props.flag("allowBlobPublicAccess"):
            yield Finding("allowBlobPublicAccess is true: each container may be made public")
        return
    access = resource.props.text("publicAccess")
    if access not in (None, "None"):
        yield Finding(f"publicAccess is {access}")


STORAGE_PUBLIC = Rule(
    id="azure-storage-public-access",
    title="No blob is public",
    why="Public blobs are images that anybody pulls without an account, past the registry.",
    fix="Set allowBlobPublicAccess to false on the account and publicAccess to None on the container.",
    types=AnyVersion((*STORAGE_ACCOUNTS, *BLOB_CONTAINERS)),
    check=_public,
)


def _soft_delete(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means off (https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview,
    https://learn.microsoft.com/azure/storage/blobs/versioning-overview)."""
    yield from each([resource.props.view("deleteRetentionPolicy"), resource.props.view("containerDeleteRetentionPolicy")], _kept)
    if parameters.flag("versions") and resource.props.flag("isVersioningEnabled") is not True:
        yield Finding("isVersioningEnabled is not true")


def _kept(policy: View) -> Iterator[Result]:
    if policy.flag("enabled") is not True:
        yield Finding(f"{policy.at('enabled')} is not true")


STORAGE_SOFT_DELETE = Rule(
    id="azure-storage-soft-delete",
    title="Deleted and overwritten blobs are kept for a while",
    why="Without, an image that somebody or something deletes is gone.",
    fix="Enable deleteRetentionPolicy and containerDeleteRetentionPolicy, and set isVersioningEnabled to true.",
    types=BLOB_SERVICES,
    parameters={"versions": Parameter(True, "Whether versions are demanded; an account with hierarchical names can't have them.")},
    check=_soft_delete,
)


def _deletion(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means that destroy deletes it with its content, and that what is deleted softly stays until its time is over
    (https://learn.microsoft.com/azure/storage/blobs/soft-delete-blob-overview)."""
    if resource.type in BLOB_SERVICES:
        if resource.props.view("deleteRetentionPolicy").flag("allowPermanentDelete"):
            yield Finding("deleteRetentionPolicy.allowPermanentDelete is true: soft delete can be got around")
    elif not resource.protect:
        yield Finding("the option protect is off: destroy, or a change of its name, deletes it with every image in it")


STORAGE_DELETION = Rule(
    id="azure-storage-deletion",
    title="Storage accounts, containers and their blobs are protected from deletion",
    why="They are the registry: everything else in the stack can be made again. Short-lived stacks do without, so this is advice.",
    fix="Set the resource option protect to true (in this project: allowDestroy: false), and leave allowPermanentDelete off.",
    level=Level.ADVISORY,
    types=AnyVersion((*STORAGE_ACCOUNTS, *BLOB_CONTAINERS, *BLOB_SERVICES)),
    check=_deletion,
)


def _has_soft_delete(stack: Stack, _: View) -> Iterator[StackResult]:
    """Without this resource both kinds of soft delete are off (they are the portal's default, not the API's)."""
    for account in of_types(stack, STORAGE_ACCOUNTS):
        yield from about(account, lambda account=account: _service(stack, account))


def _service(stack: Stack, account: Resource) -> Iterator[Result]:
    found = has_beside(stack, account, "accountName", BLOB_SERVICES)
    if isinstance(found, Undecided):
        yield found
    elif not found:
        yield Finding("the account has no BlobServiceProperties")


STORAGE_HAS_SOFT_DELETE = StackRule(
    id="azure-storage-has-soft-delete",
    title="Every storage account says what is kept of deleted blobs",
    why="An account keeps nothing unless it is told. Accounts for logs or caches may do without, so this is advice.",
    fix="Add BlobServiceProperties for the account with soft delete and versions (the rule azure-storage-soft-delete reads them).",
    level=Level.ADVISORY,
    types=STORAGE_ACCOUNTS,
    check=_has_soft_delete,
)

_HOSTS = AnyVersion(
    (
        "azure-native:compute:VirtualMachine",
        "azure-native:compute:VirtualMachineScaleSet",
        "azure-native:containerservice:ManagedCluster",
        "azure-native:containerinstance:ContainerGroup",
        "azure-native:app:ContainerApp",
    )
)


def _shared_key(stack: Stack, _: View) -> Iterator[StackResult]:
    """Unset means true (https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent)."""
    hosts = of_types(stack, _HOSTS)
    if hosts:
        for account in of_types(stack, STORAGE_ACCOUNTS):
            yield from about(account, lambda account=account: _key_allowed(account, hosts[0]))


def _key_allowed(account: Resource, host: Resource) -> Iterator[Result]:
    if account.props.flag("allowSharedKeyAccess") is not False:
        yield Finding(f"allowSharedKeyAccess is not false in a stack whose hosts are in Azure ({host.name})")


STORAGE_SHARED_KEY = StackRule(
    id="azure-storage-shared-key",
    title="Hosts in Azure use a managed identity, not the account's key",
    why="A shared key may do everything with the account, from everywhere, until somebody replaces it, and no log says who used it.",
    fix="Give the hosts an identity with the role Storage Blob Data Contributor on the container, and set allowSharedKeyAccess to false.",
    types=STORAGE_ACCOUNTS,
    check=_shared_key,
)
