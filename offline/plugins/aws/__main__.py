"""Run the aws preview plugin; the engine starts it as `pulumi-resource-aws`."""

from offline.plugins.preview import run

from .vendor import Aws

run(Aws())
