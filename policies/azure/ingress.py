"""Network security groups and load balancers: what is reached from the whole internet, and how."""

from collections.abc import Iterator

from policies.azure.types import LOAD_BALANCERS, SECURITY_GROUPS, SECURITY_RULES, AnyVersion
from policies.exposure import SERVICES, is_world, port_range
from policies.ingress import ACCEPTED, ALLOWED_PORTS, HTTPS, Opening, https_to_world, open_to_world
from policies.rule import Finding, Parameter, Resource, Result, Rule, each
from policies.values import NotKnownYetError, View

_WORLD_TAGS = ("*", "internet", "any")
_WITHOUT_PORTS = ("icmp", "ah", "esp")


def _rules(resource: Resource) -> list[View]:
    return resource.props.views("securityRules") if resource.type in SECURITY_GROUPS else [resource.props]


def _texts(rule: View, one: str, many: str) -> tuple[list[str], NotKnownYetError | None]:
    """The known values of a pair of properties, and what is not known of them."""
    found: list[str] = []
    waiting: NotKnownYetError | None = None
    for key in (one, many):
        try:
            found += rule.texts(key)
        except NotKnownYetError as error:
            found += rule.known_texts(key) if _is_list(rule, key) else []
            waiting = error
    return found, waiting


def _is_list(rule: View, key: str) -> bool:
    try:
        return isinstance(rule.value(key), list)
    except NotKnownYetError:
        return False


def _world(rule: View) -> list[Opening]:
    """Sources and ports that a rule opens to the whole internet. Whether a rule of higher priority refuses them is not looked at."""
    if rule.text("access") != "Allow" or rule.text("direction") != "Inbound":
        return []
    if (rule.text("protocol") or "").lower() in _WITHOUT_PORTS:
        return []
    sources, source_waiting = _texts(rule, "sourceAddressPrefix", "sourceAddressPrefixes")
    world = [source for source in sources if source.lower() in _WORLD_TAGS or is_world(source)]
    if not world:
        if source_waiting:
            raise source_waiting
        return []
    texts, port_waiting = _texts(rule, "destinationPortRange", "destinationPortRanges")
    ports = [ports for ports in map(port_range, texts) if ports]
    if port_waiting and not any(found.beyond([HTTPS]) for found in ports):
        raise port_waiting
    return [Opening(rule.path, tuple(world), found) for found in ports]


def _open_to_world(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means Azure's own rules, which let the network and its load balancer in and nobody else
    (https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview)."""
    yield from open_to_world(_rules(resource), _world, parameters)


INGRESS_WORLD = Rule(
    id="azure-ingress-world",
    title="Network security groups open no port but 443 to the whole internet",
    why="SSH, the Docker API, Redis and the registry's ports behind its edge are scanned for all day, and need no login or a guessed one.",
    fix="Narrow sourceAddressPrefix(es); for logins use Bastion or Run Command, which need no open port.",
    types=AnyVersion((*SECURITY_GROUPS, *SECURITY_RULES)),
    parameters=ALLOWED_PORTS,
    check=_open_to_world,
)


def _https_to_world(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means that nothing comes in."""
    yield from https_to_world(_rules(resource), _world, parameters)


INGRESS_WORLD_HTTPS = Rule(
    id="azure-ingress-world-https",
    title="A registry that the whole internet reaches is meant to be so",
    why="A network of your own keeps guesses and the next flaw away. Where a registry is for everyone, somebody has to have said so.",
    fix="Narrow sourceAddressPrefix(es), or set the parameter accepted to true.",
    types=AnyVersion((*SECURITY_GROUPS, *SECURITY_RULES)),
    parameters=ACCEPTED,
    check=_https_to_world,
)


def _balancer(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means that nothing is forwarded."""
    allowed = parameters.texts("passThroughPorts")
    for key in ("loadBalancingRules", "inboundNatRules", "inboundNatPools"):
        yield from each([resource.props], lambda props, key=key: each(props.views(key), lambda rule: _forwarded(rule, allowed)))


def _forwarded(rule: View, allowed: list[str]) -> Iterator[Result]:
    if (rule.text("protocol") or "Tcp").lower() == "udp":
        return
    # The port of the host says what is spoken: a NAT rule may hide SSH behind 50001.
    port = rule.text("backendPort")
    if port is not None and port not in allowed:
        name = SERVICES.get(int(port), "") if port.isdigit() else ""
        what = f" ({name})" if name else ""
        yield Finding(f"{rule.path} forwards to port {port}{what} of the hosts, and nothing says that it carries TLS")


BALANCER_PLAIN = Rule(
    id="azure-balancer-plain",
    title="Load balancers forward TLS only",
    why="Azure's load balancer passes on what comes: behind other ports are plain HTTP, SSH, Redis or the registry without its edge.",
    fix="Forward 443 to the edge, which speaks TLS; for logins use Bastion or Run Command instead of a NAT rule.",
    types=LOAD_BALANCERS,
    parameters={"passThroughPorts": Parameter(("443",), "Ports of the hosts that carry TLS.")},
    check=_balancer,
)
