"""The images that tests run: the offline kit's where they were built on this engine, else the vendor's."""

import subprocess
from dataclasses import dataclass

from components.settings.model import ImagesSettings


@dataclass(frozen=True)
class TestImages:
    """Image reference per role."""

    __test__ = False

    registry: str
    registry_2: str
    edge: str
    redis: str
    config: str
    ops: str
    sweeper: str


def _offline(role: str) -> list[str]:
    listed = subprocess.run(
        ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"offline/{role}"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return sorted(line for line in listed.stdout.split() if not line.endswith(":<none>"))


def find_images() -> TestImages:
    """Asks the Docker engine."""
    default = ImagesSettings()

    def newest(role: str, otherwise: str, begins: str = "") -> str:
        found = [image for image in _offline(role) if image.partition(":")[2].startswith(begins)]
        return found[-1] if found else otherwise

    return TestImages(
        registry=newest("registry", default.registry, "3."),
        registry_2=newest("registry", "registry:2.8.3", "2."),
        edge=newest("edge", default.edge),
        redis=newest("redis", default.redis),
        config=newest("config", default.config),
        ops=newest("ops", default.ops),
        sweeper=newest("sweeper", default.sweeper),
    )
