"""Images of the engine: look up, pull, and say why a pull failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offline.plugins.docker.client import Engine
from offline.plugins.docker.engine_errors import NOT_FOUND, EngineRefusedError
from offline.plugins.docker.provider_config import DOCKER_HUB, registry_of
from offline.plugins.framework.resource import ResourceError

Inspect = Mapping[str, Any]


def find_image(engine: Engine, name: str) -> Inspect | None:
    """The engine's `inspect` of an image by name or id; None when the engine does not have it."""
    try:
        with engine.asked(f"look up image {name!r}") as api:
            return api.inspect_image(name)
    except EngineRefusedError as error:
        if error.status == NOT_FOUND:
            return None
        raise


def ensure_image(engine: Engine, name: str) -> Inspect:
    """The engine's `inspect` of an image, pulled when the engine does not have it. Raises ResourceError when that fails."""
    found = find_image(engine, name)
    if found is None:
        pull(engine, name)
        found = find_image(engine, name)
    if found is None:
        raise ResourceError(f"image {name!r} was pulled, but the engine does not have it under that name")
    return found


def pull(engine: Engine, name: str) -> None:
    """Pull an image. Raises ResourceError that says why it failed and what to do."""
    if name.startswith("sha256:"):
        raise ResourceError(
            f"image {name} is not on the engine, and an image id cannot be pulled: give the image's name, or load it (`docker load`)"
        )
    registry = registry_of(name)
    repository, tag = split_name(name)
    try:
        with engine.asked(f"pull image {name!r}") as api:
            for event in api.pull(repository, tag=tag, stream=True, decode=True, auth_config=engine.settings.login(registry)):
                if "error" in event:
                    raise ResourceError(pull_failure(name, str(event["error"])))
    except EngineRefusedError as error:
        raise ResourceError(pull_failure(name, error.explanation)) from error


def split_name(name: str) -> tuple[str, str]:
    """Repository and tag (or digest) of an image name; the tag is `latest` when it has none."""
    repository, at, digest = name.partition("@")
    if at:
        return _without_tag(repository)[0], digest
    repository, tag = _without_tag(name)
    return repository, tag or "latest"


def _without_tag(name: str) -> tuple[str, str]:
    head, colon, tag = name.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (name, "")


_REASONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (
        ("toomanyrequests", "rate limit"),
        "the registry limits pulls",
        "log in through the provider's registryAuth, or wait",
    ),
    (
        ("x509", "certificate signed by unknown", "tls: "),
        "the engine does not trust the registry's certificate",
        "put its CA into /etc/docker/certs.d/{registry}/ca.crt on the engine's host",
    ),
    (
        ("HTTP response to HTTPS client",),
        "the registry does not speak HTTPS",
        "list it under insecure-registries in the engine's daemon.json, or give it TLS",
    ),
    (
        (
            "no such host",
            "connection refused",
            "i/o timeout",
            "network is unreachable",
            "no route to host",
            "proxyconnect",
            "Client.Timeout",
            "deadline exceeded",
            "handshake timeout",
            "connection reset",
            "temporary failure",
            "server misbehaving",
            "EOF",
        ),
        "the engine cannot reach the registry {registry}",
        "check the network and proxy of the engine's host; without them, load the image there (`docker load`), "
        "or name one that it already has (`docker images`)",
    ),
    (
        ("manifest unknown", "manifest for", "not found"),
        "the registry has no such image or tag",
        "check the spelling of name and tag",
    ),
    (
        ("pull access denied", "unauthorized", "denied", "authentication required", "no basic auth"),
        "there is no such image, or the registry wants a login",
        "check the spelling, and give the login for {registry} in the provider's registryAuth",
    ),
    (
        ("invalid reference format", "invalid tag format"),
        "that is no image name",
        "write it as [registry/]repository[:tag]",
    ),
    (
        ("no matching manifest",),
        "it is not built for the engine's platform",
        "choose another image or tag",
    ),
)


def pull_failure(name: str, explanation: str) -> str:
    """Why a pull failed and what to do, from what the engine said."""
    registry = registry_of(name)
    shown = "Docker Hub" if registry == DOCKER_HUB else registry
    lowered = explanation.lower()
    for marks, reason, remedy in _REASONS:
        if any(mark.lower() in lowered for mark in marks):
            return (
                f"image {name!r} cannot be pulled: {reason.format(registry=shown)}. To fix it, {remedy.format(registry=registry)}. "
                f"(The engine said: {explanation.strip()})"
            )
    return f"image {name!r} cannot be pulled: {explanation.strip()}"


def repo_digest(name: str, digests: list[str]) -> str:
    """Which of an image's digests belongs to `name`: the only one, the one of the same repository, or the first; empty without any."""
    same = [digest for digest in digests if digest.partition("@")[0] == split_name(name)[0]]
    return (same or digests or [""])[0]
