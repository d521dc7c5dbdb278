"""Run the random plugin; the engine starts it as `pulumi-resource-random`."""

from offline.plugins.framework import serve

from . import PLUGIN

serve(PLUGIN)
