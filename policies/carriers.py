"""Containers that are no resources: what the hosts of a fleet run lies in an archive in a bucket, and what that leaves open in a secret.

So that a fleet is judged by the same rules as a Docker host, the archive's services count as containers, with the files that they mount as
their uploads; certificates and accounts in a secret count as files of a container of their own. What a rule says about them is said about
the object or the secret.
"""

import json
from collections.abc import Iterable, Iterator, Mapping

from policies.aws.types import OBJECTS, SECRET_VERSIONS
from policies.containers.facts import CONTAINER
from policies.fleet_archive import archive_in
from policies.rule import Resource
from policies.values import View

CARRIERS = (*OBJECTS, *SECRET_VERSIONS)
"""Types that may carry containers."""
_ONLY_FILES: Mapping[str, object] = {
    "image": "",
    "capabilities": {"drops": ["ALL"]},
    "securityOpts": ["no-new-privileges:true"],
    "healthcheck": {"tests": ["CMD", "true"]},
    "memory": 1,
}
"""A container for the rules on files alone: those on how containers run find nothing to say about it."""


def expanded(resource: Resource) -> tuple[Resource, ...]:
    """The resource, and the containers that it carries, if any."""
    return (resource, *_carried(resource)) if resource.type in CARRIERS else (resource,)


def all_expanded(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """All resources, each followed by the containers that it carries."""
    return tuple(inner for resource in resources for inner in expanded(resource))


def values_in(resource: Resource) -> Mapping[str, object] | None:
    """The values in a secret that is a JSON object; None for any other. Raises NotKnownYetError."""
    text = resource.props.text("secretString")
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, Mapping) else None


def _carried(resource: Resource) -> Iterator[Resource]:
    if resource.type in SECRET_VERSIONS:
        yield from _files_of_a_secret(resource)
        return
    archive = archive_in(resource)
    for name, service in archive.services.items():
        yield _inside(resource, name, service)


def _inside(carrier: Resource, name: str, properties: Mapping[str, object]) -> Resource:
    return Resource(
        CONTAINER,
        f"{carrier.name}, {name}",
        View({str(key): value for key, value in properties.items()}),
        urn=f"{carrier.identity}#{name}",
        parent=carrier.identity,
        carrier=carrier.identity,
    )


def _files_of_a_secret(resource: Resource) -> Iterator[Resource]:
    if not isinstance(resource.props.known("secretString"), str):
        return  # a stack rule says so
    uploads = [
        {"file": f"/{key.removesuffix('_pem')}.pem" if key.endswith("_pem") else f"/{key}", "content": value}
        for key, value in (values_in(resource) or {}).items()
        if isinstance(value, str) and (key.endswith("_pem") or "htpasswd" in key)
    ]
    if uploads:
        yield _inside(resource, "secretString", {**_ONLY_FILES, "uploads": uploads})
