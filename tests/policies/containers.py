"""Containers for the cases of the rules that read them."""

from collections.abc import Mapping
from typing import Any

import yaml

from tests.policies.case import CANARY

BCRYPT = "$2y$05$" + "a" * 53
HTPASSWD = f"admin:{BCRYPT}\n"

CONFIG: Mapping[str, Any] = {
    "version": 0.1,
    "storage": {"filesystem": {"rootdirectory": "/var/lib/registry"}},
    "http": {"addr": ":5000", "secret": f"{CANARY}-and-much-more-of-it"},
    "auth": {"htpasswd": {"realm": "registry", "path": "/etc/distribution/htpasswd"}},
    "redis": {"addrs": ["redis:6379"], "password": f"{CANARY}-redis"},
}
"""A registry configuration that every rule accepts."""


def config(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - sections of the configuration
    """The good configuration with sections replaced; None takes one away."""
    return {key: value for key, value in {**CONFIG, **changed}.items() if value is not None}


def upload(path: str, content: object) -> dict[str, object]:
    """A file given to a container; a mapping is written as YAML."""
    return {"file": path, "content": yaml.safe_dump(content) if isinstance(content, Mapping) else content}


def filled(content: object, path: str = "/bundle/registry/config.yml") -> dict[str, Any]:
    """A container that puts a configuration into a volume for others, as the program's `config` service does."""
    return {"image": "busybox:1.37.0", "entrypoints": ["sh", "/run.sh"], "uploads": [upload(path, content)]}


def registry(*envs: object, image: object = "registry:3.1.2", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - the container's inputs
    """A container that runs the registry with these variables."""
    return {"image": image, "envs": list(envs), **more}


AUTH = ("REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=r", "REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd")
TLS = ("REGISTRY_HTTP_TLS_CERTIFICATE=/certs/tls.crt", "REGISTRY_HTTP_TLS_KEY=/certs/tls.key")
AUTH_MOUNT = {"volumes": [{"hostPath": "/srv/auth", "containerPath": "/auth"}]}
PUBLISHED = {"ports": [{"internal": 5000, "external": 5000}]}


def server(inside: str, around: str = "") -> str:
    """An nginx configuration with one server."""
    return f"events {{}}\nhttp {{\n{around}\nserver {{\n{inside}\n}}\n}}\n"


TLS_SERVER = (
    "listen 8443 ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256; location / { proxy_pass http://registry; }"
)


def nginx(content: object, path: str = "/etc/nginx/nginx.conf") -> dict[str, Any]:
    """An nginx container with this configuration."""
    return {"image": "nginx:1.28.0-alpine", "uploads": [upload(path, content)], "ports": [{"internal": 8443, "external": 443}]}
