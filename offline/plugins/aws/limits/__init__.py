"""What AWS, or the vendor's plugin before it, refuses of the resource types that a fleet uses: ranges, patterns, what excludes what.

A table a service: `LIMITS` has single values by path, `TOGETHER` how inputs go together.
"""

from __future__ import annotations

from collections.abc import Mapping

from offline.plugins.framework import CheckFailure, Properties

from . import balancers, cache, machines, network, others
from .together import Together
from .values import Limits, check

_SERVICES = (network, machines, balancers, cache, others)
LIMITS: Mapping[str, Limits] = {token: limits for service in _SERVICES for token, limits in service.LIMITS.items()}
TOGETHER: Mapping[str, tuple[Together, ...]] = {token: checks for service in _SERVICES for token, checks in service.TOGETHER.items()}


def exceeded(token: str, inputs: Properties) -> list[CheckFailure]:
    """Check the inputs of a resource type; they have the right types, and any may be or hold UNKNOWN."""
    found = list(check(LIMITS.get(token, {}), inputs))
    for together in TOGETHER.get(token, ()):
        found += together(inputs)
    return found
