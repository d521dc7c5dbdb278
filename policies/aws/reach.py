"""Who reaches the hosts of a fleet, and its Redis: nobody past the load balancer."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from policies.aws.types import (
    CACHE_CLUSTERS,
    INGRESS_RULES,
    LOAD_BALANCERS,
    MACHINES,
    REPLICATION_GROUPS,
    SECURITY_GROUP_RULES,
    SECURITY_GROUPS,
)
from policies.rule import Finding, Resource, Result, Stack, StackResult, StackRule, about
from policies.values import View

_MACHINE_KEYS = ("vpcSecurityGroupIds", "networkInterfaces", "securityGroups")
_NETWORKS = ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6", "prefixListId", "prefixListIds")
_SOURCES = ("referencedSecurityGroupId", "sourceSecurityGroupId", "securityGroups")


@dataclass(frozen=True)
class _Part:
    """Security groups of one kind of thing, and the groups that may reach it."""

    what: str
    groups: frozenset[str]
    allowed: frozenset[str]


def _groups(stack: Stack, types: tuple[str, ...], keys: tuple[str, ...]) -> frozenset[str]:
    """The security groups of the stack that resources of these types are in."""
    own = {group.identity for group in stack.of(*SECURITY_GROUPS)}
    return frozenset(
        urn for resource in stack.of(*types) for key in keys for urn in resource.property_dependencies.get(key, ()) if urn in own
    )


def _parts(stack: Stack) -> list[_Part]:
    """Hosts only where a load balancer has a group of its own: without one, packets come with their clients' addresses
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html)."""
    hosts = _groups(stack, MACHINES, _MACHINE_KEYS)
    balancers = _groups(stack, LOAD_BALANCERS, ("securityGroups",))
    caches = _groups(stack, (*REPLICATION_GROUPS, *CACHE_CLUSTERS), ("securityGroupIds",))
    found = [_Part("the hosts", hosts, balancers | hosts)] if balancers else []
    return [*found, _Part("Redis", caches, hosts | caches)] if hosts else found


def _reach(stack: Stack, _: View) -> Iterator[StackResult]:
    """Unset means that nothing comes in (https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html)."""
    for part in _parts(stack):
        for rule in stack.of(*INGRESS_RULES, *SECURITY_GROUP_RULES):
            if set(rule.property_dependencies.get("securityGroupId", ())) & part.groups:
                yield from about(rule, lambda rule=rule, part=part: _judge(stack, rule, part))
        for group in stack.of(*SECURITY_GROUPS):
            if group.identity in part.groups:
                yield from about(group, lambda group=group, part=part: _inline(stack, group, part))


def _judge(stack: Stack, rule: Resource, part: _Part) -> Iterator[Result]:
    if rule.type in SECURITY_GROUP_RULES and rule.props.text("type") == "egress":
        return
    yield from _networks(rule.props, part)
    for key in _SOURCES:
        if rule.props.has(key):
            yield from _sources(stack, rule, key, part, lambda view=rule.props, key=key: view.text(key) or "")


def _inline(stack: Stack, group: Resource, part: _Part) -> Iterator[Result]:
    rules = group.props.views("ingress")
    for rule in rules:
        yield from _networks(rule, part)
    if any(rule.has("securityGroups") for rule in rules):
        yield from _sources(stack, group, "ingress", part, lambda: "a group that the stack does not make")


def _networks(rule: View, part: _Part) -> Iterator[Result]:
    for key in _NETWORKS:
        for network in rule.texts(key):
            yield Finding(f"{rule.at(key)} lets {network} reach {part.what} directly")


def _sources(stack: Stack, rule: Resource, key: str, part: _Part, given: Callable[[], str]) -> Iterator[Result]:
    """Known by where the group's id comes from; an id that comes from nowhere in the stack is somebody else's group."""
    names = {group.identity: group.name for group in stack.of(*SECURITY_GROUPS)}
    found = [urn for urn in rule.property_dependencies.get(key, ()) if urn in names and urn not in part.groups]
    others = [names[urn] for urn in found if urn not in part.allowed] if found else []
    if not set(rule.property_dependencies.get(key, ())) & names.keys():
        others = [given()]
    for name in others:
        yield Finding(f"{key} lets {name} reach {part.what} directly")


FLEET_REACH = StackRule(
    id="aws-fleet-reach",
    title="Hosts are reached through their load balancer only, and Redis from the hosts only",
    why="Past the load balancer its allowed networks do not count, and whoever reaches Redis can try passwords on the fleet's write gate.",
    fix="Make the source the load balancer's security group (for Redis the hosts'), not a network; for logins use Session Manager.",
    types=(*INGRESS_RULES, *SECURITY_GROUP_RULES, *SECURITY_GROUPS),
    check=_reach,
)
