"""What the program runs passes every rule, in many variants; mocks stand in for the engine. test_engine.py runs the pack on a real one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from policies.catalog import RULES
from policies.containers.facts import CONTAINER
from policies.rule import Level, Resource
from policies.values import View
from tests.certificates import make_ca, make_pair
from tests.policies.recorded import resources_of, said_about
from tests.unit.test_storage_settings import AZURITE, ENDPOINT, azure, s3

CA = make_ca()
PAIR = make_pair("registry.example.com", ca=CA)
REGISTRY_2 = {"images": {"registry": "registry:2.8.3"}}
STACKS: dict[str, dict[str, Any]] = {
    "the default": {},
    "registry 2": REGISTRY_2,
    "no cache, one replica": {"cache": "none", "replicas": 1},
    "cache in memory": {"cache": "inmemory", "replicas": 1, **REGISTRY_2},
    "a redirect port, everything on one address": {"redirectPort": 80, "docker": {"bindAddress": "127.0.0.1"}},
    "a remote engine": {"docker": {"host": "ssh://admin@registry.example.com"}},
    "a supplied certificate": {
        "tls": {"mode": "provided", "certificate": PAIR.certificate, "privateKey": PAIR.key, "caCertificate": CA.certificate}
    },
    "certificates as long as the settings allow": {"tls": {"validityDays": 825, "caValidityDays": 7300}},
    "a password of a person's choice": {"auth": {"users": [{"name": "admin", "password": "chosen by a person"}]}},
    "many replicas": {"replicas": 5},
    "schedules": {"gc": {"schedule": "0 3 * * *"}},
    "s3": s3(region="eu-central-1", prefix="prod"),
    "s3, registry 2": {**s3(), **REGISTRY_2},
    "s3-compatible": {"storage": "s3", "s3": ENDPOINT},
    "azure": azure(),
    "azurite": {"storage": "azure", "azureBlob": AZURITE},
}


@pytest.mark.parametrize("name", STACKS)
def test_no_rule_has_anything_to_say(name: str) -> None:
    assert said_about(resources_of(STACKS[name]), RULES) == {Level.MANDATORY: [], Level.ADVISORY: []}


def _with(resource: Resource, **changed: Any) -> Resource:  # noqa: ANN401 - a container's inputs
    assert isinstance(resource.props.data, dict)
    return replace(resource, props=View({**resource.props.data, **changed}))


def _in_file(old: str, new: str) -> Callable[[Resource], Resource]:
    """Changes the text of whatever uploaded file has it."""

    def change(resource: Resource) -> Resource:
        uploads: Any = resource.props.value("uploads")
        if not uploads:
            return resource
        assert any(old in (upload.get("content") or "") for upload in uploads), old
        return _with(resource, uploads=[{**upload, "content": (upload.get("content") or "").replace(old, new)} for upload in uploads])

    return change


def _on(suffix: str, **changed: Any) -> Callable[[Resource], Resource]:  # noqa: ANN401 - a container's inputs
    """Changes the inputs of one container."""
    return lambda resource: _with(resource, **changed) if resource.name.endswith(suffix) else resource


WRONG: dict[str, tuple[Callable[[Resource], Resource], str]] = {
    "the edge without TLS": (_in_file("listen 8443 ssl;", "listen 8443;"), "nginx-listens-with-tls"),
    "an old protocol": (_in_file("ssl_protocols TLSv1.2", "ssl_protocols TLSv1.1 TLSv1.2"), "nginx-tls-versions"),
    "a weak cipher": (_in_file("ssl_ciphers ", "ssl_ciphers RC4-SHA:"), "nginx-ciphers"),
    "no auth": (_in_file("\nauth:\n  htpasswd:", "\nnotes:\n  htpasswd:"), "registry-requires-authentication"),
    "silly auth": (_in_file("\nauth:\n  htpasswd:", "\nauth:\n  silly:"), "registry-requires-authentication"),
    "weak hashes": (_in_file(":$2y$05$", ":$2y$04$"), "htpasswd-bcrypt"),
    "Redis without a password": (_in_file("requirepass", "#"), "redis-requirepass"),
    "a replica's port": (_on("-registry-1", ports=[{"internal": 5000, "external": 5000}]), "registry-port-not-published"),
    "the debug port": (_on("-registry-1", ports=[{"internal": 5001, "external": 5001}]), "registry-debug-port-not-published"),
    "Redis' port": (_on("-redis", ports=[{"internal": 6379, "external": 6379}]), "redis-port-not-published"),
    "the engine's socket": (
        _on("-ops", mounts=[{"type": "bind", "source": "/var/run/docker.sock", "target": "/s"}]),
        "container-no-engine-socket",
    ),
    "privileged": (_on("-sweeper", privileged=True), "container-not-privileged"),
    "a secret in the environment": (_on("-registry-2", envs=["REGISTRY_HTTP_SECRET=x"]), "container-no-plain-secrets"),
}


@pytest.fixture(scope="module")
def ours() -> list[Resource]:
    return resources_of({})


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_the_program_itself_is_refused(ours: list[Resource], name: str) -> None:
    """The settings can't switch these off, but a change of the program could."""
    change, rule = WRONG[name]
    changed = [change(resource) if resource.type == CONTAINER else resource for resource in ours]
    said = said_about(changed, RULES)
    assert [line for line in said[Level.MANDATORY] if line.startswith(f"{rule}: ")], said
