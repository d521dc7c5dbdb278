"""The container tools that people use, each run the way the stack's own instructions say. No password is ever an argument."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.blackbox.command import Done, run
from tests.blackbox.oci import Account

DOCKER_CERTS = Path("/etc/docker/certs.d")


def crane_path() -> str | None:
    """The crane program: from the variable CRANE, or on PATH."""
    return os.environ.get("CRANE") or shutil.which("crane")


def _trust_folder(base: Path, ca_file: Path | None) -> Path:
    folder = base / "certs"
    folder.mkdir(parents=True, exist_ok=True)
    if ca_file:
        shutil.copy(ca_file, folder / "ca.crt")
    return folder


@dataclass(frozen=True)
class Skopeo:
    """skopeo with a login and a trusted CA of its own, both in `folder`."""

    folder: Path
    address: str
    ca_file: Path | None

    @property
    def _auth(self) -> str:
        return f"--authfile={self.folder / 'auth.json'}"

    @property
    def _certs(self) -> Path:
        return _trust_folder(self.folder, self.ca_file)

    def login(self, account: Account, *, check: bool = True) -> Done:
        """Logs in."""
        return run(
            "skopeo",
            "login",
            self._auth,
            f"--cert-dir={self._certs}",
            f"--username={account.name}",
            "--password-stdin",
            self.address,
            stdin=account.password,
            check=check,
        )

    def push(self, source: str, image: str, *, everything: bool = False) -> Done:
        """Copies `source`, e.g. `oci:folder:tag`, to `image` (repository:tag)."""
        more = ("--all",) if everything else ()
        return run(
            "skopeo",
            "copy",
            *more,
            "--dest-" + self._auth[2:],
            f"--dest-cert-dir={self._certs}",
            source,
            f"docker://{self.address}/{image}",
        )

    def pull(self, image: str, target: str, *, everything: bool = False) -> Done:
        """Copies `image` (repository:tag) to `target`, e.g. `oci:folder:tag`."""
        more = ("--all",) if everything else ()
        return run(
            "skopeo", "copy", *more, "--src-" + self._auth[2:], f"--src-cert-dir={self._certs}", f"docker://{self.address}/{image}", target
        )

    def digest(self, image: str) -> str:
        """The digest that the registry gives for `image`."""
        out = run(
            "skopeo", "inspect", self._auth, f"--cert-dir={self._certs}", "--format={{.Digest}}", f"docker://{self.address}/{image}"
        ).out
        return out.strip()

    def delete(self, image: str) -> Done:
        """Deletes `image`: skopeo looks up the digest and deletes that."""
        return run("skopeo", "delete", self._auth, f"--cert-dir={self._certs}", f"docker://{self.address}/{image}")


@dataclass(frozen=True)
class Podman:
    """podman with a storage of its own in `folder`, so that the machine's stays as it is."""

    folder: Path
    address: str
    ca_file: Path | None

    def _run(self, *args: str, stdin: str | None = None, check: bool = True) -> Done:
        # vfs needs no kernel support, so it works inside containers and on any file system.
        own = (f"--root={self.folder / 'root'}", f"--runroot={self.folder / 'run'}", "--storage-driver=vfs", "--events-backend=none")
        return run("podman", *own, *args, stdin=stdin, check=check)

    @property
    def _access(self) -> tuple[str, str]:
        return f"--authfile={self.folder / 'auth.json'}", f"--cert-dir={_trust_folder(self.folder, self.ca_file)}"

    def login(self, account: Account, *, check: bool = True) -> Done:
        """Logs in."""
        return self._run(
            "login", *self._access, f"--username={account.name}", "--password-stdin", self.address, stdin=account.password, check=check
        )

    def pull(self, image: str) -> str:
        """Pulls `image` (repository:tag or repository@digest) and returns the id of what it became here."""
        return self._run("pull", "--quiet", *self._access, f"{self.address}/{image}").out.strip()

    def load(self, layout: Path, tag: str, image: str) -> None:
        """Puts an image of an OCI layout into podman's storage under the name `image` at this registry."""
        loaded = self._run("pull", "--quiet", f"oci:{layout}:{tag}").out.strip()
        self._run("tag", loaded, f"{self.address}/{image}")

    def push(self, image: str) -> str:
        """Pushes `image` and returns the digest it has at the registry."""
        file = self.folder / "digest"
        self._run("push", "--quiet", *self._access, f"--digestfile={file}", f"{self.address}/{image}")
        return file.read_text().strip()

    def remove(self, image: str) -> None:
        """Forgets `image` here, so that the next pull fetches it."""
        self._run("rmi", "--force", f"{self.address}/{image}")


@dataclass(frozen=True)
class Crane:
    """crane with a login of its own in `folder`."""

    folder: Path
    address: str
    ca_file: Path | None
    program: str

    def _run(self, *args: str, stdin: str | None = None, check: bool = True) -> Done:
        # Go reads the CA from this variable instead of the system's files.
        trust = {"SSL_CERT_FILE": str(self.ca_file), "SSL_CERT_DIR": "/nonexistent"} if self.ca_file else {}
        return run(self.program, *args, stdin=stdin, env={**os.environ, "DOCKER_CONFIG": str(self.folder), **trust}, check=check)

    def login(self, account: Account, *, check: bool = True) -> Done:
        """Logs in. crane checks nothing here: a wrong password shows at the first use."""
        return self._run("auth", "login", self.address, "--username", account.name, "--password-stdin", stdin=account.password, check=check)

    def push(self, layout: Path, image: str) -> Done:
        """Pushes the single image of an OCI layout."""
        return self._run("push", str(layout), f"{self.address}/{image}")

    def pull(self, image: str, layout: Path) -> Done:
        """Pulls into an OCI layout."""
        return self._run("pull", "--format=oci", f"{self.address}/{image}", str(layout))

    def digest(self, image: str, *, check: bool = True) -> Done:
        """The digest that the registry gives for `image`."""
        return self._run("digest", f"{self.address}/{image}", check=check)

    def copy(self, image: str, to: str) -> Done:
        """Copies within the registry."""
        return self._run("copy", f"{self.address}/{image}", f"{self.address}/{to}")

    def delete(self, image: str) -> Done:
        """Deletes by digest: `image` is repository@digest."""
        return self._run("delete", f"{self.address}/{image}")


@dataclass(frozen=True)
class Docker:
    """The docker command line with a login of its own in `folder`; its engine trusts what lies in /etc/docker/certs.d."""

    folder: Path
    address: str

    def _run(self, *args: str, stdin: str | bytes | None = None, check: bool = True) -> Done:
        env = {**os.environ, "DOCKER_CONFIG": str(self.folder)}
        return run("docker", *args, stdin=stdin, env=env, check=check)

    def login(self, account: Account, *, check: bool = True) -> Done:
        """Logs in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self._run("login", "--username", account.name, "--password-stdin", self.address, stdin=account.password, check=check)

    def make(self, layer: bytes, image: str) -> str:
        """Makes an image of one tar archive under the name `image` at this registry; returns its id."""
        return self._run("import", "-", f"{self.address}/{image}", stdin=layer).out.strip()

    def push(self, image: str, *, check: bool = True) -> Done:
        """Pushes `image`."""
        return self._run("push", f"{self.address}/{image}", check=check)

    def pull(self, image: str, *, check: bool = True) -> Done:
        """Pulls `image`."""
        return self._run("pull", f"{self.address}/{image}", check=check)

    def digest(self, image: str) -> str:
        """The digest at the registry that the engine remembers for `image`."""
        found = json.loads(self._run("image", "inspect", f"{self.address}/{image}").out)[0]["RepoDigests"]
        return next(name.split("@", 1)[1] for name in found if name.startswith(f"{self.address}/"))

    def identity(self, image: str) -> str:
        """The engine's id of `image`."""
        return self._run("image", "inspect", "--format={{.Id}}", f"{self.address}/{image}").out.strip()

    def remove(self, image: str) -> None:
        """Forgets `image` here."""
        self._run("rmi", "--force", f"{self.address}/{image}", check=False)


@contextmanager
def docker_trusts(address: str, ca_file: Path) -> Iterator[None]:
    """Makes this machine's Docker engine trust the CA for the registry at `address`, and forgets it afterwards."""
    folder = DOCKER_CERTS / address
    folder.mkdir(parents=True)
    try:
        shutil.copy(ca_file, folder / "ca.crt")
        yield
    finally:
        shutil.rmtree(folder)
        if not any(DOCKER_CERTS.iterdir()):
            DOCKER_CERTS.rmdir()
