"""Our fleets in AWS pass every rule, and a mistake in the program is refused; mocks stand in for the engine. tests/engine/test_aws_fleet.py
runs the pack on a real one."""

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from policies.catalog import RULES
from policies.rule import Level, Resource
from policies.values import View
from tests.policies.recorded import resources_of, said_about
from tests.unit.test_aws_settings import KEY, TOPIC, acm, existing, fleet

STACKS: dict[str, dict[str, Any]] = {
    "a new network": fleet(),
    "a public one over two NAT gateways": fleet(internetFacing=True, nat="perZone"),
    "a network that exists": existing(),
    "a certificate of AWS": acm(),
    "everything": fleet(
        kmsKey=KEY,
        alarmTopicArn=TOPIC,
        route53ZoneId="Z0123456789ABCDEFGHIJ",
        permissionsBoundaryArn="arn:aws:iam::123456789012:policy/boundary",
    ),
    "no cache": fleet(top={"cache": "none", "replicas": 1}),
    "a bucket that exists": fleet(bucket={"createBucket": False}),
}


@pytest.mark.parametrize("name", STACKS)
def test_no_rule_has_anything_to_say(name: str) -> None:
    assert said_about(resources_of(STACKS[name]), RULES) == {Level.MANDATORY: [], Level.ADVISORY: []}


def test_a_short_lived_fleet_is_advised_and_not_refused() -> None:
    said = said_about(resources_of(fleet(top={"allowDestroy": True})), RULES)
    assert said[Level.MANDATORY] == []
    assert {line.split(":")[0] for line in said[Level.ADVISORY]} == {"aws-balancer-deletion", "aws-s3-deletion"}


def test_a_fleet_for_everyone_is_refused_until_the_policy_config_accepts_it() -> None:
    said = said_about(resources_of(fleet(allowedCidrs=["0.0.0.0/0"], internetFacing=True)), RULES)
    assert [line.split(":")[0] for line in said[Level.MANDATORY]] == ["aws-ingress-world-https"]


@pytest.fixture(scope="module")
def ours() -> list[Resource]:
    return resources_of(fleet())


Change = Callable[[Resource], Resource | None]


def _on(suffix: str, name: str = "", **changed: Any) -> Change:  # noqa: ANN401 - inputs of a resource
    """Changes inputs of the resources of a type, and with a part of a name."""

    def change(resource: Resource) -> Resource:
        if not (resource.type.endswith(suffix) and name in resource.name):
            return resource
        assert isinstance(resource.props.data, dict)
        return replace(resource, props=View({**resource.props.data, **changed}))

    return change


def _without(suffix: str, name: str = "") -> Change:
    return lambda resource: None if resource.type.endswith(suffix) and name in resource.name else resource


def _in_bundle(old: str, new: str) -> Change:
    """Changes a text in the files of the bundle."""

    def change(resource: Resource) -> Resource:
        encoded = resource.props.text("contentBase64") if resource.type.endswith(":BucketObjectv2") else None
        if encoded is None:
            return resource
        packed, found = io.BytesIO(), 0
        with (
            tarfile.open(fileobj=io.BytesIO(gzip.decompress(base64.b64decode(encoded)))) as archive,
            tarfile.open(fileobj=packed, mode="w") as changed,
        ):
            for member in archive:
                content = (archive.extractfile(member) or io.BytesIO()).read()
                found += content.count(old.encode())
                content = content.replace(old.encode(), new.encode())
                member.size = len(content)
                changed.addfile(member, io.BytesIO(content))
        assert found, old
        return replace(resource, props=View({"contentBase64": base64.b64encode(gzip.compress(packed.getvalue())).decode()}))

    return change


def _in_secret(**changed: str) -> Change:
    def change(resource: Resource) -> Resource:
        if not resource.type.endswith(":SecretVersion"):
            return resource
        values = json.loads(resource.props.text("secretString") or "")
        return replace(resource, props=View({"secretString": json.dumps({**values, **changed})}))

    return change


WRONG: dict[str, tuple[Change, str]] = {
    "the edge without TLS": (_in_bundle("listen 8443 ssl;", "listen 8443;"), "nginx-listens-with-tls"),
    "an old protocol": (_in_bundle("ssl_protocols TLSv1.2", "ssl_protocols TLSv1.1 TLSv1.2"), "nginx-tls-versions"),
    "no accounts": (_in_bundle("\nauth:\n", "\nnotes:\n"), "registry-requires-authentication"),
    "no accounts that the stack shows": (_in_bundle("\nauth:\n", "\nnotes:\n"), "published-registry-authenticates"),
    "a replica's port": (_in_bundle("ports: []", "ports: ['5000:5000']"), "registry-port-not-published"),
    "Redis without a password": (_in_bundle("password: '@@redis_password@@'", "db: 0"), "registry-redis-password"),
    "a key in the bundle": (_in_bundle("@@private_key_pem@@", f"-----BEGIN PRIVATE KEY-----\n{'A' * 64}"), "aws-object-secret"),
    "weak hashes": (_in_secret(htpasswd="admin:$apr1$abc$def"), "htpasswd-bcrypt"),
    "an empty secret": (_in_secret(htpasswd=""), "fleet-secret-complete"),
    "no secret": (_without(":SecretVersion"), "fleet-secret-complete"),
    "the old metadata service": (_on(":LaunchTemplate", metadataOptions={"httpTokens": "optional"}), "aws-imds-v2"),
    "far hops": (_on(":LaunchTemplate", metadataOptions={"httpTokens": "required", "httpPutResponseHopLimit": 5}), "aws-imds-hops"),
    "a plain disk": (_on(":LaunchTemplate", blockDeviceMappings=[{"ebs": {"encrypted": "false"}}]), "aws-disk-encryption"),
    "a login into hosts": (
        _on(":SecurityGroupIngressRule", "hosts-from-balancer", referencedSecurityGroupId=None, cidrIpv4="10.0.0.0/8", fromPort=22),
        "aws-fleet-reach",
    ),
    "Redis for everyone": (
        _on(":SecurityGroupIngressRule", "redis-from-hosts", referencedSecurityGroupId=None, cidrIpv4="0.0.0.0/0"),
        "aws-ingress-world",
    ),
    "Redis in the clear": (_on(":ReplicationGroup", transitEncryptionEnabled=False), "aws-cache-transit-encryption"),
    "Redis for whoever comes": (_on(":ReplicationGroup", authToken=None), "aws-cache-auth"),
    "a bundle over plain HTTP": (_without(":BucketPolicy", "config"), "aws-s3-bucket-has-tls-policy"),
    "a bundle that may become public": (_without(":BucketPublicAccessBlock", "config"), "aws-s3-bucket-has-public-access-block"),
    "a role that may do all": (
        _on(
            ":RolePolicy",
            policy='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}',
        ),
        "aws-iam-wildcard-action",
    ),
    "a plain listener": (_on(":Listener", protocol="TCP", port=80), "aws-listener-plain"),
}
ADVISED: dict[str, tuple[Change, str]] = {
    "sick hosts": (_on(":Group", healthCheckType="EC2"), "aws-fleet-health-check"),
    "hosts that stay old": (_on(":Group", instanceRefresh=None), "aws-fleet-instance-refresh"),
    "a port that is open": (_on(":TargetGroup", healthCheck={"protocol": "TCP"}), "aws-target-health-https"),
    "one node": (_on(":ReplicationGroup", automaticFailoverEnabled=False), "aws-cache-failover"),
    "a secret that is gone": (_on("secretsmanager/secret:Secret", recoveryWindowInDays=0), "aws-secret-recovery"),
    "images that are gone": (_without(":BucketVersioning", "images"), "aws-s3-bucket-has-versioning"),
}


@pytest.mark.parametrize("name", [*WRONG, *ADVISED])
def test_a_mistake_in_the_program_itself_is_told(ours: list[Resource], name: str) -> None:
    """The settings can't switch these off, but a change of the program could."""
    level = Level.MANDATORY if name in WRONG else Level.ADVISORY
    change, rule = (WRONG if name in WRONG else ADVISED)[name]
    said = said_about([found for resource in ours if (found := change(resource)) is not None], RULES)
    assert [line for line in said[level] if line.startswith(f"{rule}: ")], said
