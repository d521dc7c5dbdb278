"""The account that previews pretend to work in."""

from __future__ import annotations

ACCOUNT: str = "123456789012"
"""The account number of AWS's own documentation examples."""


def partition(region: str) -> str:
    """Return the part of AWS that a region belongs to, as ARNs spell it."""
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((name for prefix, name in prefixes.items() if region.startswith(prefix)), "aws")


_DIRECTIONS = {"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}


def short_region(region: str) -> str:
    """Return a region as ElastiCache writes it in host names: `euc1` for eu-central-1, `apse2` for ap-southeast-2."""
    parts = region.replace("us-gov", "usg").split("-")
    inner = "".join(_DIRECTIONS.get(part, part[:1]) for part in parts[1:-1])
    return f"{parts[0]}{inner}{parts[-1]}" if len(parts) > 2 else region


def dns_suffix(region: str) -> str:
    """Return the domain of a region's service endpoints."""
    return "amazonaws.com.cn" if partition(region) == "aws-cn" else "amazonaws.com"
