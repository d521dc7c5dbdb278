"""Security groups: what they open to the whole internet."""

from collections.abc import Iterator

from policies.aws.types import INGRESS_RULES, SECURITY_GROUP_RULES, SECURITY_GROUPS
from policies.exposure import EVERY_PORT, Ports, is_world
from policies.ingress import ACCEPTED, ALLOWED_PORTS, Opening, https_to_world, open_to_world
from policies.rule import Resource, Result, Rule
from policies.values import NotKnownYetError, View

_ALL_PROTOCOLS = ("-1", "all")
_WITHOUT_PORTS = ("icmp", "icmpv6", "1", "58")
"""Ping and path MTU discovery open no service."""


def _rules(resource: Resource) -> list[View]:
    props = resource.props
    if resource.type in SECURITY_GROUPS:
        return props.views("ingress")
    if resource.type in SECURITY_GROUP_RULES and props.text("type") == "egress":
        return []
    return [props]


def _world(rule: View) -> list[Opening]:
    """What a rule opens to the whole internet, if anything. Unset networks open nothing."""
    networks: list[str] = []
    waiting: NotKnownYetError | None = None
    for key in ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6"):
        try:
            networks += [network for network in rule.texts(key) if is_world(network)]
        except NotKnownYetError as error:
            waiting = error
    protocol = (rule.text("protocol") or rule.text("ipProtocol") or "").lower()
    if protocol in _WITHOUT_PORTS:
        return []
    if not networks:
        if waiting:
            raise waiting
        return []
    first, last = rule.number("fromPort"), rule.number("toPort")
    every = protocol in _ALL_PROTOCOLS or first is None or first < 0
    ports = EVERY_PORT if every or first is None else Ports(int(first), int(last if last is not None else first))
    return [Opening(rule.path, tuple(networks), ports)]


def _open_to_world(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means that nothing comes in (https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html)."""
    yield from open_to_world(_rules(resource), _world, parameters)


INGRESS_WORLD = Rule(
    id="aws-ingress-world",
    title="Security groups open no port but 443 to the whole internet",
    why="SSH, the Docker API, Redis and the registry's ports behind its edge are scanned for all day, and need no login or a guessed one.",
    fix="Narrow the networks, or use another security group as the source; for logins use Session Manager, which needs no open port.",
    types=(*SECURITY_GROUPS, *SECURITY_GROUP_RULES, *INGRESS_RULES),
    parameters=ALLOWED_PORTS,
    check=_open_to_world,
)


def _https_to_world(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means that nothing comes in."""
    yield from https_to_world(_rules(resource), _world, parameters)


INGRESS_WORLD_HTTPS = Rule(
    id="aws-ingress-world-https",
    title="A registry that the whole internet reaches is meant to be so",
    why="A network of your own keeps guesses and the next flaw away. Where a registry is for everyone, somebody has to have said so.",
    fix="Narrow the networks (in this project: aws.allowedCidrs), or set the parameter accepted to true.",
    types=(*SECURITY_GROUPS, *SECURITY_GROUP_RULES, *INGRESS_RULES),
    parameters=ACCEPTED,
    check=_https_to_world,
)
