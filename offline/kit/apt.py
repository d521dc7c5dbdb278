"""Installs Debian packages, as root only: nothing here asks for a password."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from offline.kit.command import run
from offline.kit.errors import KitError
from offline.kit.lock import locked
from offline.kit.places import cache
from offline.kit.progress import step, warn

_SECONDS = 900.0
# A machine that has just booted often has another apt running for a minute.
_WAIT_FOR_LOCK = ("-o", "DPkg::Lock::Timeout=180")
_fresh = threading.Event()
"""Set once this process has fetched the package lists."""
_QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian's packages ask before they start or stop a service (invoke-rc.d(8)); 101 means no."""


def may_install() -> bool:
    """Whether this process can install packages: root, on a system with apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def candidate(package: str) -> bool:
    """Whether apt knows a version of the package that it could install."""
    known = subprocess.run(["apt-cache", "policy", package], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return "Candidate:" in known.stdout and "Candidate: (none)" not in known.stdout


def refresh_lists() -> None:
    """Fetches the package lists, once. A broken third-party source is only a warning: the Debian lists may be fine all the same."""
    if _fresh.is_set():
        return
    _fresh.set()
    try:
        run(["apt-get", *_WAIT_FOR_LOCK, "-q", "update"], env=_QUIET, why="apt-get update failed", timeout=_SECONDS)
    except KitError as error:
        warn(str(error))


@contextmanager
def no_services(policy: Path = POLICY) -> Iterator[None]:
    """While this lasts no package starts its service. A policy that the machine has already stays as it is."""
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def install(packages: Sequence[str], why: str, optional: Sequence[str] = (), *, services: bool = True) -> None:
    """Installs packages; of the optional ones those that this release of Debian has. Without `services` for their programs only: services
    among them are neither started now nor, where systemd runs, at the next boot.

    Raises KitError when not root, with the command to run by hand, or when the installation fails.
    """
    if not may_install():
        raise KitError(f"{why}: run `sudo apt-get install {' '.join(packages)}`, then try again")
    # One after the other: apt refuses a second one, or waits for it.
    with locked(cache() / "apt.lock", "installing packages"), step(f"installing Debian packages {' '.join(packages)} ({why})"):
        refresh_lists()
        wanted = [*packages, *(package for package in optional if candidate(package))]
        command = ["apt-get", *_WAIT_FOR_LOCK, "-q", "-y", "--no-install-recommends", "install", *wanted]
        with nullcontext() if services else no_services():
            run(command, env=_QUIET, why=f"installing {' '.join(wanted)} failed", timeout=_SECONDS, finish=True)
        if not services and Path("/run/systemd/system").exists():
            # Packages that bring no unit are an error to systemctl and none to us.
            disable = ["systemctl", "disable", "--quiet", *wanted]
            subprocess.run(disable, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
