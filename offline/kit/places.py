"""Where the kit reads and writes: this checkout, its state, and the cache that all checkouts of a user share."""

import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
STATE = REPO / ".state"
BIN = STATE / "bin"
TOOLS = STATE / "tools"
PULUMI_HOME = STATE / "pulumi-home"
"""Home folder of the kit's pulumi: this checkout's plugins and pulumi's own logs."""
EXAMPLE_IMAGE = "hello"
"""In STATE, the image that comes back in the example of `make up`: below the checkout, so that nobody else's try is in the way."""
VENV = REPO / ".venv"
VENV_PYTHON = VENV / "bin" / "python"


def cache() -> Path:
    """The kit's cache. Raises nothing: the folder may not exist yet."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "private-registry"
