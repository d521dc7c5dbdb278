"""The real programs that the live tests start, and whether this machine has them."""

import os
import shutil
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "private-registry"


def registry(major: int) -> str | None:
    """The registry's binary: 3.x as the offline kit builds it, 2.8 as Debian packages it."""
    if major == 2:
        return shutil.which("docker-registry")
    built = sorted((CACHE / "registry").glob("*/bin/registry"))
    return str(built[-1]) if built else None


def missing() -> list[str]:
    """What a live test would need and does not find."""
    programs = [name for name in ("nginx", "redis-server", "rclone", "docker-registry", "wget") if not shutil.which(name)]
    return programs if registry(3) else [*programs, "registry 3"]


def require() -> None:
    """Fails a live test that does not find what it needs: `make test` installs it."""
    absent = missing()
    assert not absent, f"not on this machine: {', '.join(absent)}; `make test` installs what tests need"
