"""Registries as processes on this machine: the product's own on disk or on S3, and a bare one on the same storage."""

import contextlib
import os
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from pydantic import SecretStr

from bench import layout
from bench.figures import BenchError
from bench.layout import Filled, Stored
from bundle.model import BundleSpec, RegistryMajor, Values
from bundle.operations import rclone_config
from bundle.templates import render
from components.settings.object_storage import S3Settings
from components.storage.s3 import s3_spec
from offline.servers.s3_server import S3Server
from tests.bundle.specs import DEFAULT, SNAPSHOT_VALUES
from tests.ops.gc import binaries
from tests.ops.gc.fleet import Fleet, Options, answers, until
from tests.ports import free_port

DISK, S3 = "disk", "s3"
STORAGES = (DISK, S3)
BUCKET, PREFIX = "images", "registry"


@contextlib.contextmanager
def _without_aws_settings() -> Iterator[None]:
    """What a person has set for AWS (keys, a CA bundle) must not reach registry and rclone, as in the containers it does not."""
    kept = dict(os.environ)
    for name in [name for name in kept if name.startswith("AWS_")]:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(kept)


class S3Fleet(Fleet):
    """A fleet on a local S3 server."""

    def __init__(self, root: Path, options: Options) -> None:
        super().__init__(root, options)
        self.server = S3Server(root / "s3", "127.0.0.1", free_port(), f"AK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))
        self.server.make_bucket(BUCKET)

    def _spec(self) -> BundleSpec:
        major = RegistryMajor(self.options.major)
        settings = S3Settings(
            bucket=BUCKET,
            prefix=PREFIX,
            endpoint=self.server.endpoint,
            access_key_id=self.server.access_key_id,
            secret_access_key=SecretStr(self.server.secret_access_key),
        )
        return replace(DEFAULT, registry_major=major, storage=s3_spec(settings, major))

    def _values(self) -> Values:
        keys = {"accesskey": self.server.access_key_id, "secretkey": self.server.secret_access_key}
        return replace(SNAPSHOT_VALUES, storage=keys)

    def write(self) -> None:
        """Writes every file, those of the sweeper for S3."""
        super().write()
        config = self.root / "rclone.conf"
        config.write_text(rclone_config(self._spec(), self._values()))
        remote = f"storage:{self._spec().storage.sweeper.root}/"
        spool = str(self.root / "spool/sweeper")
        (self.root / "sweeper.sh").write_text(render("sweeper.sh.j2", spool=spool, remote=remote, local_blobs="", config=str(config)))

    def _registry_config(self, host: str) -> str:
        config = yaml.safe_load(super()._registry_config(host))
        del config["storage"]["filesystem"]
        storage = self._spec().storage
        config["storage"]["s3"] = {**storage.parameters, **self._values().storage}
        if storage.redirect is not None:
            config["storage"]["redirect"] = {"disable": not storage.redirect}
        return yaml.safe_dump(config)

    def ops_json(self) -> Mapping[str, object]:
        """The settings that the bundle would render."""
        return {**super().ops_json(), "storage": {"driver": "s3", "root": f"/{PREFIX}"}}

    def start(self, name: str) -> None:
        """Starts one service."""
        with _without_aws_settings():
            super().start(name)


def _layout_root(fleet: Fleet) -> Path:
    """Where the registry's files belong. The local S3 server keeps an object as a file of the object's name in the bucket's folder."""
    return fleet.server.data / BUCKET / PREFIX if isinstance(fleet, S3Fleet) else fleet.storage


@contextlib.contextmanager
def filled_registry(storage: str, options: Options, stored: Iterator[Stored]) -> Iterator[tuple[Fleet, Filled, float]]:
    """A running registry with these images, for the block; with it what is in it, and the seconds that it took to fill."""
    missing = binaries.missing()
    if missing:
        raise BenchError(f"not on this machine, but needed here: {', '.join(missing)}; install Debian's packages (registry 3: make test)")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, contextlib.ExitStack() as stack:
        fleet = S3Fleet(Path(folder), options) if storage == S3 else Fleet(Path(folder), options)
        fleet.write()
        stack.callback(fleet.stop_all)
        if isinstance(fleet, S3Fleet):
            fleet.server.start()
            stack.callback(fleet.server.kill)
        started = time.monotonic()
        filled = layout.write(_layout_root(fleet), stored)
        seconds = time.monotonic() - started
        fleet.start_all()
        yield fleet, filled, seconds


@dataclass(frozen=True)
class Bare:
    """A registry with the plainest configuration on the storage of another: no cache, no edge, no replicas."""

    config: Path
    binary: Path
    url: str


def _environment() -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if not name.startswith("AWS_")}, "OTEL_TRACES_EXPORTER": "none"}


@contextlib.contextmanager
def bare_registry(fleet: Fleet) -> Iterator[Bare]:
    """One that runs for the block, on the fleet's storage."""
    port = free_port()
    config = yaml.safe_load((fleet.root / f"registry-{fleet.hosts[0]}.yml").read_text())
    driver = "s3" if isinstance(fleet, S3Fleet) else "filesystem"
    plain = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {driver: config["storage"][driver], "delete": {"enabled": True}, "redirect": {"disable": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    bare = Bare(fleet.root / "bare.yml", fleet.root / "bin/registry", f"http://127.0.0.1:{port}")
    bare.config.write_text(yaml.safe_dump(plain))
    with (fleet.root / "log/bare.log").open("ab") as log:
        process = subprocess.Popen(
            [bare.binary, "serve", bare.config], env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        until(lambda: answers(f"{bare.url}/v2/"), "the bare registry answers", 30)
        yield bare
    finally:
        process.kill()
        process.wait()


def collector_seconds(bare: Bare) -> float:
    """How long the registry's own collector only looks (a dry run): as long at least writes would have to stop for it."""
    started = time.monotonic()
    subprocess.run(
        [bare.binary, "garbage-collect", "--dry-run", bare.config],
        env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return time.monotonic() - started
