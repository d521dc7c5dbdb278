"""The registry's own garbage collector on object storage, with writes stopped, as its documentation asks."""

import json

from tests.blackbox.docker_host import docker
from tests.blackbox.images import build_image, build_index, digest_of
from tests.blackbox.names import fresh
from tests.blackbox.waiting import wait_for
from tests.storage.conftest import Running
from tests.storage.test_uploads import rclone

SECONDS = 300


def collect(running: Running, *options: str) -> str:
    """Runs the collector in a container of its own, with the replicas' configuration and nothing else of theirs."""
    replica = running.deployment.docker.inspect("registry-1")
    files = f"{running.deployment.name}-files-registry:/etc/distribution:ro"
    environment = [f"--env={one}" for one in replica["Config"]["Env"] if one.startswith(("SSL_CERT_FILE=", "OTEL_"))]
    return docker(
        "run", "--rm", f"--network={running.deployment.name}", f"--volume={files}", "--user=10001:10001", "--read-only", "--cap-drop=ALL",
        f"--name={running.deployment.name}-collector-by-hand", *environment, "--entrypoint=registry", replica["Image"],
        "garbage-collect", *options, "/etc/distribution/config.yml", seconds=SECONDS,
    )  # fmt: skip


def _blob_exists(running: Running, digest: str) -> bool:
    hexadecimal = digest.partition(":")[2]
    folder = f"{running.backend.remote}/docker/registry/v2/blobs/sha256/{hexadecimal[:2]}"
    return f"{hexadecimal}/" in rclone(running.backend, "lsf", folder).split()


def test_what_was_deleted_is_collected_and_everything_else_stays(running: Running) -> None:
    host, client = running.deployment.docker, running.target.client()
    doomed, kept, multi = fresh("gc"), fresh("gc"), fresh("gc")
    image, other = build_image(doomed), build_image(kept)
    index = build_index(multi, ("amd64", "arm64"))
    client.push(doomed, "v1", image)
    client.push(kept, "v1", other)
    client.push(multi, "v1", index)
    client.delete_manifest(doomed, image.digest)
    unused = [digest_of(blob) for blob in image.blobs]

    host.close_gate()
    try:
        said = collect(running, "--dry-run")
        assert all(f"blob eligible for deletion: {digest}" in said for digest in unused), said[-3000:]
        assert all(_blob_exists(running, digest) for digest in unused), "a dry run deletes nothing"
        collect(running)
        assert not any(_blob_exists(running, digest) for digest in unused)
        # The cache still believes in the blobs that are gone.
        for service in ("redis", *host.replicas()):
            host.stop(service)
            host.start(service)
    finally:
        host.open_gate()
    host.wait_healthy("edge")
    wait_for("the registry to answer", lambda: running.target.client().request("GET", "/v2/").status == 200)
    client = running.target.client()
    assert client.manifest_status(doomed, "v1") == 404
    assert client.pull(kept, "v1") == other.digest
    assert client.pull(multi, "v1") == index.digest, "without -m the children of a multi-arch image stay"
    client.push(doomed, "v2", image)
    assert client.pull(doomed, "v2") == image.digest, "what was collected can be pushed again"
    assert json.loads(client.manifest(multi, "v1").body)["manifests"]
