"""Bundles of fleets for the cases of the rules that look into them."""

import base64
import gzip
import io
import tarfile
from collections.abc import Mapping
from typing import Any

import yaml

from policies.aws.types import OBJECTS, SECRET_VERSIONS
from policies.rule import Resource
from tests.policies.case import resource
from tests.policies.containers import TLS_SERVER, config, server

OPEN = {"registry": "files/registry", "edge": "files/edge"}
MARKED_CONFIG = config(
    http={"addr": ":5000", "secret": "@@http_secret@@"}, redis={"addrs": ["@@redis_host@@:6379"], "password": "@@redis_password@@"}
)
"""A registry configuration that leaves its secrets open."""
VALUES = {"http_secret": "s", "redis_host": "h", "redis_password": "p", "htpasswd": "a", "certificate_pem": "c", "private_key_pem": "k"}


def service(image: str, group: str, target: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - of a compose file
    """A service that mounts a group of files."""
    volume = {"type": "bind", "source": f"/var/lib/private-registry/files/{group}", "target": target, "read_only": True}
    return {
        "image": image,
        "volumes": [volume],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": "256m",
        **more,
    }


def files(registry: object = None, edge: str | None = None, **more: str) -> dict[str, str]:
    """The files of a good bundle, or others."""
    return {
        "files/registry/config.yml": yaml.safe_dump(MARKED_CONFIG if registry is None else registry),
        "files/registry/htpasswd": "@@htpasswd@@",
        "files/edge/nginx.conf": server(TLS_SERVER) if edge is None else edge,
        "files/edge/tls.crt": "@@certificate_pem@@\n",
        "files/edge/tls.key": "@@private_key_pem@@",
        "files/edge/host": "@@host@@",
        "host/agent.py": 'TOKEN = "X-aws-ec2-metadata-token-0123456789"\n',
        **{path.replace("__", "/"): text for path, text in more.items()},
    }


def services(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - of a compose file
    """The services of a good bundle, or others."""
    good = {
        "registry-1": service("registry:3.1.2", "registry", "/etc/distribution"),
        "edge": service("nginx:1.28.0-alpine", "edge", "/etc/edge", ports=[{"target": 8443, "published": "443", "host_ip": "0.0.0.0"}]),  # noqa: S104
    }
    return {**good, **changed}


def packed(texts: Mapping[str, str | bytes], *, compose: object = None) -> str:
    """An archive as a bucket's object has it."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path, text in {"compose.yaml": yaml.safe_dump({"services": services()} if compose is None else compose), **texts}.items():
            data = text if isinstance(text, bytes) else text.encode()
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return base64.b64encode(gzip.compress(content.getvalue())).decode()


def bundle(texts: Mapping[str, str | bytes] | None = None, *, compose: object = None) -> Resource:
    """The object with the bundle."""
    return resource(
        OBJECTS[1], "bundle", {"key": "bundles/1.tar.gz", "contentBase64": packed(files() if texts is None else texts, compose=compose)}
    )


def secret(text: object) -> Resource:
    """A version of the fleet's secret."""
    return resource(SECRET_VERSIONS[0], "hosts", {"secretId": "arn:secret", "secretString": text})
