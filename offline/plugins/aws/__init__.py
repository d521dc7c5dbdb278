"""The aws preview plugin: for previews and stack tests without an account. See `offline.plugins.preview`."""

from __future__ import annotations

from typing import Final

from offline.plugins.preview import preview_plugin

from .vendor import Aws

PLUGIN: Final = preview_plugin(Aws())
