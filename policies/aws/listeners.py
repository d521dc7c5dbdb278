"""Load balancers: TLS from the client to the host."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from policies.aws.types import LISTENERS, LOAD_BALANCERS, TARGET_GROUPS
from policies.rule import Finding, Level, Parameter, Resource, Result, Rule, Stack, StackResult, StackRule, Undecided, about, each
from policies.values import NotKnownYetError, View

_DECRYPTING = ("HTTPS", "TLS")
_PASSING = ("TCP", "TCP_UDP")


def _plain(resource: Resource, parameters: View) -> Iterator[Result]:
    """An unset protocol means HTTP (https://www.pulumi.com/registry/packages/aws/api-docs/lb/listener/); a gateway has no port."""
    props = resource.props
    protocol = (props.text("protocol") or ("HTTP" if props.has("port") else "")).upper()
    if protocol == "HTTP":
        yield from each(props.views("defaultActions"), _http_action)
    elif protocol in _PASSING:
        port = props.text("port")
        if port not in parameters.texts("passThroughPorts"):
            yield Finding(f"port {port} passes {protocol} on, and nothing says that it carries TLS")


def _http_action(action: View) -> Iterator[Result]:
    kind = action.text("type")
    if kind == "redirect":
        # Unset keeps the protocol of the request.
        target = action.view("redirect").text("protocol")
        if target != "HTTPS":
            yield Finding(f"{action.path}.redirect.protocol is {target or 'not set'}: plain HTTP stays plain")
    elif kind != "fixed-response":
        yield Finding(f"{action.path} serves plain HTTP ({kind})")


LISTENER_PLAIN = Rule(
    id="aws-listener-plain",
    title="Load balancers forward nothing that came in the clear",
    why="Over plain HTTP, passwords and images can be read and changed by anybody on the way.",
    fix="Use a listener with HTTPS or TLS, or pass TCP 443 on to an edge that speaks TLS; let HTTP only redirect to HTTPS.",
    types=LISTENERS,
    parameters={"passThroughPorts": Parameter(("443",), "TCP ports that carry TLS, which the hosts behind terminate.")},
    check=_plain,
)

_TLS_POLICIES = (
    "ELBSecurityPolicy-TLS13-1-2-*",
    "ELBSecurityPolicy-TLS13-1-3-*",
    "ELBSecurityPolicy-TLS-1-2-*",
    "ELBSecurityPolicy-FS-1-2-*",
)


def _tls_policy(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means ELBSecurityPolicy-2016-08, which takes TLS 1.0, for all but the console
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/describe-ssl-policies.html)."""
    if (resource.props.text("protocol") or "").upper() not in _DECRYPTING:
        return
    policy = resource.props.text("sslPolicy")
    if policy is None:
        yield Finding("sslPolicy is not set: AWS takes ELBSecurityPolicy-2016-08, with TLS 1.0")
    elif not any(fnmatchcase(policy, allowed) for allowed in parameters.texts("policies")):
        yield Finding(f"sslPolicy is {policy}")


LISTENER_TLS = Rule(
    id="aws-listener-tls-version",
    title="Load balancers speak TLS 1.2 or newer",
    why="TLS 1.0 and 1.1 are broken and withdrawn (RFC 8996).",
    fix="Set sslPolicy to ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09 or another that begins with TLS 1.2.",
    types=LISTENERS,
    parameters={"policies": Parameter(_TLS_POLICIES, "Names of security policies that are good enough; * stands for anything.")},
    check=_tls_policy,
)


def _target_group(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means a Lambda function, which has no connection to encrypt: the provider demands it for every other target."""
    protocol = (resource.props.text("protocol") or "").upper()
    if protocol == "HTTP" and resource.props.text("targetType") != "lambda":
        yield Finding("protocol is HTTP: the load balancer speaks to the hosts in the clear")


TARGET_GROUP_PLAIN = Rule(
    id="aws-target-group-plain",
    title="Load balancers speak TLS to the hosts",
    why="Every host and device of the network between could read the accounts' passwords.",
    fix="Set protocol to HTTPS or TLS (or TCP behind a TCP listener, which passes TLS on).",
    types=TARGET_GROUPS,
    check=_target_group,
)


def _target_health(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means HTTP for HTTP and HTTPS, and TCP otherwise
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html)."""
    props = resource.props
    protocol = (props.text("protocol") or "").upper()
    if protocol not in (*_DECRYPTING, *_PASSING) or props.text("targetType") in ("lambda", "alb"):
        return
    check = props.view("healthCheck")
    asked = check.text("protocol")
    if check.flag("enabled") is False:
        yield Finding(f"{check.at('enabled')} is false")
    elif (asked or "").upper() != "HTTPS":
        yield Finding(
            f"{check.at('protocol')} is {asked or 'not set'}: an edge whose registry or certificate fails may still count as healthy"
        )


TARGET_HEALTH = Rule(
    id="aws-target-health-https",
    title="Load balancers ask hosts over HTTPS whether they work",
    why="An open TCP port says nothing about the registry behind it, and a health check over plain HTTP needs a port without TLS.",
    fix="Set healthCheck.protocol to HTTPS and healthCheck.path to the edge's readiness (in this project: /edge/ready).",
    level=Level.ADVISORY,
    types=TARGET_GROUPS,
    check=_target_health,
)


def _deletion(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means off (https://www.pulumi.com/registry/packages/aws/api-docs/lb/loadbalancer/)."""
    if resource.props.flag("enableDeletionProtection") is not True:
        yield Finding("enableDeletionProtection is not true")


BALANCER_DELETION = Rule(
    id="aws-balancer-deletion",
    title="Load balancers are protected from deletion",
    why="Clients' DNS records point to its name, and a new one has another. Short-lived stacks do without, so this is advice.",
    fix="Set enableDeletionProtection to true (in this project: allowDestroy: false).",
    level=Level.ADVISORY,
    types=LOAD_BALANCERS,
    check=_deletion,
)


def _re_encrypts(stack: Stack, _: View) -> Iterator[StackResult]:
    """A network load balancer takes TLS apart and sends what is inside on to a TCP target group
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/create-tls-listener.html)."""
    for listener in stack.of(*LISTENERS):
        yield from about(listener, lambda listener=listener: _targets(stack, listener))


def _targets(stack: Stack, listener: Resource) -> Iterator[Result]:
    if (listener.props.text("protocol") or "").upper() not in _DECRYPTING:
        return
    groups = stack.of(*TARGET_GROUPS)
    from_here = listener.property_dependencies.get("defaultActions", ())
    used = [group for group in groups if group.identity in from_here]
    if not used and groups:
        yield from _unseen(listener)
    for group in used:
        protocol = group.props.text("protocol")
        if protocol is not None and protocol.upper() not in _DECRYPTING:
            yield Finding(f"TLS ends here and goes on as {protocol} to {group.name}")


def _unseen(listener: Resource) -> Iterator[Result]:
    """Target groups whose ARN is not known and comes from nowhere in the stack that can be seen."""
    for action in listener.props.views("defaultActions"):
        try:
            action.text("targetGroupArn")
        except NotKnownYetError as error:
            yield Undecided(error.path)


LISTENER_RE_ENCRYPTS = StackRule(
    id="aws-listener-re-encrypts",
    title="A load balancer that takes TLS apart encrypts again towards the hosts",
    why="A TLS listener with a TCP target group looks encrypted and sends passwords through the network in the clear.",
    fix="Set the target group's protocol to TLS (or HTTPS), or the listener's to TCP so that the hosts terminate TLS.",
    types=(*LISTENERS, *TARGET_GROUPS),
    check=_re_encrypts,
)
