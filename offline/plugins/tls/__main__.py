"""Run the tls plugin; the engine starts it as `pulumi-resource-tls`."""

from offline.plugins.framework import serve

from . import PLUGIN

serve(PLUGIN)
