"""What the tests need beside what a stack needs: Debian packages and Go programs."""

import os
import shutil

from offline.kit import apt, gobuild
from offline.kit.files import point_link
from offline.kit.places import TOOLS

# Command -> Debian package that brings it, for the tests.
PACKAGES = {
    "skopeo": "skopeo",
    "podman": "podman",
    "openssl": "openssl",
    "curl": "curl",
    "shellcheck": "shellcheck",
    "mmdebstrap": "mmdebstrap",
    "docker": "docker-cli",
    "rclone": "rclone",
    "wget": "wget",
    # They check what hosts of a fleet are given.
    "cloud-init": "cloud-init",
    "systemd-analyze": "systemd",
    # Started by the tests as processes of their own.
    "nginx": "nginx",
    "redis-server": "redis-server",
    "haproxy": "haproxy",
    "docker-registry": "docker-registry",
}
CRANE = gobuild.Program(
    name="crane",
    version="0.22.1",
    folder="tests/clients",
    package="github.com/google/go-containerregistry/cmd/crane",
    version_variable="github.com/google/go-containerregistry/cmd/crane/cmd.Version",
)
ACTIONLINT = gobuild.Program(
    name="actionlint",
    version="1.7.12",
    folder="tests/linters",
    package="github.com/rhysd/actionlint/cmd/actionlint",
)


def build_crane() -> None:
    """Makes `crane` and puts it where the tests look for it."""
    program = gobuild.build(CRANE)
    point_link(TOOLS / program.name, program)


def install_packages() -> None:
    """Installs those that are missing. Raises KitError, as when this is not run by root."""
    # Servers lie beside the other system programs, which are not on every user's PATH.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    missing = [package for command, package in PACKAGES.items() if not shutil.which(command, path=path)]
    # Before Debian 13 the client comes inside docker.io, and there is no docker-cli.
    missing = [package for package in missing if package != "docker-cli" or apt.candidate(package)]
    if missing:
        apt.install(missing, "the tests use them", services=False)
