"""A fleet's bundle and secret are judged by the rules on containers, which no resource of the stack is."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from policies.aws.types import OBJECTS, SECRET_VERSIONS
from policies.carriers import all_expanded, expanded
from policies.catalog import RULES
from policies.compose import container
from policies.fleet_archive import NOTHING, archive_in
from policies.rule import Level, Resource
from policies.values import UNKNOWN
from tests.certificates import make_ca, make_pair
from tests.policies.bundles import MARKED_CONFIG, VALUES, bundle, files, packed, secret, service, services
from tests.policies.case import CANARY, resource
from tests.policies.containers import HTPASSWD, config, server
from tests.policies.recorded import said_about
from tests.policies.test_pack import Served

CA = make_ca()
PAIR = make_pair("registry.example.com", ca=CA)
GOOD_SECRET = {**VALUES, "htpasswd": HTPASSWD, "certificate_pem": PAIR.certificate, "private_key_pem": PAIR.key}
PLAIN = server("listen 8080; location / { proxy_pass http://registry; }")


def _said(*resources: Resource) -> dict[Level, list[str]]:
    return said_about(resources, RULES)


def test_a_good_fleet_passes_every_mandatory_rule() -> None:
    said = _said(bundle(), secret(json.dumps(GOOD_SECRET)))
    assert said[Level.MANDATORY] == []
    assert [line for line in said[Level.ADVISORY] if "container-health-check" not in line] == []


def _with_service(name: str, **changed: Any) -> Resource:  # noqa: ANN401 - of a compose file
    good = services()
    return bundle(compose={"services": {**good, name: {**good.get(name, {}), **changed}}})


WRONG: dict[str, tuple[Resource, str]] = {
    "an edge without TLS": (bundle(files(edge=PLAIN)), "nginx-listens-with-tls"),
    "nobody in front speaks TLS": (bundle(files(edge=PLAIN)), "registry-has-tls-edge"),
    "an old protocol": (
        bundle(files(edge=server("listen 8443 ssl; ssl_protocols TLSv1 TLSv1.2; location / { proxy_pass http://r; }"))),
        "nginx-tls-versions",
    ),
    "no authentication": (bundle(files({**MARKED_CONFIG, "auth": None})), "registry-requires-authentication"),
    "silly authentication": (bundle(files({**MARKED_CONFIG, "auth": {"silly": {"realm": "x"}}})), "registry-requires-authentication"),
    "no configuration at all": (bundle({"files/edge/nginx.conf": files()["files/edge/nginx.conf"]}), "published-registry-authenticates"),
    "Redis without a password": (bundle(files({**MARKED_CONFIG, "redis": {"addrs": ["r:6379"]}})), "registry-redis-password"),
    "a short secret of its own": (bundle(files(config(http={"secret": "short"}))), "registry-http-secret-long"),
    "the registry's port": (_with_service("registry-1", ports=["5000:5000"]), "registry-port-not-published"),
    "the debug port": (_with_service("registry-1", ports=["5001:5001"]), "registry-debug-port-not-published"),
    "a privileged service": (_with_service("edge", privileged=True), "container-not-privileged"),
    "the host's network": (_with_service("edge", network_mode="host"), "container-own-namespaces"),
    "the engine's socket": (_with_service("ops", image="x:1", volumes=["/var/run/docker.sock:/s:ro"]), "container-no-engine-socket"),
    "a folder of the host": (_with_service("ops", image="x:1", volumes=["/etc:/host"]), "container-no-host-folders"),
    "a capability": (_with_service("edge", cap_add=["SYS_ADMIN"]), "container-no-dangerous-capabilities"),
    "the newest image": (_with_service("edge", image="nginx"), "image-pinned"),
    "a secret in the environment": (_with_service("edge", environment={"API_TOKEN": CANARY}), "container-no-plain-secrets"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_a_bundle_is_found_and_said_about_the_object(name: str) -> None:
    wrong, rule = WRONG[name]
    said = _said(wrong, secret(json.dumps(GOOD_SECRET)))[Level.MANDATORY]
    found = [line for line in said if line.startswith(f"{rule}: bundle")]
    assert found, said
    assert CANARY not in str(said)


WEAK: dict[str, tuple[dict[str, str], str]] = {
    "a hash that is no bcrypt": ({"htpasswd": f"admin:{CANARY}"}, "htpasswd-bcrypt"),
    "a certificate for too long": (
        {"certificate_pem": make_pair("r.example.com", ca=CA, end=datetime.now(UTC) + timedelta(days=2000)).certificate},
        "certificate-file-sound",
    ),
}


@pytest.mark.parametrize("name", WEAK)
def test_a_weakness_in_the_secret_is_found_and_said_about_its_version(name: str) -> None:
    weak, rule = WEAK[name]
    said = _said(bundle(), secret(json.dumps({**GOOD_SECRET, **weak})))[Level.MANDATORY]
    assert [line for line in said if line.startswith(f"{rule}: hosts, secretString")], said
    assert CANARY not in str(said)


def test_what_is_not_known_yet_is_undecided_in_one_place() -> None:
    said = _said(bundle(), secret(UNKNOWN))
    assert said[Level.MANDATORY] == ["fleet-secret-complete: bundle: secretString of hosts"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        UNKNOWN,
        "not base64",
        "bm8gYXJjaGl2ZQ==",
        packed({}, compose="services: ["),
        packed({}, compose=["services"]),
        packed({}, compose={"services": ["a"]}),
        packed({"files/a/b": b"\xff\x00"}, compose={"services": {"a": None}}),
    ],
    # Not the archives themselves: they hold the second that they were packed in, and every worker must collect the same tests.
    ids=["nothing", "unknown", "no base64", "no archive", "no yaml", "a list", "services in a list", "a service without settings"],
)
def test_an_object_that_is_no_bundle_carries_nothing(content: object) -> None:
    found = resource(OBJECTS[1], props={"contentBase64": content})
    assert expanded(found) == (found,)
    assert not archive_in(found).services


def test_an_archive_that_unfolds_without_end_is_no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policies.fleet_archive.MAX_BYTES", 1024)
    assert archive_in(bundle({**files(), "files/edge/nginx.conf": "#" * 100_000})) == NOTHING


def test_a_secret_that_is_no_bundles_carries_nothing() -> None:
    for text in ("no JSON", "[]", json.dumps({"password": "x"}), UNKNOWN, None):
        found = resource(SECRET_VERSIONS[0], props={"secretString": text})
        assert expanded(found) == (found,)


def test_a_file_that_is_nothing_but_a_marker_is_the_secrets() -> None:
    (edge,) = [found for found in all_expanded([bundle()]) if found.name == "bundle, edge"]
    uploads = {upload.text("file"): upload.text("content") for upload in edge.props.views("uploads")}
    assert sorted(path or "" for path, content in uploads.items() if content) == ["/etc/edge/nginx.conf"]
    assert sorted(path or "" for path, content in uploads.items() if not content) == [
        "/etc/edge/host",
        "/etc/edge/tls.crt",
        "/etc/edge/tls.key",
    ]
    assert edge.props.views("mounts") == [], "the files stand in its place"
    (registry,) = [found for found in all_expanded([bundle()]) if found.name == "bundle, registry-1"]
    assert not [text for upload in registry.props.views("uploads") if "@@" in (text := upload.text("content") or "")]


def test_both_notations_of_a_compose_file_are_read() -> None:
    found = container(
        {
            "image": "x:1",
            "entrypoint": "sh -c",
            "environment": ["A=b"],
            "volumes": ["data:/data", "/etc:/e:ro", {"type": "bind", "source": "/a", "target": "/b", "read_only": True}, 3],
            "ports": ["443:8443", "127.0.0.1:80:8080/tcp", 5000, {"target": 1, "published": "2"}, None],
            "mem_limit": "1g",
            "healthcheck": {"test": "true"},
        }
    )
    assert found["entrypoints"] == ["sh", "-c"]
    assert found["mounts"] == [
        {"type": "volume", "source": "data", "target": "/data", "readOnly": False},
        {"type": "bind", "source": "/etc", "target": "/e", "readOnly": True},
        {"type": "bind", "source": "/a", "target": "/b", "readOnly": True},
    ]
    assert found["ports"] == [
        {"internal": 8443, "external": 443, "ip": ""},
        {"internal": 8080, "external": 80, "ip": "127.0.0.1"},
        {"internal": 5000, "external": 0, "ip": ""},
        {"internal": 1, "external": 2, "ip": ""},
    ]
    assert found["memory"] == 1024
    assert found["healthcheck"] == {"tests": ["CMD-SHELL", "true"]}
    assert "healthcheck" not in container({"healthcheck": {"disable": True, "test": ["CMD", "true"]}})


def test_the_pack_reports_on_the_object_that_carries_the_container() -> None:
    wrong = bundle(files(edge=PLAIN))
    content = wrong.props.text("contentBase64")
    said = Served(RULES).analyze("bundle", OBJECTS[1], contentBase64=content)
    (message,) = [text for rule, level, text in said if rule == "nginx-listens-with-tls" and level == "MANDATORY"]
    assert "bundle, edge: /etc/edge/nginx.conf" in message
    other = service("x:1", "edge", "/etc/edge")
    assert (
        Served(RULES).analyze("bundle", OBJECTS[1], contentBase64=packed(files(), compose={"services": {"a": other}}))[0][1] == "ADVISORY"
    )
