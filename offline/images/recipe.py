"""What an image of the kit is made of."""

import hashlib
import json
from dataclasses import asdict, dataclass, field

SUITE = "trixie"

# Raise this when the way of building changes, so that images from before are not taken for current ones.
_BUILDER = 2


@dataclass(frozen=True)
class Recipe:
    """One image: Debian packages unpacked (never configured), cut down, with a few links and a start command."""

    role: str
    tag: str
    """Name and tag; `{version}` is filled in from what was really unpacked."""
    packages: tuple[str, ...]
    version_from: str
    """The package whose changelog gives `{version}`."""
    command: tuple[str, ...]
    keep: tuple[str, ...] = ()
    """When given, only these paths (with all below them) stay."""
    links: tuple[tuple[str, str], ...] = ()
    """Symbolic links: path, target."""
    folders: tuple[str, ...] = ()
    go_binary: bool = False
    """Whether a program built from its Go module (gobuild.IMAGE_PROGRAMS, by role) is put in, below /usr/bin."""
    version: str | None = None
    """The version when it does not come from a package."""
    environment: tuple[tuple[str, str], ...] = field(default=())

    def fingerprint(self, extra: str = "") -> str:
        """Changes whenever the image would be built differently. `extra` names inputs beyond the recipe."""
        text = json.dumps([_BUILDER, SUITE, asdict(self), extra], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


# Every image has busybox-static, for `sh`, `wget` and the other small commands that our services call. base-files brings the
# folder layout with the links /bin, /lib and /lib64 that unpacked packages rely on.
_BASE = ("base-files", "busybox-static")

CONFIG = Recipe(
    role="config",
    tag="offline/config:busybox-{version}",
    packages=_BASE,
    version_from="busybox-static",
    keep=("usr/bin/busybox",),
    command=("sh",),
)

REGISTRY = Recipe(
    role="registry",
    tag="offline/registry:{version}",
    version="3.1.2",
    packages=(*_BASE, "ca-certificates"),
    version_from="busybox-static",
    keep=("usr/bin/busybox", "usr/share/ca-certificates"),
    go_binary=True,
    command=("registry", "serve", "/etc/distribution/config.yml"),
    # Without this the registry sends traces to localhost.
    environment=(("OTEL_TRACES_EXPORTER", "none"),),
)

REGISTRY_2 = Recipe(
    role="registry-2.8",
    tag="offline/registry:{version}",
    packages=(*_BASE, "ca-certificates", "docker-registry"),
    version_from="docker-registry",
    links=(("usr/bin/registry", "docker-registry"),),
    command=("registry", "serve", "/etc/docker/registry/config.yml"),
)

EDGE = Recipe(
    role="edge",
    tag="offline/edge:nginx-{version}",
    packages=(*_BASE, "libc-bin", "nginx-light"),
    version_from="nginx",
    folders=("var/log/nginx", "var/lib/nginx"),
    # nginx opens the log that was compiled in before it reads its configuration; the container's own output takes it.
    links=(("var/log/nginx/error.log", "/dev/stderr"), ("var/log/nginx/access.log", "/dev/stdout")),
    command=("nginx", "-g", "daemon off;"),
)

REDIS = Recipe(
    role="redis",
    tag="offline/redis:{version}",
    packages=(*_BASE, "redis-server"),
    version_from="redis-server",
    command=("redis-server",),
)

OPS = Recipe(
    role="ops",
    tag="offline/ops:python-{version}",
    packages=(*_BASE, "ca-certificates", "python3"),
    version_from="python3.13",
    command=("python3",),
)

SWEEPER = Recipe(
    role="sweeper",
    tag="offline/sweeper:rclone-{version}",
    # Debian's rclone, 1.60, reaches no Azure endpoint but Azure's own with an account's key.
    version="1.71.0",
    packages=(*_BASE, "ca-certificates"),
    version_from="busybox-static",
    keep=("usr/bin/busybox", "usr/share/ca-certificates"),
    go_binary=True,
    command=("rclone", "version"),
)

STACK_IMAGES = (REGISTRY, EDGE, REDIS, CONFIG, OPS, SWEEPER)
ALL = {recipe.role: recipe for recipe in (*STACK_IMAGES, REGISTRY_2)}
