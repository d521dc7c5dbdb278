"""What a preview plugin may be used for: anything by tests, and a plan by `make preview` of a stack that has nothing in a cloud yet.
Anyone else gets the vendor's plugin, or one clear line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from offline.plugins.framework import ResourceError

REQUEST = "PRIVATE_REGISTRY_PREVIEW_PLUGINS"
"""The environment variable that says what for: one of the two words below."""
TESTS = "1"
PLAN = "plan"
"""Previews only, and only where the vendor's plugin is not installed (stack/cloud_plan.py)."""


def is_test(environment: Mapping[str, str]) -> bool:
    """Tell whether a test asked: then updates pretend too, and the vendor's plugin is left alone."""
    return environment.get(REQUEST) == TESTS


def _refuse(package: str, version: str, why: str) -> ResourceError:
    return ResourceError(
        f"this {package} plugin {why}, and creates nothing; "
        f"install the vendor's plugin to deploy: pulumi plugin install resource {package} v{version}"
    )


def require_request(package: str, version: str) -> None:
    """Raise ResourceError unless asked for: a plugin that pretends must never answer for a real deployment."""
    if os.environ.get(REQUEST) not in (TESTS, PLAN):
        raise _refuse(package, version, "only shows the plan of a stack that has nothing in the cloud yet (make preview)")


def require_test(package: str, version: str) -> None:
    """Raise ResourceError unless a test asked: what is done to resources is only pretended."""
    if not is_test(os.environ):
        raise _refuse(package, version, "only previews")


def installed_vendor_plugin(package: str, version: str, environment: Mapping[str, str]) -> Path | None:
    """Find the vendor's plugin where the CLI installs it; the engine itself would prefer the one on PATH, which is ours."""
    home = Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
    program = home / "plugins" / f"resource-{package}-v{version}" / f"pulumi-resource-{package}"
    return program if os.access(program, os.X_OK) else None
