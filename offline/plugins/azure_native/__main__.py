"""Run the azure-native preview plugin; the engine starts it as `pulumi-resource-azure-native`."""

from offline.plugins.preview import run

from .vendor import AzureNative

run(AzureNative())
