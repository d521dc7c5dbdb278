"""`make s3-server`: a local S3 server for a stack without a cloud account, and the settings with which the stack finds it."""

import secrets
import shutil
import socket
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from offline.kit import places
from offline.kit.engine_api import Address, Engine
from offline.kit.errors import KitError
from offline.kit.progress import say
from offline.kit.stack_file import PREFIX, locate
from offline.servers.s3_server import S3Server
from stack import local_values

SECRET_BYTES = 30
_ENDPOINT, _SECRET = "s3.endpoint", "s3.secretAccessKey"


def folder(stack: str) -> Path:
    """Where the server of a stack keeps its objects."""
    return places.STATE / "s3-server" / stack


def _wanted(stack: str) -> tuple[str, str]:
    """The bucket and the access key's id from the stack file. Raises KitError when it has none, or names another server."""
    content = yaml.safe_load(locate(places.REPO, stack).read_text(encoding="utf-8")) or {}
    s3 = (content.get("config") or {}).get(f"{PREFIX}s3") or {}
    if "endpoint" in s3:
        raise KitError(f"Pulumi.{stack}.yaml names a server of its own, {s3['endpoint']}: no local one is needed")
    if not s3.get("bucket") or not s3.get("accessKeyId"):
        raise KitError(f"Pulumi.{stack}.yaml must set private-registry:s3 with bucket and accessKeyId")
    return str(s3["bucket"]), str(s3["accessKeyId"])


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise KitError(
                f"the engine's address {address} is not one of this machine ({error.strerror}): a local S3 server needs an engine that "
                "runs here and not inside a virtual machine"
            ) from error
        return int(probe.getsockname()[1])


def _server(stack: str, access_key_id: str, values: local_values.LocalValues) -> S3Server:
    endpoint = urlsplit(values.plain[_ENDPOINT])
    return S3Server(folder(stack), str(endpoint.hostname), int(endpoint.port or 0), access_key_id, values.secret[_SECRET])


def start(stack: str) -> int:
    """Starts the server, with a new password the first time; returns the exit code. A port that was given once stays."""
    bucket, access_key_id = _wanted(stack)
    address = Engine(Address()).bridge_address()
    values = local_values.load(places.STATE, stack)
    known = urlsplit(values.plain.get(_ENDPOINT, ""))
    port = known.port or _free_port(address)
    secret = values.secret.get(_SECRET) or secrets.token_urlsafe(SECRET_BYTES)
    values = local_values.LocalValues({_ENDPOINT: f"http://{address}:{port}"}, {_SECRET: secret})
    server = _server(stack, access_key_id, values)
    server.make_bucket(bucket)
    server.start()
    local_values.save(places.STATE, stack, values)
    say(f"S3 server at {server.endpoint}, bucket {bucket}, objects in {server.data}. Next: make up STACK={stack}")
    return 0


def stop(stack: str) -> int:
    """Stops the server; its objects and its password stay. Returns the exit code."""
    values = local_values.load(places.STATE, stack)
    stopped = _ENDPOINT in values.plain and _server(stack, "", values).stop()
    say(f"S3 server stopped; its objects stay in {folder(stack)}" if stopped else "no S3 server runs")
    return 0


def delete(stack: str) -> int:
    """Stops the server and removes its objects and its password. Returns the exit code."""
    stop(stack)
    if folder(stack).exists():
        shutil.rmtree(folder(stack))
    local_values.forget(places.STATE, stack)
    say("its objects are deleted")
    return 0


def perform(stack: str, action: str) -> int:
    """Does one of start, stop, delete; returns the exit code. Raises KitError."""
    match action:
        case "start":
            return start(stack)
        case "stop":
            return stop(stack)
        case _:
            return delete(stack)
