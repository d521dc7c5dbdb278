"""Started by pulumi as the policy pack. Serves the rules until pulumi ends it."""

import gc
import sys
from pathlib import Path

# What imports make stays: to look through it for garbage, again and again, is a fifth of the pack's start.
gc.disable()

# Pulumi runs this folder as a program; the package's modules are found from the folder above.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pulumi_policy import PolicyPack  # noqa: E402 - see above

from policies.pack import NAME, policies  # noqa: E402

gc.freeze()
gc.enable()

PolicyPack(NAME, policies())
