"""Event logs in the form that pulumi 3.274 writes, cut down to what matters, and with values as a real log has them."""

from collections.abc import Mapping, Sequence

CANARY = "canary-6f1e2d3c4b5a"
"""Stands for a secret value: nothing that people read may hold it."""


def urn(type_: str, name: str) -> str:
    """A resource's URN inside a component."""
    return f"urn:pulumi:dev::private-registry::private-registry:index:PrivateRegistry${type_}::{name}"


def _state() -> dict[str, object]:
    return {"inputs": {"password": CANARY}, "outputs": {"uploads": [{"content": CANARY}]}}


def step(operation: str, type_: str, name: str, properties: Sequence[str] = ()) -> dict[str, object]:
    """A step as it is announced."""
    detailed = {key: {"diffKind": "update", "inputDiff": True} for key in properties} or None
    metadata = {"op": operation, "urn": urn(type_, name), "type": type_, "old": _state(), "new": _state(), "detailedDiff": detailed}
    return {"resourcePreEvent": {"metadata": metadata, "planning": True}}


def look(type_: str, name: str, properties: Sequence[str] = (), *, gone: bool = False) -> dict[str, object]:
    """What a refresh came to."""
    detailed = {key: {"diffKind": "update", "inputDiff": True} for key in properties} or None
    new = None if gone else _state()
    metadata = {"op": "refresh", "urn": urn(type_, name), "type": type_, "old": _state(), "new": new, "detailedDiff": detailed}
    return {"resOutputsEvent": {"metadata": metadata, "planning": True}}


def policy(
    name: str, level: str, message: str, type_: str = "docker:index/container:Container", resource: str = "edge"
) -> dict[str, object]:
    """A violation; the empty resource is the whole stack."""
    where = urn(CONTAINER, resource) if resource else "urn:pulumi:dev::private-registry::pulumi:pulumi:Stack::private-registry-dev"
    return {
        "policyEvent": {
            "resourceUrn": where,
            "message": f"<{{%fg 1%}}>{message}<{{%reset%}}>\n",
            "color": "raw",
            "policyName": name,
            "policyPackName": "private-registry",
            "policyPackVersion": "",
            "policyPackVersionTag": "",
            "enforcementLevel": level,
        }
    }


def diagnostic(severity: str, message: str, *, ephemeral: bool = False) -> dict[str, object]:
    """A line of diagnostics."""
    return {
        "diagnosticEvent": {
            "prefix": f"<{{%fg 1%}}>{severity}: <{{%reset%}}>",
            "message": f"<{{%reset%}}>{message}<{{%reset%}}>\n",
            "color": "raw",
            "severity": severity,
            "ephemeral": ephemeral,
        }
    }


def summary(changes: Mapping[str, int], *, pack: bool = True) -> dict[str, object]:
    """The end of a preview."""
    packs = {"private-registry": ""} if pack else {}
    return {"summaryEvent": {"maybeCorrupt": False, "durationSeconds": 9, "resourceChanges": dict(changes), "PolicyPacks": packs}}


CONTAINER = "docker:index/container:Container"
PREVIEW = (
    step("same", "docker:index/network:Network", "registry-dev"),
    step("create", "pulumi:providers:random", "default_4_21_4"),
    step("create", "random:index/randomPassword:RandomPassword", "registry-dev-reader"),
    step("create-replacement", CONTAINER, "registry-dev-config", ["uploads[0].content"]),
    step("replace", CONTAINER, "registry-dev-config", ["uploads[0].content"]),
    step("delete-replaced", CONTAINER, "registry-dev-config"),
    step("update", "docker:index/volume:Volume", "registry-dev-gate", ["labels", "driver"]),
    step("delete", CONTAINER, "registry-dev-registry-2"),
    policy("published-port-without-tls", "advisory", "cannot be decided before the update: `ports` is not known yet"),
    diagnostic("warning", "using pulumi-resource-docker from $PATH at /somewhere"),
    diagnostic("warning", "the certificate ends in 20 days"),
    diagnostic("info", "said by the program"),
    diagnostic("error", "shown for a moment", ephemeral=True),
    summary({"same": 36, "create": 1, "replace": 1, "update": 1, "delete": 1}),
)
REFUSED = (
    step("create", CONTAINER, "edge"),
    policy(
        "registry-without-authentication",
        "mandatory",
        "uploads[0].content: section `auth` is missing.\nFix: add `auth.htpasswd`",
        CONTAINER,
        "config",
    ),
    policy("stack-without-edge", "mandatory", "no service in front of the registry speaks TLS", resource=""),
    summary({"create": 1}),
)
FAILED = (
    step("create", CONTAINER, "edge"),
    diagnostic("error", f"Program failed:\nValueError: no host in https://admin:{CANARY}@db.example.com"),
)
DRIFTED = (
    look(CONTAINER, "registry-dev-registry-1", ["memory", "restart"]),
    look(CONTAINER, "registry-dev-edge", gone=True),
    look(CONTAINER, "registry-dev-config"),
    step("update", CONTAINER, "registry-dev-registry-1", ["memory", "restart"]),
    step("create", CONTAINER, "registry-dev-edge"),
    summary({"same": 36, "create": 1, "update": 1}, pack=False),
)
RIGHT = (look(CONTAINER, "registry-dev-config"), step("same", CONTAINER, "registry-dev-config"), summary({"same": 1}, pack=False))
