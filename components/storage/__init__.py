"""Where blobs live: one module a kind, chosen here and nowhere else."""

from dataclasses import dataclass, field

import pulumi

from bundle.model import StorageSpec
from components.settings.model import Settings, Storage
from components.storage.access import Identity, RoleAccess
from components.storage.filesystem import filesystem_storage


@dataclass(frozen=True)
class ProvisionedStorage:
    """What a storage hands to the bundle and to the hosts.

    `values` are the driver's keys that exist only once its resources do (secret): credentials, where replicas have any. `access` is what
    a role needs, where they have none.
    """

    spec: StorageSpec
    values: pulumi.Output[dict[str, str]] = field(default_factory=lambda: pulumi.Output.from_input({}))
    access: RoleAccess | None = None


def create_storage(name: str, settings: Settings, identity: Identity, opts: pulumi.ResourceOptions) -> ProvisionedStorage:
    """The storage that the settings ask for. The cloud SDKs are large, so only the one that is needed is imported."""
    match settings.storage:
        case Storage.FILESYSTEM:
            return ProvisionedStorage(filesystem_storage())
        case Storage.S3:
            from components.storage.s3 import S3Storage, S3StorageArgs  # noqa: PLC0415

            if settings.s3 is None:
                raise AssertionError("the settings are validated")
            s3 = S3Storage(name, S3StorageArgs(settings.s3, settings.registry_major, identity, settings.allow_destroy), opts)
            return ProvisionedStorage(s3.spec, s3.values, s3.access)
        case Storage.AZURE:
            from components.storage.azure_blob import AzureBlobStorage, AzureBlobStorageArgs  # noqa: PLC0415

            if settings.azure_blob is None:
                raise AssertionError("the settings are validated")
            azure = AzureBlobStorage(name, AzureBlobStorageArgs(settings.azure_blob, settings.registry_major, settings.allow_destroy), opts)
            return ProvisionedStorage(azure.spec, azure.values)
