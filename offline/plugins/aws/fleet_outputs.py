"""Computed outputs of what a fleet is made of: networks, machines, load balancer, cache, alarms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from offline.plugins.framework import Properties
from offline.plugins.preview import Facts

from .account import ACCOUNT, dns_suffix, partition, short_region
from .arns import UPPER, arn_of, name_of

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"


def region_of(facts: Facts) -> str:
    """Return the region that a resource is in."""
    return facts.text("region") or facts.settings.get("region", "")


def _address(facts: Facts, salt: str) -> str:
    """Make an address that is for documentation only (RFC 5737)."""
    return f"203.0.113.{int(facts.seed.hex(2, salt), 16)}"


def _subnet(facts: Facts) -> Properties:
    zone = facts.text("availabilityZone") or f"{region_of(facts)}a"
    return {
        "availabilityZone": zone,
        "availabilityZoneId": f"{short_region(region_of(facts))}-az{'abcdef'.find(zone[-1]) + 1}",
        "privateDnsHostnameTypeOnLaunch": "ip-name",
    }


def _eip(facts: Facts) -> Properties:
    public, region = _address(facts, "public"), region_of(facts)
    host = f"ec2-{public.replace('.', '-')}"
    zone = "compute-1" if region == "us-east-1" else f"{region}.compute"
    nothing = dict.fromkeys(("associationId", "carrierIp", "customerOwnedIp", "instance", "networkInterface", "privateIp", "ptrRecord"), "")
    return nothing | {
        "allocationId": facts.known_id or f"eipalloc-{facts.seed.hex(17, 'Eip')}",
        "domain": "vpc",
        "networkBorderGroup": region,
        "publicDns": f"{host}.{zone}.{dns_suffix(region)}",
        "publicIp": public,
        "publicIpv4Pool": "amazon",
    }


def _nat_gateway(facts: Facts) -> Properties:
    return {
        "associationId": f"eipassoc-{facts.seed.hex(17, 'association')}",
        "availabilityMode": "zonal",
        "privateIp": facts.text("privateIp") or f"10.0.0.{int(facts.seed.hex(2, 'private'), 16)}",
        "publicIp": "" if facts.text("connectivityType") == "private" else _address(facts, "public"),
    }


def _endpoint(facts: Facts) -> Properties:
    gateway = facts.text("vpcEndpointType") in {"", "Gateway"}
    return {
        "vpcEndpointType": facts.text("vpcEndpointType") or "Gateway",
        "prefixListId": f"pl-{facts.seed.hex(8, 'prefixes')}" if gateway else "",
        "cidrBlocks": ["198.51.100.0/24"] if gateway else [],
        "ipAddressType": facts.text("ipAddressType") or "ipv4",
        "serviceRegion": region_of(facts),
        "state": "available",
    }


def _launch_template(_facts: Facts) -> Properties:
    return {"latestVersion": 1, "defaultVersion": 1}


def _group(facts: Facts) -> Properties:
    region = region_of(facts)
    role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    return {
        "availabilityZones": [f"{region}{letter}" for letter in "ab"],
        "defaultCooldown": 300,
        "desiredCapacity": facts.inputs.get("minSize"),
        "healthCheckType": "EC2",
        "predictedCapacity": 0,
        "serviceLinkedRoleArn": f"arn:{partition(region)}:iam::{ACCOUNT}:{role}",
        "warmPoolSize": 0,
    }


def _load_balancer(facts: Facts) -> Properties:
    region, suffix = region_of(facts), arn_of(facts).rpartition(":loadbalancer/")[2]
    internal = "internal-" if facts.inputs.get("internal") is True else ""
    if facts.text("loadBalancerType") in {"network", "gateway"}:
        # The same digits as in its ARN, and no mark for an internal one
        # (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/network-load-balancers.html).
        name = f"{name_of(facts)}-{suffix.rpartition('/')[2]}.elb.{region}.{dns_suffix(region)}"
    else:
        name = f"{internal}{name_of(facts)}-{facts.seed.digits(10, 'dns')}.{region}.elb.{dns_suffix(region)}"
    return {"arnSuffix": suffix, "dnsName": name, "ipAddressType": "ipv4", "zoneId": f"Z{facts.seed.characters(13, 'zone', UPPER)}"}


def _target_group(facts: Facts) -> Properties:
    return {"arnSuffix": f"targetgroup/{arn_of(facts).rpartition(':targetgroup/')[2]}", "ipAddressType": "ipv4", "loadBalancerArns": []}


def _replication_group(facts: Facts) -> Properties:
    """Host names as ElastiCache gives them: `master` and `replica` before the name with TLS, a node's number after it without
    (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html)."""
    region, name = region_of(facts), facts.text("replicationGroupId")
    own, zone = facts.seed.characters(6, "cache", _LOWER), f"{short_region(region)}.cache.{dns_suffix(region)}"
    encrypted = facts.inputs.get("transitEncryptionEnabled") is True
    nodes = facts.inputs.get("numCacheClusters") or 1
    version = facts.text("engineVersion") or "7.1"
    return {
        "clusterEnabled": False,
        "configurationEndpointAddress": "",
        "engine": "redis",
        "engineVersion": "7.1",
        "engineVersionActual": version if version.count(".") > 1 else f"{version}.0",
        "memberClusters": [f"{name}-{number:03}" for number in range(1, int(nodes) + 1)],
        "numCacheClusters": nodes,
        "port": facts.inputs.get("port") or 6379,
        "primaryEndpointAddress": f"master.{name}.{own}.{zone}" if encrypted else f"{name}.{own}.ng.0001.{zone}",
        "readerEndpointAddress": f"replica.{name}.{own}.{zone}" if encrypted else f"{name}-ro.{own}.ng.0001.{zone}",
    }


FLEET_OUTPUTS: Mapping[str, Callable[[Facts], Properties]] = {
    "aws:autoscaling/group:Group": _group,
    "aws:ec2/eip:Eip": _eip,
    "aws:ec2/launchTemplate:LaunchTemplate": _launch_template,
    "aws:ec2/natGateway:NatGateway": _nat_gateway,
    "aws:ec2/route:Route": lambda _facts: {"origin": "CreateRoute", "state": "active", "instanceId": "", "instanceOwnerId": ""},
    "aws:ec2/securityGroup:SecurityGroup": lambda _facts: {"description": "Managed by Pulumi"},
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:elasticache/parameterGroup:ParameterGroup": lambda _facts: {"description": "Managed by Pulumi"},
    "aws:elasticache/replicationGroup:ReplicationGroup": _replication_group,
    "aws:elasticache/subnetGroup:SubnetGroup": lambda _facts: {"description": "Managed by Pulumi"},
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:lb/targetGroup:TargetGroup": _target_group,
    "aws:route53/record:Record": lambda facts: {"fqdn": facts.text("name").removesuffix(".").lower()},
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": lambda facts: {"securityGroupRuleId": facts.known_id or _rule_id(facts)},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": lambda facts: {"securityGroupRuleId": facts.known_id or _rule_id(facts)},
}


def _rule_id(facts: Facts) -> str:
    return f"sgr-{facts.seed.hex(17, facts.shape.kind)}"
