"""The azure-native preview plugin: for previews and stack tests without a subscription. See `offline.plugins.preview`."""

from __future__ import annotations

from typing import Final

from offline.plugins.preview import preview_plugin

from .vendor import AzureNative

PLUGIN: Final = preview_plugin(AzureNative())
