"""Uploads on object storage: large ones in parts, ones that cross replicas, ones that were under way when replicas restarted."""

import json
import os
from collections.abc import Callable

import pytest

from tests.blackbox.command import run
from tests.blackbox.images import MIB, GeneratedBlob, build_image, digest_of
from tests.blackbox.names import fresh
from tests.blackbox.oci import RegistryClient
from tests.blackbox.target import RegistryTarget
from tests.storage.backends import Backend
from tests.storage.conftest import Running

LARGE = 200 * MIB
OCTETS = {"Content-Type": "application/octet-stream"}


def rclone(backend: Backend, *args: str, seconds: float = 300) -> str:
    """Runs rclone with a remote `storage:` and without any configuration of this machine's user."""
    # Variables of the AWS SDK would change how the server is reached.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("RCLONE_", "AWS_"))}
    env = {**inherited, "RCLONE_CONFIG": "/dev/null", **backend.rclone}
    return run("rclone", *args, "--retries=1", env=env, seconds=seconds).out


def stored(backend: Backend, digest: str) -> dict[str, object]:
    """What the storage says about a blob's data."""
    hexadecimal = digest.partition(":")[2]
    folder = f"{backend.remote}/docker/registry/v2/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}"
    return json.loads(rclone(backend, "lsjson", folder))[0]


def replica_client(running: Running, number: int) -> RegistryClient:
    """A client of one replica, past the edge: this machine reaches its containers by their addresses."""
    networks = running.deployment.docker.inspect(f"registry-{number}")["NetworkSettings"]["Networks"]
    address = networks[running.deployment.name]["IPAddress"]
    return RegistryClient(f"http://{address}:5000", account=running.target.account)


def test_a_layer_of_200_mib_goes_up_in_parts_and_comes_down_whole(running: Running) -> None:
    repository = fresh("large")
    client = running.target.client(timeout=300)
    digest = client.push_generated(repository, GeneratedBlob(repository, LARGE))
    assert client.pull_blob(repository, digest) == LARGE
    found = stored(running.backend, digest)
    assert found["Size"] == LARGE
    assert found["Name"] == "data"


def test_the_upload_was_a_multipart_upload(running: Running) -> None:
    """S3's ETag of an object that came in parts ends with their number. Azurite shows nothing of the kind."""
    if running.deployment.settings["storage"] != "s3":
        pytest.skip("only S3 shows in how many parts an object came")
    repository = fresh("parts")
    digest = running.target.client(timeout=300).push_generated(repository, GeneratedBlob(repository, LARGE))
    parts = int(_etag(running, digest).strip('"').rpartition("-")[2])
    assert parts > 1


def _etag(running: Running, digest: str) -> str:
    import boto3  # noqa: PLC0415 - a second to import

    s3 = running.deployment.settings["s3"]
    client = boto3.client(
        "s3",
        endpoint_url=s3["endpoint"],
        region_name="us-east-1",
        aws_access_key_id=s3["accessKeyId"],
        aws_secret_access_key=running.backend.secrets["s3.secretAccessKey"],
        verify=running.backend.rclone.get("RCLONE_CA_CERT", False),
    )
    hexadecimal = digest.partition(":")[2]
    key = f"{s3['prefix']}/docker/registry/v2/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data"
    return str(client.head_object(Bucket=s3["bucket"], Key=key)["ETag"])


def test_everything_lies_below_the_prefix(running: Running) -> None:
    running.target.client().push(fresh("prefix"), "v1", build_image("prefix"))
    top = running.backend.remote.split("/", 1)[0]
    assert rclone(running.backend, "lsf", top).split() == ["registry/"]
    below = set(rclone(running.backend, "lsf", running.backend.remote).split())
    # A collection may have run on this stack: what it swept waits beside the registry's own tree.
    assert {"docker/"} <= below <= {"docker/", "quarantine/"}


def test_an_upload_that_crosses_replicas_succeeds(running: Running) -> None:
    repository = fresh("crossing")
    first, second = replica_client(running, 1), replica_client(running, 2)
    layer = GeneratedBlob(repository, 12 * MIB)
    pieces = b"".join(layer.pieces())
    half = len(pieces) // 2
    location = first.start_upload(repository).header("Location")
    location = second.request("PATCH", location, pieces[:half], OCTETS, want=(202,)).header("Location")
    location = first.request("PATCH", location, pieces[half:], OCTETS, want=(202,)).header("Location")
    joint = "&" if "?" in location else "?"
    second.request("PUT", f"{location}{joint}digest={digest_of(pieces)}", b"", OCTETS, want=(201,))
    for client in (first, second, running.target.client()):
        assert client.pull_blob(repository, digest_of(pieces)) == len(pieces)


def test_an_upload_goes_on_after_all_replicas_were_restarted(running: Running) -> None:
    repository = fresh("restart")
    target: RegistryTarget = running.target
    layer = build_image(repository, (3 * MIB,)).layers[0]
    half = len(layer) // 2
    location = target.client().start_upload(repository).header("Location")
    location = target.client().request("PATCH", location, layer[:half], OCTETS, want=(202,)).header("Location")
    _restart_replicas(running)
    location = target.client().request("PATCH", location, layer[half:], OCTETS, want=(202,)).header("Location")
    target.client().request("PUT", f"{location}&digest={digest_of(layer)}", b"", OCTETS, want=(201,))
    assert target.client().pull_blob(repository, digest_of(layer)) == len(layer)


def test_images_are_there_after_a_restart_of_everything_that_could_remember_them(running: Running) -> None:
    repository = fresh("restart")
    image = build_image(repository)
    running.target.client().push(repository, "v1", image)
    _restart_replicas(running, also=lambda: running.deployment.docker.stop("redis"))
    assert running.target.client().pull(repository, "v1") == image.digest


def _restart_replicas(running: Running, also: Callable[[], None] | None = None) -> None:
    host = running.deployment.docker
    for replica in host.replicas():
        host.stop(replica)
    if also:
        also()
        host.start("redis")
    for replica in host.replicas():
        host.start(replica)
    host.wait_healthy("edge")
