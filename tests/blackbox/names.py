"""Names that no earlier run has used: the suite also runs against registries that keep their content."""

import secrets


def fresh(area: str) -> str:
    """A repository name of its own below `area`."""
    return f"{area}/{secrets.token_hex(6)}"
