"""Cases of the rules on fleets: Auto Scaling groups, their load balancer and Redis, and what reaches them."""

import base64
import json
from typing import Any

from policies.aws.cache import CACHE_FAILOVER
from policies.aws.fleet import GROUP_HEALTH, GROUP_REFRESH
from policies.aws.listeners import BALANCER_DELETION, TARGET_HEALTH
from policies.aws.objects import OBJECT_SECRET
from policies.aws.reach import FLEET_REACH
from policies.aws.types import (
    INGRESS_RULES,
    LAUNCH_TEMPLATES,
    LOAD_BALANCERS,
    OBJECTS,
    REPLICATION_GROUPS,
    SECURITY_GROUP_RULES,
    SECURITY_GROUPS,
)
from policies.rule import Resource
from policies.stacks.fleet import BUNDLE_SECRET
from policies.values import UNKNOWN
from tests.policies.bundles import VALUES, bundle, files, packed, secret
from tests.policies.case import CANARY, Cases, Says, With, resource
from tests.policies.containers import BCRYPT, config

TARGETS = {"targetGroupArns": [UNKNOWN]}
KEY = f"-----BEGIN PRIVATE KEY-----\n{CANARY.replace('-', '')}AAAA\n-----END PRIVATE KEY-----\n"


def refresh(**preferences: object) -> dict[str, Any]:
    """Inputs of a group that refreshes its hosts."""
    return {"instanceRefresh": {"strategy": "Rolling", "preferences": preferences}}


def target(protocol: object, asked: object = None, **more: object) -> dict[str, Any]:
    """Inputs of a target group with a health check."""
    return {"protocol": protocol, "port": 443, **({"healthCheck": {"protocol": asked}} if asked else {}), **more}


def group(name: str, **props: object) -> Resource:
    """A security group."""
    return resource(SECURITY_GROUPS[0], name, props)


BALANCER, HOSTS, REDIS, OTHER = group("balancer"), group("hosts"), group("redis"), group("other")


def member(type_: str, key: str, *groups: Resource) -> Resource:
    """Something that is in security groups of the stack."""
    return resource(type_, "member", {key: [UNKNOWN]}, property_dependencies={key: tuple(found.identity for found in groups)})


def opened(into: Resource, name: str = "rule", source: Resource | None = None, type_: str = INGRESS_RULES[0], **props: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """A rule that lets something into a security group; from another group of the stack with `source`."""
    comes_from = {"securityGroupId": (into.identity,)}
    key = "referencedSecurityGroupId" if type_ == INGRESS_RULES[0] else "sourceSecurityGroupId"
    if source is not None:
        props[key] = UNKNOWN
        comes_from[key] = (source.identity,)
    return resource(type_, name, {"securityGroupId": UNKNOWN, **props}, property_dependencies=comes_from)


LOAD_BALANCER = member(LOAD_BALANCERS[0], "securityGroups", BALANCER)
TEMPLATE = member(LAUNCH_TEMPLATES[0], "networkInterfaces", HOSTS)
CACHE = member(REPLICATION_GROUPS[0], "securityGroupIds", REDIS)
OLD_RULE = SECURITY_GROUP_RULES[0]
FLEET = [BALANCER, HOSTS, REDIS, OTHER, LOAD_BALANCER, TEMPLATE, CACHE]
IN_OFFICE: dict[str, Any] = {"cidrIpv4": "203.0.113.0/24"}

CASES = [
    Cases(
        GROUP_HEALTH,
        compliant={
            "ELB": {**TARGETS, "healthCheckType": "ELB"},
            "both": {**TARGETS, "healthCheckType": "EC2,ELB"},
            "no load balancer": {"healthCheckType": "EC2"},
        },
        violating={
            "unset": Says(("healthCheckType is not set",), TARGETS),
            "EC2": {**TARGETS, "healthCheckType": "EC2"},
            "a traffic source": {"trafficSources": [{"identifier": "x"}]},
        },
        default={},
        default_violates=False,
        unknown={"the type": {**TARGETS, "healthCheckType": UNKNOWN}},
    ),
    Cases(
        GROUP_REFRESH,
        compliant={
            "one by one": refresh(minHealthyPercentage=100, maxHealthyPercentage=200),
            "a lower share": With({"leastHealthyPercentage": 50}, refresh(minHealthyPercentage=50)),
        },
        violating={
            "none": Says(("reaches no host that runs",), {"minSize": 2}),
            "the default": Says(("not set, which means 90",), refresh()),
            "half": Says(("minHealthyPercentage is 50, less than 100",), refresh(minHealthyPercentage=50)),
        },
        default={},
        default_violates=True,
        unknown={"the share": refresh(minHealthyPercentage=UNKNOWN)},
    ),
    Cases(
        TARGET_HEALTH,
        compliant={
            "HTTPS": target("TCP", "HTTPS"),
            "in lower case": target("TLS", "https"),
        },
        violating={
            "TCP": Says(("healthCheck.protocol is TCP",), target("TCP", "TCP")),
            "HTTP": target("TLS", "HTTP"),
            "unset": Says(("is not set",), target("TCP")),
            "switched off": Says(("healthCheck.enabled is false",), target("TCP", healthCheck={"enabled": False, "protocol": "HTTPS"})),
        },
        default={},
        default_violates=False,
        unknown={"the check": target("TCP", healthCheck=UNKNOWN), "its protocol": target("TCP", UNKNOWN)},
        ignored={
            "plain targets are another rule's": target("HTTP"),
            "a function": {"targetType": "lambda"},
            "a balancer": target("TCP", targetType="alb"),
        },
    ),
    Cases(
        BALANCER_DELETION,
        compliant={"protected": {"enableDeletionProtection": True}},
        violating={"switched off": {"enableDeletionProtection": False}},
        default={},
        default_violates=True,
        unknown={"the switch": {"enableDeletionProtection": UNKNOWN}},
    ),
    Cases(
        CACHE_FAILOVER,
        compliant={"two zones": {"automaticFailoverEnabled": True, "multiAzEnabled": True}},
        violating={
            "no failover": Says(("automaticFailoverEnabled",), {"multiAzEnabled": True}),
            "one zone": Says(("multiAzEnabled",), {"automaticFailoverEnabled": True}),
        },
        default={},
        default_violates=True,
        unknown={"failover": {"automaticFailoverEnabled": UNKNOWN}, "zones": {"automaticFailoverEnabled": True, "multiAzEnabled": UNKNOWN}},
    ),
    Cases(
        FLEET_REACH,
        compliant={
            "balancer to hosts to Redis": [*FLEET, opened(HOSTS, "a", BALANCER), opened(REDIS, "b", HOSTS)],
            "hosts among themselves": [*FLEET, opened(HOSTS, "a", HOSTS)],
            "older rules": [*FLEET, opened(HOSTS, "a", BALANCER, OLD_RULE, type="ingress")],
            "the balancer is for its networks": [*FLEET, opened(BALANCER, **IN_OFFICE)],
            "a balancer without a group": [HOSTS, TEMPLATE, opened(HOSTS, **IN_OFFICE)],
        },
        violating={
            "a network": Says(("lets 203.0.113.0/24 reach the hosts",), [*FLEET, opened(HOSTS, **IN_OFFICE)]),
            "a prefix list": [*FLEET, opened(HOSTS, prefixListId="pl-1")],
            "another group of the stack": Says(("lets other reach the hosts",), [*FLEET, opened(HOSTS, "a", OTHER)]),
            "somebody's group": Says(("lets sg-1 reach the hosts",), [*FLEET, opened(HOSTS, referencedSecurityGroupId="sg-1")]),
            "an older rule": [*FLEET, opened(HOSTS, type_=OLD_RULE, type="ingress", cidrBlocks=["203.0.113.0/24"])],
            "Redis from a network": Says(("reach Redis",), [*FLEET, opened(REDIS, **IN_OFFICE)]),
            "Redis from the balancer": Says(("lets balancer reach Redis",), [*FLEET, opened(REDIS, "a", BALANCER)]),
            "inside the group": Says(
                ("ingress[0].cidrBlocks lets",),
                [BALANCER, LOAD_BALANCER, TEMPLATE, group("hosts", ingress=[{"fromPort": 443, "cidrBlocks": ["203.0.113.0/24"]}])],
            ),
            "a group inside the group": Says(
                ("a group that the stack does not make",),
                [BALANCER, LOAD_BALANCER, TEMPLATE, group("hosts", ingress=[{"fromPort": 443, "securityGroups": ["sg-1"]}])],
            ),
        },
        default=[],
        default_violates=False,
        unknown={
            "the network": [*FLEET, opened(HOSTS, cidrIpv4=UNKNOWN)],
            "the group's rules": [BALANCER, LOAD_BALANCER, TEMPLATE, group("hosts", ingress=UNKNOWN)],
            "a group from elsewhere": [*FLEET, opened(HOSTS, referencedSecurityGroupId=UNKNOWN)],
        },
        ignored={"what goes out": [*FLEET, opened(HOSTS, type_=OLD_RULE, type="egress", cidrBlocks=["0.0.0.0/0"])]},
    ),
    Cases(
        OBJECT_SECRET,
        compliant={
            "a bundle": bundle(),
            "text": {"content": "hello"},
            "something else": {"contentBase64": base64.b64encode(b"\x00\x01").decode()},
            "an archive that is none of ours": {"contentBase64": packed({"a.txt": "hello"}, compose={})},
        },
        violating={
            "accounts in a bundle": Says(
                ("contentBase64, files/registry/htpasswd holds a password hash",),
                bundle({**files(), "files/registry/htpasswd": f"a:{BCRYPT}"}),
            ),
            "a key in a bundle": Says(("files/edge/tls.key holds a private key",), bundle({**files(), "files/edge/tls.key": KEY})),
            "a password in a configuration": bundle(files(config(redis={"addrs": ["r"], "password": f"{CANARY}-0123456789"}))),
            "plain": Says(("content holds a private key",), {"content": KEY}),
            "encoded": {"contentBase64": base64.b64encode(KEY.encode()).decode()},
        },
        default={},
        default_violates=False,
        unknown={"the content": {"content": UNKNOWN}, "encoded": {"contentBase64": UNKNOWN}},
    ),
    Cases(
        BUNDLE_SECRET,
        compliant={
            "all there": [bundle(), secret(json.dumps(VALUES))],
            "beside another secret": [bundle(), secret("{}"), secret(json.dumps(VALUES))],
            "one that is not known, and one with all": [bundle(), secret(UNKNOWN), secret(json.dumps(VALUES))],
        },
        violating={
            "no accounts": Says(("htpasswd missing",), [bundle(), secret(json.dumps(VALUES | {"htpasswd": ""}))]),
            "no secret": Says(("certificate_pem, htpasswd",), [bundle()]),
            "no JSON": [bundle(), secret(f"{CANARY} {{")],
        },
        default=[],
        default_violates=False,
        unknown={"the secret": [bundle(), secret(UNKNOWN)]},
        ignored={
            "another object": [resource(OBJECTS[1], "readme", {"content": "@@x@@"})],
            "nothing open": [bundle({"files/a/b": "c"}, compose={"services": {}})],
        },
    ),
]
