"""Unpacks Debian packages into a tar file with mmdebstrap, from the same package mirrors that this machine uses."""

import os
import shutil
import subprocess
from pathlib import Path

from offline.images.recipe import SUITE
from offline.kit import apt
from offline.kit.command import run

_TARGETS = ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(LABEL)|$(COMPONENT)", "Created-By: Packages"]


def mirror_lines(targets: str) -> list[str]:
    """Source lines for our suite, from the mirrors that apt has lists of (lines `URI|label|component`).

    A closed network often has mirrors of its own, and apt already knows them. Empty when apt knows no Debian mirror: then
    mmdebstrap's own default is as good as any.
    """
    lines: list[str] = []
    for target in targets.splitlines():
        uri, label, component = target.split("|")
        # Lists of mirrors, discs and the like name files of this machine, which only its own apt can read.
        if component != "main" or not uri.startswith(("http://", "https://")):
            continue
        suites = {"Debian": [SUITE, f"{SUITE}-updates"], "Debian-Security": [f"{SUITE}-security"]}.get(label, [])
        lines += [line for suite in suites if (line := f"deb {uri} {suite} main") not in lines]
    return lines if any(line.split()[2] == SUITE for line in lines) else []


def known_mirrors() -> list[str]:
    """Source lines for our suite from this machine's mirrors; empty where apt is missing or knows none."""
    known = subprocess.run(_TARGETS, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return mirror_lines(known.stdout) if known.returncode == 0 else []


def ensure_mmdebstrap() -> None:
    """Installs mmdebstrap where it is missing. Raises KitError when that is not allowed, or fails."""
    if not shutil.which("mmdebstrap"):
        apt.install(["mmdebstrap"], "container images are built with it")


def unpack(packages: tuple[str, ...], archive: Path) -> None:
    """Writes the files of the packages, and of all they depend on, to a tar file. Nothing is configured and no script runs.

    Raises KitError when mmdebstrap is missing and may not be installed, or fails.
    """
    ensure_mmdebstrap()
    # Nothing of the packages runs, so a user without special rights can do it as well. Newer versions refuse `chrootless` for root.
    mode = "root" if os.geteuid() == 0 else "chrootless"
    options = ["--quiet", f"--mode={mode}", "--variant=extract", f"--include={','.join(packages)}"]
    run(["mmdebstrap", *options, SUITE, archive, *known_mirrors()], why="unpacking Debian packages failed", timeout=600)
