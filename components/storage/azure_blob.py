"""Blobs in Azure: a storage account and container, new or existing, or an endpoint of another cloud or an emulator."""

from dataclasses import dataclass

import pulumi

from bundle.model import RegistryMajor, StorageSpec, SweeperSpec
from components.settings.object_storage import AzureBlobSettings

COPY_CUTOFF = "5Ti"
"""rclone copies larger blobs (default: 8 MiB) in parts of 4 MiB, one request each. Inside one account one request copies the whole blob
(https://rclone.org/azureblob/#azureblob-use-copy-blob), but rclone 1.71 does not see that it is one account when the folders differ."""


@dataclass(frozen=True)
class AzureBlobStorageArgs:
    """The settings, the registry's version (its keys differ), and whether the account may be deleted."""

    azure_blob: AzureBlobSettings
    registry_major: RegistryMajor
    allow_destroy: bool


def azure_spec(settings: AzureBlobSettings, major: RegistryMajor) -> StorageSpec:
    """The storage record, without the key."""
    parameters: dict[str, object] = {"accountname": settings.account, "container": settings.container}
    if major is RegistryMajor.V3:
        parameters["credentials"] = {"type": "shared_key"}
        if settings.endpoint:
            parameters["serviceurl"] = settings.endpoint
        if settings.prefix:
            parameters["rootdirectory"] = f"/{settings.prefix}"
    section = {"type": "azureblob", "account": settings.account, "no_check_container": "true", "copy_cutoff": COPY_CUTOFF}
    if settings.endpoint:
        section["endpoint"] = settings.endpoint
    root = f"{settings.container}/{settings.prefix}" if settings.prefix else settings.container
    sweeper = SweeperSpec(section, root, {"key": "accountkey"})
    return StorageSpec(driver="azure", parameters=parameters, sweeper=sweeper, redirect=settings.redirects)


class AzureBlobStorage(pulumi.ComponentResource):
    """In Azure: resource group (unless named), storage account and container (unless they exist). With an endpoint no resource at all.

    Hosts outside Azure use the account's shared key; hosts in Azure have an identity instead (a later platform).
    """

    spec: StorageSpec
    values: pulumi.Output[dict[str, str]]
    """`accountkey`; secret."""

    def __init__(self, name: str, args: AzureBlobStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AzureBlobStorage", name, None, opts)
        settings = args.azure_blob
        self.spec = azure_spec(settings, args.registry_major)
        if settings.account_key:
            key = pulumi.Output.from_input(settings.account_key.get_secret_value())
        else:
            # Seconds to import, and only Azure itself needs it.
            from components.storage.azure_account import AzureAccount, AzureAccountArgs  # noqa: PLC0415

            key = AzureAccount(name, AzureAccountArgs(settings, args.allow_destroy), pulumi.ResourceOptions(parent=self)).key
        self.values = pulumi.Output.secret(key.apply(lambda text: {"accountkey": text}))
        self.register_outputs({})
