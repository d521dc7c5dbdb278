#!/usr/bin/python3
"""Takes a Debian host to where its bundle can run, then hands over to the agent inside the bundle (`python3 -m host`).

It travels in the user data (bundle/user_data.py), which has room for 16 KiB; nothing but Python is there when it first runs.
"""

import fcntl
import hashlib
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

# apparmor: without its parser containers would run unconfined.
PACKAGES = ("docker.io", "docker-cli", "docker-compose", "python3-boto3", "ca-certificates", "apparmor")
PAUSES = (5, 10, 20, 40)
"""Seconds between tries of what other machines answer; afterwards systemd tries it all again."""
FORMAT = 1
ACTIONS = ("start", "refresh", "stop")


class HostError(Exception):
    """Why the host can't go on: what, which object, what to do. Its text reaches the console and holds no secret."""


def say(text: str) -> None:
    """One line for journal and console."""
    print(f"private-registry: {text}", flush=True)  # noqa: T201 - systemd takes it to both


@dataclass(frozen=True)
class Places:
    """The paths that a host uses, below one root."""

    root: Path = Path(os.environ.get("PRIVATE_REGISTRY_ROOT", "/"))

    @property
    def boot(self) -> Path:
        return self.root / "etc/private-registry/boot.json"

    @property
    def home(self) -> Path:
        return self.root / "var/lib/private-registry"

    @property
    def run(self) -> Path:
        """In memory, gone at a reboot."""
        return self.root / "run/private-registry"


@dataclass(frozen=True)
class Boot:
    """boot.json: where the bundle and the secret are. Holds no secret."""

    bucket: str
    key: str
    sha256: str
    secret: str
    region: str


def read_boot(path: Path) -> Boot:
    """boot.json, checked."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Boot(**{key: str(value) for key, value in found.items()})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise HostError(f"{path} can't be used: {error}. The user data writes it: replace the instance") from error


def tried(what: str, command: Sequence[str], hint: str, *, pauses: Sequence[int] = PAUSES, seconds: int = 900) -> None:
    """Runs a command until it succeeds, with a pause after each failure; in the end a HostError."""
    why = ""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    for pause in (*pauses, None):
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment, timeout=seconds, check=False
            )
            if done.returncode == 0:
                return
            why = " ".join(f"{done.stdout}\n{done.stderr}".split("\n")[-4:]).strip()[-600:] or f"exit code {done.returncode}"
        except subprocess.TimeoutExpired:
            why = f"no end after {seconds} s"
        except OSError as error:
            why = str(error)
        if pause is not None:
            say(f"{what} failed, trying again in {pause} s: {why}")
            time.sleep(pause)
    raise HostError(f"{what} failed {len(pauses) + 1} times: {why}. {hint}")


def missing_packages() -> list[str]:
    """Those of PACKAGES that are not installed. Asks no other machine."""
    command = ["dpkg-query", "-W", "-f=${Package} ${db:Status-Status}\n", *PACKAGES]
    listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout.splitlines()
    return [package for package in PACKAGES if f"{package} installed" not in listed]


def install_packages(pauses: Sequence[int] = PAUSES) -> None:
    """Installs what is missing. On a host that has booted before: nothing."""
    missing = missing_packages()
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    hint = "The host must reach Debian's package mirror: check route, NAT and outgoing rules"
    tried("apt-get update", [*apt, "-o", "APT::Update::Error-Mode=any", "update"], hint, pauses=pauses)
    tried("apt-get install", [*apt, "--no-install-recommends", "install", *missing], hint, pauses=pauses)
    importlib.invalidate_caches()


class Body(Protocol):
    """The part of botocore's StreamingBody that is used here."""

    def read(self) -> bytes: ...


class S3(Protocol):
    """The part of boto3's S3 client that is used here."""

    def get_object(self, *, Bucket: str, Key: str) -> Mapping[str, object]: ...  # noqa: N803 - AWS's names


def client(service: str, region: str) -> object:
    """A client that knows the host by its role and tries again for a while."""
    # A role is attached a moment before its credentials can be had.
    os.environ.setdefault("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "5")
    os.environ.setdefault("AWS_METADATA_SERVICE_TIMEOUT", "3")
    boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
    patient = config.Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 4})
    return boto3.client(service, region_name=region, config=patient)


def asked(call: Callable[[], bytes], what: str, hints: Mapping[str, str], reach: str) -> bytes:
    """AWS's answer; a HostError that names the object and says what to do where AWS refuses or can't be reached."""
    exceptions = importlib.import_module("botocore.exceptions")
    try:
        return call()
    except exceptions.NoCredentialsError as error:
        raise HostError(f"{what}: no credentials. The instance has no role, or its metadata service does not answer") from error
    except exceptions.ClientError as error:
        found = error.response["Error"]
        code = found.get("Code", "?")
        raise HostError(f"{what}: {code}: {found.get('Message', '')}. {hints.get(code, 'Replace the instance if this stays')}") from error
    except exceptions.BotoCoreError as error:
        raise HostError(f"{what}: {error}. {reach}") from error


def fetch(boot: Boot, s3: S3) -> bytes:
    """The archive, with the hash that the user data names."""
    name = f"s3://{boot.bucket}/{boot.key}"
    hints = {
        "NoSuchBucket": "Was the config bucket deleted? `pulumi up` makes it again",
        "NoSuchKey": "Was the object deleted? `pulumi up` makes it again",
        # Without the right to list a bucket, S3 says so of a missing object too.
        "AccessDenied": "Either it is gone, and `pulumi up` makes it again, or the instance's role lacks s3:GetObject on it or kms:Decrypt",
    }
    content = asked(
        lambda: cast(Body, s3.get_object(Bucket=boot.bucket, Key=boot.key)["Body"]).read(),
        f"cannot fetch the bundle {name}",
        hints,
        "The host must reach S3: check the gateway endpoint, route and NAT",
    )
    found = hashlib.sha256(content).hexdigest()
    if found != boot.sha256:
        raise HostError(
            f"the bundle {name} has SHA-256 {found}, not {boot.sha256}: refused. Somebody changed it; `pulumi up` puts it right"
        )
    return content


def is_whole(folder: Path) -> bool:
    """Whether every file of an unpacked bundle is as it was packed."""
    try:
        found = json.loads((folder / "manifest.json").read_bytes())
        hashes = cast(Mapping[str, str], found["sha256"])
        return found["format"] == FORMAT and all(
            hashlib.sha256((folder / path).read_bytes()).hexdigest() == wanted for path, wanted in hashes.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def unpack(content: bytes, folder: Path) -> None:
    """Unpacks an archive: the folder appears whole or not at all, after a loss of power too."""
    new = folder.with_name(f".new-{folder.name}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True, mode=0o755)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        archive.extractall(new, filter="data")
    os.sync()
    if not is_whole(new):
        raise HostError(f"the bundle is of a layout that this host can't read (it reads {FORMAT}): replace the instance")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)


def bundle_folder(places: Places, boot: Boot) -> Path:
    """Where the bundle lies unpacked; fetched unless it does already."""
    folder = places.home / "bundles" / boot.sha256
    if not is_whole(folder):
        content = fetch(boot, cast(S3, client("s3", boot.region)))
        places.home.mkdir(parents=True, exist_ok=True, mode=0o711)
        unpack(content, folder)
        say(f"fetched the bundle {boot.sha256[:12]}")
    return folder


def take_lock(places: Places, action: str) -> bool:
    """One run at a time; the lock lives as long as this process and what it turns into. False: a refresh that can wait for the next."""
    places.run.mkdir(parents=True, exist_ok=True, mode=0o755)
    lock = os.open(places.run / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if action == "refresh":
            return False
        say("waiting for another run to end")
        fcntl.flock(lock, fcntl.LOCK_EX)
    return True


def run(action: str, places: Places) -> None:
    """Everything up to the agent, and the agent in place of this process."""
    if not take_lock(places, action):
        say("another run is busy: nothing to do now")
        return
    if action == "start":
        install_packages()
    folder = bundle_folder(places, read_boot(places.boot))
    os.chdir(folder)
    os.execv(sys.executable, [sys.executable, "-B", "-m", "host", action])  # noqa: S606 - no shell is wanted


def main(arguments: Sequence[str]) -> int:
    """Runs one action; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in ACTIONS:
        print(f"usage: private-registry-boot {'|'.join(ACTIONS)}", file=sys.stderr)  # noqa: T201
        return 64
    try:
        run(arguments[0], Places())
    except (HostError, OSError) as error:
        say(f"{arguments[0]} FAILED: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
