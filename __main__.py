"""Deploys the private registry that the stack file describes."""

import gc

# What imports make stays: to look through it for garbage, again and again, is a sixth of the program's start.
gc.disable()

import pulumi  # noqa: E402 - see above

from components import ended_monitor  # noqa: E402
from components.registry import PrivateRegistry, PrivateRegistryArgs  # noqa: E402
from components.settings.load import load, prefix_of  # noqa: E402

gc.freeze()
gc.enable()

ended_monitor.leave_to_the_engine()
settings = load()
registry = PrivateRegistry(prefix_of(settings, pulumi.get_stack()), PrivateRegistryArgs(settings))

pulumi.export("url", registry.url)
pulumi.export("caCertificate", registry.ca_certificate)
pulumi.export("accounts", registry.accounts)
pulumi.export("clientSetup", registry.client_setup)
pulumi.export("address", registry.address)
pulumi.export("opsCommand", registry.ops_command)
