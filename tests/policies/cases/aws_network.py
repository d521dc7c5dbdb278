"""Cases of the rules on security groups and load balancers."""

from typing import Any

from policies.aws.ingress import INGRESS_WORLD, INGRESS_WORLD_HTTPS
from policies.aws.listeners import LISTENER_PLAIN, LISTENER_RE_ENCRYPTS, LISTENER_TLS, TARGET_GROUP_PLAIN
from policies.aws.types import INGRESS_RULES, LISTENERS, SECURITY_GROUP_RULES, TARGET_GROUPS
from policies.rule import Resource
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, With, resource

WORLD = "0.0.0.0/0"
OFFICE = "203.0.113.0/24"


def ingress(first: object, last: object | None = None, *networks: object, protocol: str = "tcp") -> dict[str, Any]:
    """Inputs of a group with one rule for incoming packets."""
    rule = {"protocol": protocol, "fromPort": first, "toPort": first if last is None else last, "cidrBlocks": list(networks) or [WORLD]}
    return {"ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": [OFFICE]}, rule]}


def standalone(**props: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """The newest kind of rule: one network, one resource."""
    return resource(INGRESS_RULES[0], props={"ipProtocol": "tcp", "fromPort": 6379, "toPort": 6379, **props})


def older(**props: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """The older kind of rule resource."""
    return resource(SECURITY_GROUP_RULES[0], props={"type": "ingress", "protocol": "tcp", "fromPort": 2375, "toPort": 2376, **props})


def listener(protocol: object, port: object, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - inputs of a resource
    """Inputs of a listener; it forwards unless told otherwise."""
    return {"protocol": protocol, "port": port, "defaultActions": list(actions) or [{"type": "forward", "targetGroupArn": UNKNOWN}], **more}


def redirect(**target: object) -> dict[str, Any]:
    """An action of a listener."""
    return {"type": "redirect", "redirect": {"statusCode": "HTTP_301", **target}}


def forwards(protocol: object, *groups: Resource) -> Resource:
    """A listener that takes its target groups' ARNs from them."""
    arns = tuple(group.identity for group in groups)
    return resource(LISTENERS[0], "listener", listener(protocol, 443), property_dependencies={"defaultActions": arns})


def group(protocol: object, name: str = "edge") -> Resource:
    """A target group."""
    return resource(TARGET_GROUPS[0], name, {"protocol": protocol, "port": 443})


RES_PQ = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"

CASES = [
    Cases(
        INGRESS_WORLD,
        compliant={
            "443": ingress(443),
            "SSH from an office": ingress(22, None, OFFICE),
            "ping": ingress(-1, -1, protocol="icmp"),
            "a group": standalone(referencedSecurityGroupId=UNKNOWN),
            "what goes out": older(type="egress", fromPort=0, toPort=65535, cidrBlocks=[WORLD]),
            "80 where it is allowed": With({"allowedPorts": ("80",)}, ingress(80)),
            "443 over IPv6": standalone(fromPort=443, toPort=443, cidrIpv6="::/0"),
            "a known network beside one that is not known yet and ping": ingress(-1, -1, UNKNOWN, protocol="icmp"),
        },
        violating={
            "SSH": Says(("ingress[1]: port 22 (SSH) is open to 0.0.0.0/0",), ingress(22)),
            "RDP": Says(("RDP",), ingress(3389)),
            "plain HTTP": Says(("plain HTTP",), ingress(80)),
            "a range around": Says(("ports 5000-5001", "the registry"), ingress(5000, 5001)),
            "everything": Says(("every port",), ingress(0, 0, protocol="-1")),
            "443 and more": ingress(443, 444),
            "Redis over IPv6": Says(("Redis",), standalone(cidrIpv6="::/0")),
            "half the internet": standalone(cidrIpv4="128.0.0.0/1"),
            "every protocol": standalone(ipProtocol="-1", fromPort=None, toPort=None, cidrIpv4=WORLD),
            "TCP without ports": Says(("every port",), standalone(fromPort=None, toPort=None, cidrIpv4=WORLD)),
            "TCP with port -1": Says(("every port",), standalone(fromPort=-1, toPort=-1, cidrIpv4=WORLD)),
            "Docker": Says(("the Docker API without TLS",), older(cidrBlocks=[WORLD])),
            "UDP": ingress(53, protocol="udp"),
            "the world beside a network that is not known yet": standalone(cidrIpv4=WORLD, cidrIpv6=UNKNOWN),
        },
        default={"description": "hosts"},
        default_violates=False,
        unknown={
            "rules": {"ingress": UNKNOWN},
            "networks": ingress(22, None, UNKNOWN),
            "ports": ingress(UNKNOWN, UNKNOWN),
            "network": standalone(cidrIpv4=UNKNOWN),
        },
        ignored={"SSH from a group": standalone(fromPort=22, toPort=22, referencedSecurityGroupId="sg-1")},
    ),
    Cases(
        INGRESS_WORLD_HTTPS,
        compliant={
            "an office": ingress(443, None, OFFICE),
            "accepted": With({"accepted": True}, ingress(443)),
            "another port is another rule's": ingress(22),
        },
        violating={
            "the world": Says(("port 443 is open to 0.0.0.0/0",), ingress(443)),
            "a rule of its own": standalone(fromPort=443, toPort=443, cidrIpv4=WORLD),
            "an older rule": older(fromPort=443, toPort=443, ipv6CidrBlocks=["::/0"]),
        },
        default={},
        default_violates=False,
        unknown={"rules": {"ingress": UNKNOWN}, "networks": ingress(443, None, UNKNOWN)},
        ignored={"what goes out": older(type="egress", fromPort=443, toPort=443, cidrBlocks=[WORLD])},
    ),
    Cases(
        LISTENER_PLAIN,
        compliant={
            "HTTPS": listener("HTTPS", 443),
            "TLS": listener("TLS", 8443),
            "passed on": listener("TCP", 443),
            "passed on elsewhere": With({"passThroughPorts": ("443", "8443")}, listener("TCP", 8443)),
            "redirect": listener("HTTP", 80, redirect(protocol="HTTPS", port="443")),
            "a fixed answer": listener("HTTP", 80, {"type": "fixed-response"}),
            "another name of the type": resource(LISTENERS[1], props=listener("HTTPS", 443)),
        },
        violating={
            "HTTP": Says(("defaultActions[0] serves plain HTTP (forward)",), listener("HTTP", 80)),
            "unset protocol": listener(None, 80),
            "a redirect that stays": Says(("redirect.protocol is not set",), listener("HTTP", 80, redirect(port="8080"))),
            "TCP 80": Says(("port 80 passes TCP on",), listener("TCP", 80)),
            "the registry itself": listener("TCP_UDP", 5000),
            "another name of the type": resource(LISTENERS[2], props=listener("HTTP", 80)),
        },
        default={},
        default_violates=False,
        unknown={
            "protocol": listener(UNKNOWN, 443),
            "port": listener("TCP", UNKNOWN),
            "action": listener("HTTP", 80, {"type": UNKNOWN}),
            "where to": listener("HTTP", 80, redirect(protocol=UNKNOWN)),
        },
    ),
    Cases(
        LISTENER_TLS,
        compliant={
            "newest": listener("TLS", 443, sslPolicy=RES_PQ),
            "TLS 1.3 only": listener("HTTPS", 443, sslPolicy="ELBSecurityPolicy-TLS13-1-3-2021-06"),
            "passed on": listener("TCP", 443),
        },
        violating={
            "old": Says(("ELBSecurityPolicy-TLS13-1-0-2021-06",), listener("TLS", 443, sslPolicy="ELBSecurityPolicy-TLS13-1-0-2021-06")),
            "unset": Says(("ELBSecurityPolicy-2016-08",), listener("HTTPS", 443)),
            "not good enough here": With({"policies": ("*-TLS13-1-3-*",)}, listener("TLS", 443, sslPolicy=RES_PQ)),
        },
        default={},
        default_violates=False,
        unknown={"policy": listener("TLS", 443, sslPolicy=UNKNOWN), "protocol": listener(UNKNOWN, 443)},
    ),
    Cases(
        TARGET_GROUP_PLAIN,
        compliant={"TLS": {"protocol": "TLS"}, "HTTPS": {"protocol": "HTTPS"}, "passed on": {"protocol": "TCP"}},
        violating={
            "HTTP": Says(("protocol is HTTP",), {"protocol": "HTTP", "targetType": "ip"}),
            "ALB": resource(TARGET_GROUPS[1], props={"protocol": "HTTP"}),
        },
        default={"targetType": "lambda"},
        default_violates=False,
        unknown={"protocol": {"protocol": UNKNOWN}},
    ),
    Cases(
        LISTENER_RE_ENCRYPTS,
        compliant={
            "again": [group("TLS"), forwards("TLS", group("TLS"))],
            "passed on": [group("TCP"), forwards("TCP", group("TCP"))],
            "a group of another listener": [group("TCP", "other"), group("TLS"), forwards("TLS", group("TLS"))],
            "no group in this stack": [forwards("TLS")],
        },
        violating={
            "as TCP": Says(("goes on as TCP to edge",), [group("TCP"), forwards("TLS", group("TCP"))]),
            "as HTTP": [group("HTTP"), forwards("HTTPS", group("HTTP"))],
        },
        default=[resource(LISTENERS[0]), group("TCP")],
        default_violates=False,
        unknown={
            "the listener's": [group("TCP"), forwards(UNKNOWN, group("TCP"))],
            "the group's": [group(UNKNOWN), forwards("TLS", group(UNKNOWN))],
            "which group": [group("TCP"), forwards("TLS")],
        },
    ),
]
