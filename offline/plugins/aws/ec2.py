"""Ids of EC2's resources: a prefix for the kind and seventeen hexadecimal digits."""

from __future__ import annotations

from collections.abc import Mapping

from offline.plugins.preview import Seed, Shape

_PREFIXES: Mapping[str, str] = {
    "DefaultVpc": "vpc",
    "DhcpOptions": "dopt",
    "Eip": "eipalloc",
    "FlowLog": "fl",
    "Instance": "i",
    "InternetGateway": "igw",
    "LaunchTemplate": "lt",
    "NatGateway": "nat",
    "NetworkAcl": "acl",
    "NetworkInterface": "eni",
    "RouteTable": "rtb",
    "RouteTableAssociation": "rtbassoc",
    "SecurityGroup": "sg",
    "SecurityGroupEgressRule": "sgr",
    "SecurityGroupIngressRule": "sgr",
    "SecurityGroupRule": "sgrule",
    "Subnet": "subnet",
    "Volume": "vol",
    "Vpc": "vpc",
    "VpcEndpoint": "vpce",
}


def own_id(shape: Shape, seed: Seed) -> str | None:
    """Make the id of an EC2 resource; None for other types."""
    if shape.module in {"ec2", "vpc"} and shape.kind in _PREFIXES:
        return f"{_PREFIXES[shape.kind]}-{seed.hex(17, shape.kind)}"
    return None


def other_id(name: str, seed: Seed) -> str | None:
    """Make the id that a property such as `vpcId` or `mainRouteTableId` holds; None for a property of another name."""
    kinds = [kind for kind in _PREFIXES if name.lower().endswith(f"{kind}id".lower())]
    return f"{_PREFIXES[max(kinds, key=len)]}-{seed.hex(17, name)}" if kinds else None
