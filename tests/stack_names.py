"""Names of test stacks. Two test runs may share one Docker engine, so every run has names of its own."""

import os
import secrets

ENVIRONMENT = "REGISTRY_TEST_RUN"
"""The run's mark; `make test` sets it for the tests that it starts, so that it can remove what a killed test left behind."""

RUN = os.environ.setdefault(ENVIRONMENT, secrets.token_hex(2))


def stack_name(purpose: str) -> str:
    """Name of this run's stack for a purpose, like `t-3fa9-live3`."""
    return f"t-{RUN}-{purpose}"
