"""The provider's settings: which engine to talk to, and how to log in to registries. Pure, apart from reading named files."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offline.plugins.docker.schema import Property, Schema, check_inputs
from offline.plugins.docker.values import Flag, ListOf, Part, Record, Text
from offline.plugins.framework.resource import CheckFailure, ResourceError
from offline.plugins.framework.values import Properties, has_unknown

LOCAL_SOCKET = "unix:///var/run/docker.sock"
DOCKER_HUB = "registry-1.docker.io"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
_SCHEMES = ("unix://", "tcp://", "ssh://", "http://", "https://")

_PEM = Text(pattern=r"\s*-----BEGIN[\s\S]*", form="PEM text beginning with -----BEGIN", quoted=False)
_REGISTRY_AUTH = Record(
    {
        "address": Part(Text(pattern=r"\S+", form="a registry's host name", quoted=False), required=True),
        "username": Part(Text()),
        "password": Part(Text()),
        "configFile": Part(Text()),
        "configFileContent": Part(Text()),
        "authDisabled": Part(Flag()),
    }
)
PROVIDER: Schema = {
    "host": Property(Text(pattern=r"(unix|tcp|ssh|http|https)://.+", form="an address that begins with " + ", ".join(_SCHEMES))),
    "sshOpts": Property(ListOf(Text())),
    "registryAuth": Property(ListOf(_REGISTRY_AUTH)),
    "caMaterial": Property(_PEM),
    "certMaterial": Property(Text()),
    "keyMaterial": Property(Text()),
    "certPath": Property(Text()),
    "disableDockerDaemonCheck": Property(Flag(), default=False),
    "context": Property(Text(), refused="give the engine's address as host"),
}


@dataclass(frozen=True)
class TlsMaterial:
    """PEM texts for a tcp:// engine; empty ones are not used."""

    ca: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class EngineSettings:
    """Where the engine is and how to get in."""

    host: str = LOCAL_SOCKET
    ssh_options: tuple[str, ...] = ()
    tls: TlsMaterial | None = None
    logins: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Registry host to the engine's login form (username, password, serveraddress)."""

    def login(self, registry: str) -> dict[str, str]:
        """The login for a registry's host name; empty for an anonymous pull."""
        return dict(self.logins.get(_registry_key(registry), {}))


def check_provider(config: Properties) -> list[CheckFailure]:
    """What is wrong with the provider's settings; values are only quoted where they cannot be secret."""
    _, failures = check_inputs(PROVIDER, config)
    if not failures and not has_unknown(config) and bool(config.get("certMaterial")) != bool(config.get("keyMaterial")):
        failures.append(CheckFailure("certMaterial", "certMaterial and keyMaterial go together"))
    return failures


def engine_settings(config: Properties, environment: Mapping[str, str] = os.environ) -> EngineSettings:
    """The settings as the plugin uses them; what is missing comes from the environment variables that the vendor's plugin reads.

    Raises ResourceError for a file that cannot be read or a login that cannot be found.
    """
    return EngineSettings(
        host=config.get("host") or environment.get("DOCKER_HOST") or LOCAL_SOCKET,
        ssh_options=tuple(config.get("sshOpts") or environment.get("DOCKER_SSH_OPTS", "").split()),
        tls=_tls(config, environment),
        logins=dict(_login(entry, environment) for entry in config.get("registryAuth") or []),
    )


def _tls(config: Properties, environment: Mapping[str, str]) -> TlsMaterial | None:
    def setting(name: str, variable: str) -> str:
        return config.get(name) or environment.get(variable, "")

    material = TlsMaterial(
        ca=setting("caMaterial", "DOCKER_CA_MATERIAL"),
        certificate=setting("certMaterial", "DOCKER_CERT_MATERIAL"),
        key=setting("keyMaterial", "DOCKER_KEY_MATERIAL"),
    )
    if material != TlsMaterial():
        return material
    folder = setting("certPath", "DOCKER_CERT_PATH")
    if not folder:
        return None
    return TlsMaterial(*(_read(Path(folder) / name, "certPath") for name in ("ca.pem", "cert.pem", "key.pem")))


def _read(path: Path, setting: str) -> str:
    try:
        return path.expanduser().read_text()
    except OSError as error:
        raise ResourceError(f"provider setting {setting}: {path} cannot be read: {error.strerror}") from error


def _login(entry: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    address = str(entry["address"])
    host = address.split("://", 1)[-1].split("/", 1)[0]
    username = entry.get("username") or environment.get("DOCKER_REGISTRY_USER", "")
    password = entry.get("password") or environment.get("DOCKER_REGISTRY_PASS", "")
    if entry.get("authDisabled") in (True, "true"):
        return _registry_key(host), {}
    if not username:
        username, password = _file_login(entry, host)
    scheme = "http://" if address.startswith("http://") else "https://"
    return _registry_key(host), {"username": username, "password": password, "serveraddress": scheme + host}


def _file_login(entry: Mapping[str, Any], host: str) -> tuple[str, str]:
    content = entry.get("configFileContent") or _read(Path(entry.get("configFile") or "~/.docker/config.json"), "registryAuth.configFile")
    try:
        logins = json.loads(content).get("auths", {})
        hub_names = ["https://index.docker.io/v1/", *_HUB_NAMES] if host in _HUB_NAMES else []
        names = [host, f"https://{host}", f"https://{host}/v1/", *hub_names]
        found = next((logins[name] for name in names if name in logins), None)
        if found is None or "auth" not in found:
            raise ResourceError(
                f"provider setting registryAuth: no login for {host} in the Docker configuration; give username and password"
            )
        username, _, password = base64.b64decode(found["auth"]).decode().partition(":")
    except (json.JSONDecodeError, binascii.Error, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise ResourceError(f"provider setting registryAuth: the Docker configuration for {host} is not readable") from error
    return username, password


def _registry_key(host: str) -> str:
    return DOCKER_HUB if host in _HUB_NAMES else host


def registry_of(image: str) -> str:
    """The registry's host in an image name; Docker Hub when it has none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else DOCKER_HUB
