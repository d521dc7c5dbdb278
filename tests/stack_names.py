"""Names of test stacks. Two test runs may share one Docker engine, so every run has names of its own, and so has each of its workers."""

import os
import secrets

ENVIRONMENT = "REGISTRY_TEST_RUN"
"""The run's mark; `make test` sets it for the tests that it starts, so that it can remove what a killed test left behind."""

RUN = os.environ.setdefault(ENVIRONMENT, secrets.token_hex(2))
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").replace("gw", "w")


def stack_name(purpose: str) -> str:
    """Name of this process's stack for a purpose, like `t-3fa9-live3`, or `t-3fa9-w2-live3` in a worker of pytest-xdist."""
    return "-".join(["t", RUN, *([_WORKER] if _WORKER else []), purpose])
