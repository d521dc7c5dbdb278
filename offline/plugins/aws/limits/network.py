"""Networks: VPCs, subnets, routes, gateways, security groups.

Sources: internal/service/ec2/vpc_*.go of terraform-provider-aws, which the vendor's plugin is made of, and the VPC user guide
(https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html, .../subnet-sizing.html, .../security-group-rules.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from offline.plugins.framework import CheckFailure, Properties

from .together import Together, exactly_one, given, needs, not_both, number, text
from .values import Limits, between, network, one_of, written

_TEXT = r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]*"
_TEXT_RULE = "has other characters than letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*"
_RULE: Limits = {
    "cidrIpv4": network(version=4),
    "cidrIpv6": network(version=6),
    "fromPort": between(-1, 65535),
    "toPort": between(-1, 65535),
    "description": written(_TEXT, _TEXT_RULE, least=0),
}
_TARGETS = (
    *("carrierGatewayId", "coreNetworkArn", "egressOnlyGatewayId", "gatewayId", "localGatewayId", "natGatewayId"),
    *("networkInterfaceId", "odbNetworkArn", "transitGatewayId", "vpcEndpointId", "vpcPeeringConnectionId"),
)

LIMITS: Mapping[str, Limits] = {
    "aws:ec2/vpc:Vpc": {"cidrBlock": network(16, 28, version=4), "instanceTenancy": one_of("default", "dedicated")},
    "aws:ec2/subnet:Subnet": {"cidrBlock": network(16, 28, version=4), "ipv6CidrBlock": network(version=6)},
    "aws:ec2/eip:Eip": {"domain": one_of("vpc")},
    "aws:ec2/natGateway:NatGateway": {"connectivityType": one_of("public", "private"), "availabilityMode": one_of("zonal", "regional")},
    "aws:ec2/route:Route": {"destinationCidrBlock": network(version=4), "destinationIpv6CidrBlock": network(version=6)},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "vpcEndpointType": one_of("Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork"),
        "ipAddressType": one_of("ipv4", "dualstack", "ipv6"),
    },
    "aws:ec2/securityGroup:SecurityGroup": {
        "name": written(rf"(?!sg-){_TEXT}", f"begins with sg- or {_TEXT_RULE}"),
        "description": written(_TEXT, _TEXT_RULE),
        "ingress[].fromPort": between(-1, 65535),
        "ingress[].toPort": between(-1, 65535),
        "ingress[].cidrBlocks[]": network(version=4),
        "egress[].fromPort": between(-1, 65535),
        "egress[].toPort": between(-1, 65535),
        "egress[].cidrBlocks[]": network(version=4),
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _RULE,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _RULE,
}


def _nat(inputs: Properties) -> Iterator[CheckFailure]:
    if text(inputs, "availabilityMode") == "regional":
        return
    if not given(inputs, "subnetId"):
        yield CheckFailure("subnetId", "is required for a NAT gateway in one zone")
    private = text(inputs, "connectivityType") == "private"
    if private and given(inputs, "allocationId"):
        yield CheckFailure("allocationId", "is not supported with connectivityType private")
    if not private and not given(inputs, "allocationId"):
        yield CheckFailure("allocationId", "is required for a public NAT gateway: the elastic address that it sends from")


def _endpoint(inputs: Properties) -> Iterator[CheckFailure]:
    if (text(inputs, "vpcEndpointType") or "Gateway") == "Gateway":
        for name in given(inputs, "subnetIds", "securityGroupIds", "privateDnsEnabled"):
            yield CheckFailure(name, "a gateway endpoint has none: it works through routeTableIds (or set vpcEndpointType to Interface)")
    elif given(inputs, "routeTableIds"):
        yield CheckFailure("routeTableIds", "only a gateway endpoint has them (vpcEndpointType Gateway)")


def _ports(inputs: Properties) -> Iterator[CheckFailure]:
    protocol, first, last = text(inputs, "ipProtocol"), number(inputs, "fromPort"), number(inputs, "toPort")
    if protocol in {"-1", "all"}:
        for name in given(inputs, "fromPort", "toPort"):
            yield CheckFailure(name, "is not allowed with every protocol (ipProtocol -1): all ports are meant")
    elif protocol in {"tcp", "udp", "6", "17"}:
        for name in ("fromPort", "toPort"):
            if not given(inputs, name):
                yield CheckFailure(name, f"is required with ipProtocol {protocol}")
        if first is not None and last is not None and first > last:
            yield CheckFailure("toPort", f"{last:g} is below fromPort {first:g}")


def _zone(inputs: Properties) -> Iterator[CheckFailure]:
    zone, region = text(inputs, "availabilityZone"), text(inputs, "region")
    if zone and region and not zone.startswith(region):
        yield CheckFailure("availabilityZone", f"{zone!r} is not in {region}")


_SOURCE = exactly_one("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")

TOGETHER: Mapping[str, tuple[Together, ...]] = {
    "aws:ec2/subnet:Subnet": (_zone, not_both("availabilityZone", "availabilityZoneId"), not_both("cidrBlock", "ipv4NetmaskLength")),
    "aws:ec2/natGateway:NatGateway": (_nat,),
    "aws:ec2/route:Route": (
        exactly_one("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"),
        exactly_one(*_TARGETS),
        not_both("destinationCidrBlock", "egressOnlyGatewayId"),
        not_both("destinationIpv6CidrBlock", "carrierGatewayId"),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (exactly_one("subnetId", "gatewayId"),),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (_endpoint, not_both("serviceName", "resourceConfigurationArn", "serviceNetworkArn")),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (_SOURCE, _ports),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (_SOURCE, _ports),
    "aws:ec2/vpc:Vpc": (not_both("cidrBlock", "ipv4NetmaskLength"), needs("ipv4NetmaskLength", "ipv4IpamPoolId")),
}
