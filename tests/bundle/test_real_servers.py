"""The rendered files on the real nginx, registry (both major versions), Redis and busybox, each in the image that the stack would run."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle.build import build
from bundle.model import SERVICE_UID, Bundle
from tests.bundle.specs import VARIANTS, real_values
from tests.images import TestImages

pytestmark = pytest.mark.docker


def _docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False, timeout=300)
    if check:
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done


@pytest.fixture
def volume(request: pytest.FixtureRequest) -> Iterator[str]:
    """A new volume, gone afterwards."""
    name = _docker("volume", "create").stdout.strip()
    yield name
    _docker("volume", "rm", "-f", name)


def _fill(bundle: Bundle, group: str, volume: str, images: TestImages, tmp_path: Path) -> None:
    """Puts a group's files into the volume the way the config service would: owned by the services' user."""
    folder = tmp_path / group
    folder.mkdir()
    values = real_values()
    for file in bundle.files:
        if file.group == group:
            target = folder / file.name
            if isinstance(file.content, bytes):
                target.write_bytes(file.content)
            else:
                target.write_text(file.text(values))
            target.chmod(file.mode)
    holder = _docker(
        "create", "-v", f"{volume}:/files", images.config, "sh", "-c", f"chown -R {SERVICE_UID}:{SERVICE_UID} /files"
    ).stdout.strip()
    try:
        _docker("cp", f"{folder}/.", f"{holder}:/files")
        _docker("start", "-a", holder)
    finally:
        _docker("rm", "-f", holder)


@pytest.mark.parametrize("name", VARIANTS)
def test_nginx_accepts_the_rendered_configuration(name: str, volume: str, images: TestImages, tmp_path: Path) -> None:
    _fill(build(VARIANTS[name]), "edge", volume, images, tmp_path)
    check = "mkdir -p /tmp/edge && echo 'server 127.0.0.1:5000;' >/tmp/edge/upstream.conf && nginx -e stderr -t -c /etc/edge/nginx.conf"
    done = _docker(
        "run", "--rm", "--read-only", "--tmpfs", "/tmp", "--tmpfs", "/journal", "--user", f"{SERVICE_UID}", "--network", "none",
        "-v", f"{volume}:/etc/edge:ro", "--entrypoint", "sh", images.edge, "-c", check,
    )  # fmt: skip
    assert "test is successful" in done.stderr
    assert "warn" not in done.stderr, "nginx has doubts about the configuration"


@pytest.mark.parametrize("name", ["no-cache-one-replica", "inmemory", "registry-2-no-cache"])
def test_the_registry_accepts_the_rendered_configuration(name: str, volume: str, images: TestImages, tmp_path: Path) -> None:
    from dataclasses import replace  # noqa: PLC0415

    from bundle.model import Cache  # noqa: PLC0415

    spec = replace(VARIANTS["registry-2"], cache=Cache.NONE, replicas=1) if name == "registry-2-no-cache" else VARIANTS[name]
    image = images.registry_2 if name.startswith("registry-2") else images.registry
    _fill(build(spec), "registry", volume, images, tmp_path)
    container = _docker(
        "run", "-d", "--read-only", "--tmpfs", "/tmp", "--tmpfs", f"/var/lib/registry:uid={SERVICE_UID}", "--user", f"{SERVICE_UID}",
        "--network", "none", "-e", "OTEL_TRACES_EXPORTER=none", "-v", f"{volume}:/etc/distribution:ro",
        "--entrypoint", "registry", image, "serve", "/etc/distribution/config.yml",
    ).stdout.strip()  # fmt: skip
    try:
        ask = "for i in $(seq 300); do wget -q -O /dev/null http://127.0.0.1:5000/ && exit 0; sleep 0.2; done; exit 1"
        ready = _docker("exec", container, "sh", "-c", ask, check=False)
        log = _docker("logs", container, check=False).stderr
        assert ready.returncode == 0, f"the registry did not answer within a minute: {log}"
        anonymous = _docker("exec", container, "wget", "-q", "-O", "-", "http://127.0.0.1:5000/v2/", check=False)
        assert "401" in anonymous.stderr, "without the auth section anyone could pull"
        health = _docker("exec", container, "wget", "-q", "-O", "-", "http://127.0.0.1:5001/debug/health").stdout
        assert json.loads(health) == {}, f"a health check of the registry fails: {health}"
        metrics = _docker("exec", container, "wget", "-q", "-O", "-", "http://127.0.0.1:5001/metrics").stdout
        assert "registry_" in metrics, "operations read the replicas' metrics"
    finally:
        _docker("rm", "-f", container)


def test_redis_accepts_the_rendered_configuration(volume: str, images: TestImages, tmp_path: Path) -> None:
    bundle = build(VARIANTS["default"])
    _fill(bundle, "redis", volume, images, tmp_path)
    container = _docker(
        "run", "-d", "--read-only", "--tmpfs", "/tmp", "--user", f"{SERVICE_UID}", "--network", "none",
        "-v", f"{volume}:/etc/redis:ro", "--entrypoint", "redis-server", images.redis, "/etc/redis/redis.conf",
    ).stdout.strip()  # fmt: skip
    try:
        check = bundle.service("redis").healthcheck.command
        wait = "for i in $(seq 300); do redis-cli ping 2>&1 | grep -q NOAUTH && exit 0; sleep 0.2; done; exit 1"
        assert _docker("exec", container, "sh", "-c", wait, check=False).returncode == 0, _docker("logs", container).stdout
        _docker("exec", container, *check)
        password = real_values().redis_password
        policy = _docker("exec", "-e", f"REDISCLI_AUTH={password}", container, "redis-cli", "config", "get", "maxmemory-policy").stdout
        assert "allkeys-lru" in policy
    finally:
        _docker("rm", "-f", container)
