"""Load balancers, target groups, listeners.

Sources: internal/service/elbv2 of terraform-provider-aws (validate.go, target_group.go, load_balancer.go, listener.go);
https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html;
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from offline.plugins.framework import CheckFailure, Properties

from .together import Together, exactly_one, given, not_both, number, text
from .values import PORT, Fault, Limits, between, everything, one_of, written

_NAME = written(r"(?!-)[0-9A-Za-z-]+(?<!-)", "has other characters than letters, digits and hyphens, or a hyphen at an end", most=32)
_NETWORK = ("TCP", "UDP", "TCP_UDP", "TLS", "QUIC", "TCP_QUIC")
_WEB = ("HTTP", "HTTPS")
_TLS = ("TLS", "HTTPS")


def _health_port(value: object) -> str | None:
    if value == "traffic-port":
        return None
    return PORT(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else f"{value!r} is no port"


def _not_internal(value: object) -> str | None:
    return "begins with internal-, which AWS reserves" if isinstance(value, str) and value.startswith("internal-") else None


_PATH: Fault = written(r"/.*", "does not begin with /", most=1024)

LIMITS: Mapping[str, Limits] = {
    "aws:lb/loadBalancer:LoadBalancer": {
        "name": everything(_NAME, _not_internal),
        "loadBalancerType": one_of("application", "network", "gateway"),
        "ipAddressType": one_of("ipv4", "dualstack", "dualstack-without-public-ipv4"),
        "idleTimeout": between(1, 4000),
        "dnsRecordClientRoutingPolicy": one_of("any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity"),
        "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": one_of("on", "off"),
    },
    "aws:lb/targetGroup:TargetGroup": {
        "name": _NAME,
        "port": PORT,
        "protocol": one_of(*_WEB, *_NETWORK, "GENEVE"),
        "targetType": one_of("instance", "ip", "lambda", "alb"),
        "deregistrationDelay": between(0, 3600),
        "slowStart": between(30, 900, 0),
        "loadBalancingCrossZoneEnabled": one_of("true", "false", "use_load_balancer_configuration"),
        "preserveClientIp": one_of("true", "false", ""),
        "healthCheck.interval": between(5, 300),
        "healthCheck.timeout": between(2, 120),
        "healthCheck.healthyThreshold": between(2, 10),
        "healthCheck.unhealthyThreshold": between(2, 10),
        "healthCheck.protocol": one_of("HTTP", "HTTPS", "TCP"),
        "healthCheck.port": _health_port,
        "healthCheck.path": _PATH,
        "healthCheck.matcher": written(r"\d{1,3}([,-]\d{1,3})*", "is no list or range of codes such as 200-299"),
        "stickiness.type": one_of("lb_cookie", "app_cookie", "source_ip", "source_ip_dest_ip", "source_ip_dest_ip_proto"),
        "stickiness.cookieDuration": between(0, 604800),
        "targetHealthStates[].unhealthyDrainingInterval": between(0, 360000),
    },
    "aws:lb/listener:Listener": {
        "port": PORT,
        "protocol": one_of(*_WEB, *_NETWORK, "GENEVE"),
        "tcpIdleTimeoutSeconds": between(60, 6000),
        "alpnPolicy": one_of("HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None"),
        "defaultActions[].type": one_of(
            "forward", "authenticate-oidc", "authenticate-cognito", "redirect", "fixed-response", "jwt-validation"
        ),
        "defaultActions[].order": between(1, 50000),
        "defaultActions[].redirect.statusCode": one_of("HTTP_301", "HTTP_302"),
    },
}


def _target(inputs: Properties) -> Iterator[CheckFailure]:
    if text(inputs, "targetType") != "lambda":
        for name in ("port", "protocol", "vpcId"):
            if not given(inputs, name):
                yield CheckFailure(name, "is required unless targetType is lambda")


def _health(inputs: Properties) -> Iterator[CheckFailure]:
    check = inputs.get("healthCheck")
    if not isinstance(check, dict):
        return
    if text(check, "protocol") == "TCP":
        for name in given(check, "path", "matcher"):
            yield CheckFailure(f"healthCheck.{name}", "a health check over TCP has none")
        if text(inputs, "protocol") in _WEB:
            yield CheckFailure("healthCheck.protocol", f"TCP does not go with the protocol {text(inputs, 'protocol')}")
    timeout, interval = number(check, "timeout"), number(check, "interval")
    # A network load balancer's may be as long as its interval, which was so for all of them once.
    if timeout is not None and interval is not None and (timeout > interval or (timeout == interval and text(inputs, "protocol") in _WEB)):
        yield CheckFailure("healthCheck.timeout", f"{timeout:g} has to be shorter than the interval, {interval:g}")


def _sticks(inputs: Properties) -> Iterator[CheckFailure]:
    stickiness = inputs.get("stickiness")
    kind = text(stickiness, "type") if isinstance(stickiness, dict) else None
    if kind and text(inputs, "protocol") in _NETWORK and kind.endswith("cookie"):
        yield CheckFailure("stickiness.type", f"{kind} needs HTTP: a network load balancer has source_ip")


def _certificate(inputs: Properties) -> Iterator[CheckFailure]:
    protocol = text(inputs, "protocol")
    if protocol in _TLS and not given(inputs, "certificateArn"):
        yield CheckFailure("certificateArn", f"is required with the protocol {protocol}")
    if protocol is not None and protocol not in _TLS:
        for name in given(inputs, "certificateArn", "sslPolicy", "alpnPolicy"):
            yield CheckFailure(name, f"is only for TLS and HTTPS, not for {protocol}")


def _actions(inputs: Properties) -> Iterator[CheckFailure]:
    actions = inputs.get("defaultActions")
    network = text(inputs, "protocol") in _NETWORK
    for index, action in enumerate(actions if isinstance(actions, list) else []):
        kind = text(action, "type") if isinstance(action, dict) else None
        if kind == "forward" and len(given(action, "targetGroupArn", "forward")) == 0:
            yield CheckFailure(f"defaultActions[{index}].targetGroupArn", "is required with the type forward")
        elif kind is not None and kind != "forward" and network:
            yield CheckFailure(f"defaultActions[{index}].type", f"a network load balancer can only forward, not {kind}")


def _kind(inputs: Properties) -> Iterator[CheckFailure]:
    arn, protocol = text(inputs, "loadBalancerArn") or "", text(inputs, "protocol")
    wanted = {"net": _NETWORK, "app": _WEB, "gwy": ("GENEVE",)}.get(arn.partition(":loadbalancer/")[2].partition("/")[0])
    if protocol and wanted and protocol not in wanted:
        yield CheckFailure("protocol", f"{protocol} does not go with this kind of load balancer, only: {', '.join(wanted)}")


TOGETHER: Mapping[str, tuple[Together, ...]] = {
    "aws:lb/loadBalancer:LoadBalancer": (exactly_one("subnets", "subnetMappings"), not_both("name", "namePrefix")),
    "aws:lb/targetGroup:TargetGroup": (_target, _health, _sticks, not_both("name", "namePrefix")),
    "aws:lb/listener:Listener": (_certificate, _actions, _kind),
}
