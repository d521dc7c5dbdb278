"""The example of use that `make up` ends with: real values, lines to copy, no password."""

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from offline.kit import places


@dataclass(frozen=True)
class Registry:
    """What a person needs to know of a deployed stack."""

    stack: str
    url: str
    account: str
    image: str
    """An image that the stack's engine has."""
    ca_folder: Path | None
    """Folder with ca.crt, when clients must be told to trust the stack's own CA."""

    @property
    def address(self) -> str:
        """host[:port], as it stands before an image's name."""
        return urlsplit(self.url).netloc

    @property
    def password_command(self) -> str:
        """The command that prints the account's password and nothing else."""
        stack = "" if self.stack == "dev" else f" STACK={self.stack}"
        return f"make -s password{stack} ACCOUNT={self.account}"


def example(registry: Registry) -> str:
    """The whole text."""
    facts = [f"Registry: {registry.url}", f"Account:  {registry.account} ({registry.password_command} prints the password)"]
    return "\n".join(["", *facts, "", *_docker(registry), "", *_skopeo(registry)])


def _docker(registry: Registry) -> list[str]:
    target = f"{registry.address}/demo/hello:1"
    lines = ["With Docker:"]
    if registry.ca_folder:
        ca = shlex.quote(str(registry.ca_folder / "ca.crt"))
        sudo = "" if os.geteuid() == 0 else "sudo "
        lines.append(f"  {sudo}install -D -m 644 {ca} /etc/docker/certs.d/{registry.address}/ca.crt")
    return [
        *lines,
        f"  {registry.password_command} | docker login --username {registry.account} --password-stdin {registry.address}",
        f"  docker tag {registry.image} {target}",
        f"  docker push {target}",
        f"  docker pull {target}",
    ]


def _skopeo(registry: Registry) -> list[str]:
    remote = f"docker://{registry.address}/demo/hello:2"
    # Relative, as the lines are for the checkout's folder: `make password` stands in them.
    local = f"dir:{places.STATE.name}/{places.EXAMPLE_IMAGE}"
    trust = dict.fromkeys(("cert-dir", "src-cert-dir", "dest-cert-dir"), "")
    if registry.ca_folder:
        trust = {option: f" --{option} {shlex.quote(str(registry.ca_folder))}" for option in trust}
    login = f"skopeo login{trust['cert-dir']} --username {registry.account} --password-stdin {registry.address}"
    return [
        "With skopeo, there and back; the two digests at the end are the same:",
        f"  {registry.password_command} | {login}",
        f"  skopeo copy{trust['dest-cert-dir']} docker-daemon:{registry.image} {remote}",
        f"  skopeo copy{trust['src-cert-dir']} {remote} {local}",
        f"  skopeo inspect{trust['cert-dir']} --format '{{{{.Digest}}}}' {remote}",
        f"  skopeo inspect --format '{{{{.Digest}}}}' {local}",
    ]
