"""Images of whole machines: Debian with systemd and cloud-init, for tests of what a VM does at its first boot.

A machine runs as a container with systemd as its first process. Unlike the other images these are installed for real (every package is
configured), and they hold a package repository of their own: the first boot installs packages from it as it would from Debian's mirrors.
"""

import hashlib
import json
import os
import platform
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from offline.images.packages import ensure_mmdebstrap, known_mirrors
from offline.images.recipe import SUITE
from offline.kit.command import run
from offline.kit.engine_api import Engine
from offline.kit.lock import locked
from offline.kit.places import cache
from offline.kit.progress import say, step

_LABEL = "private-registry.offline"
_BUILDER = 1
_REPOSITORY = "/srv/apt"
_BUILD_SECONDS = 900.0

# What Debian's cloud images have of it. iptables, containers and the like come with the packages of the first boot.
_BASE = ("ca-certificates", "cloud-init", "dbus", "iproute2", "netbase", "procps", "python3", "systemd", "systemd-sysv", "tzdata")
FIRST_BOOT_PACKAGES = ("docker.io", "docker-cli", "docker-compose", "python3-boto3", "apparmor")
"""What a host's first boot installs (host/boot.py), and the base does not have."""

# Runs outside the new root ($1) with the mirrors still in its sources. apt of the machine that builds fetches; nothing of it is kept.
_HOOK = f"""set -eu
mkdir -p "$1{_REPOSITORY}/partial"
APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --yes --quiet --no-install-recommends --download-only --reinstall \\
  -o Dir::Cache::archives="$1{_REPOSITORY}" install {" ".join(FIRST_BOOT_PACKAGES)}
rm -rf "$1{_REPOSITORY}/partial" "$1{_REPOSITORY}/lock"
cd "$1{_REPOSITORY}"
for package in *.deb; do
  dpkg-deb --field "$package"
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$package" "$(stat -c %s "$package")" "$(sha256sum "$package" | cut -d ' ' -f 1)"
done > Packages
rm -rf "$1"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:{_REPOSITORY} ./' > "$1/etc/apt/sources.list"
# A container's disk is thrown away: waiting for it after each file proves nothing.
echo force-unsafe-io > "$1/etc/dpkg/dpkg.cfg.d/unsafe-io"
"""


@dataclass(frozen=True)
class Machine:
    """One kind of machine: `installed` says whether it has the packages of the first boot already, so that a boot takes less time."""

    role: str
    tag: str
    installed: bool

    @property
    def packages(self) -> tuple[str, ...]:
        return (*_BASE, *(FIRST_BOOT_PACKAGES if self.installed else ()))

    def fingerprint(self) -> str:
        """Changes whenever the image would be built differently."""
        text = json.dumps([_BUILDER, SUITE, asdict(self), self.packages, _HOOK], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


BARE = Machine("vm", f"offline/vm:{SUITE}", installed=False)
INSTALLED = Machine("vm-installed", f"offline/vm-installed:{SUITE}", installed=True)
MACHINES = (BARE, INSTALLED)


def provide(engine: Engine, machine: Machine) -> str:
    """The tag of the machine's image, built now when the engine does not have it. Raises KitError when that fails."""
    label = f"{_LABEL}.recipe={machine.fingerprint()}"
    with locked(cache() / f"{machine.role}.lock", f"image {machine.tag}"):
        return engine.image_with_label(label, machine.tag.partition(":")[0]) or _build(engine, machine)


def _build(engine: Engine, machine: Machine) -> str:
    ensure_mmdebstrap()
    with step(f"building image {machine.tag} from Debian {SUITE} packages (about a minute)"), tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "root.tar"
        mode = "root" if os.geteuid() == 0 else "unshare"
        options = ["--quiet", f"--mode={mode}", "--variant=minbase", f"--include={','.join(machine.packages)}", f"--customize-hook={_HOOK}"]
        run(["mmdebstrap", *options, SUITE, archive, *known_mirrors()], why="building a machine image failed", timeout=_BUILD_SECONDS)
        engine.import_image(archive, machine.tag, _changes(machine))
    say(f"image {machine.tag}: {engine.image_size(machine.tag) / 1e6:.0f} MB")
    return machine.tag


def _changes(machine: Machine) -> list[str]:
    labels = {
        "org.opencontainers.image.title": machine.role,
        "org.opencontainers.image.description": f"Built by the offline engine kit from Debian {SUITE} packages: a machine for tests.",
        _LABEL: machine.role,
        f"{_LABEL}.recipe": machine.fingerprint(),
        f"{_LABEL}.architecture": platform.machine(),
    }
    return [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        *(f"LABEL {name}={json.dumps(value)}" for name, value in labels.items()),
        'CMD ["/sbin/init"]',
    ]
