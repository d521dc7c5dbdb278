"""A storage account and its container, and the shared key that a host outside Azure uses."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import Provider, resources, storage

from components.settings.object_storage import AzureBlobSettings


@dataclass(frozen=True)
class AzureAccountArgs:
    """The settings, and whether the account may be deleted."""

    azure_blob: AzureBlobSettings
    allow_destroy: bool


class AzureAccount(pulumi.ComponentResource):
    """A storage account: HTTPS with TLS 1.2 or newer, no public blobs, soft delete and versions; a private container.

    Account and container are protected from deletion unless `allow_destroy`. An account that exists is looked up and not changed.
    """

    key: pulumi.Output[str]
    """The shared key in use; secret."""

    def __init__(self, name: str, args: AzureAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AzureAccount", name, None, opts)
        self._name = name
        self._args = args
        self._provider = Provider(f"{name}-azure", location=args.azure_blob.location, opts=pulumi.ResourceOptions(parent=self))
        settings = args.azure_blob
        if settings.create_account:
            group, account = self._create(settings)
        else:
            group, account = pulumi.Output.from_input(settings.resource_group or ""), pulumi.Output.from_input(settings.account)
        listed = storage.list_storage_account_keys_output(
            account_name=account, resource_group_name=group, opts=pulumi.InvokeOutputOptions(parent=self, provider=self._provider)
        )
        self.key = pulumi.Output.secret(listed.apply(lambda found: _named_key(found.keys, settings.key)))
        self.register_outputs({})

    def _child(self, *, protect: bool = False) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=self._provider, protect=protect and not self._args.allow_destroy)

    def _create(self, settings: AzureBlobSettings) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """Returns the resource group's and the account's names, the latter known when the container exists."""
        if settings.resource_group:
            group = pulumi.Output.from_input(settings.resource_group)
        else:
            group = resources.ResourceGroup(
                f"{self._name}-images", resource_group_name=self._name, location=settings.location, opts=self._child(protect=True)
            ).name
        account = storage.StorageAccount(
            f"{self._name}-images",
            account_name=settings.account,
            resource_group_name=group,
            location=settings.location,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=settings.redundancy),
            enable_https_traffic_only=True,
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            allow_blob_public_access=False,
            allow_cross_tenant_replication=False,
            # A host outside Azure has no identity there: the shared key is what it has.
            allow_shared_key_access=True,
            encryption=storage.EncryptionArgs(
                key_source=storage.KeySource.MICROSOFT_STORAGE,
                require_infrastructure_encryption=settings.infrastructure_encryption,
                services=storage.EncryptionServicesArgs(blob=storage.EncryptionServiceArgs(enabled=True, key_type=storage.KeyType.ACCOUNT)),
            ),
            opts=self._child(protect=True),
        )
        kept = storage.DeleteRetentionPolicyArgs(enabled=True, days=settings.soft_delete_days)
        storage.BlobServiceProperties(
            f"{self._name}-images",
            account_name=account.name,
            resource_group_name=group,
            blob_services_name="default",
            is_versioning_enabled=True,
            delete_retention_policy=kept,
            container_delete_retention_policy=kept,
            opts=self._child(),
        )
        container = storage.BlobContainer(
            f"{self._name}-images",
            account_name=account.name,
            resource_group_name=group,
            container_name=settings.container,
            public_access=storage.PublicAccess.NONE,
            opts=self._child(protect=True),
        )
        return group, pulumi.Output.all(account.name, container.id).apply(lambda found: str(found[0]))


def _named_key(keys: Sequence[storage.outputs.StorageAccountKeyResponse], wanted: str) -> str:
    for key in keys:
        if key.key_name == wanted:
            return key.value
    raise pulumi.RunError(
        f"the storage account has no key called {wanted}: set azureBlob.key to one of {', '.join(k.key_name for k in keys)}"
    )
