"""What the aws preview plugin refuses, as AWS or the vendor's plugin would; no CLI."""

from __future__ import annotations

import base64
from functools import cache

import pytest

from offline.plugins.aws.vendor import Aws
from offline.plugins.framework import UNKNOWN, Properties
from offline.plugins.preview import REQUEST, TESTS
from offline.plugins.preview.kind import PreviewKind
from tests.offline.aws_fleet import CANARY, FLEET, GROUP, REGION, SUBNET, VPC


@cache
def _aws() -> Aws:
    vendor = Aws()
    vendor.configure({"region": REGION})
    return vendor


def _kind(token: str, name: str = "it") -> PreviewKind:
    return PreviewKind(_aws(), _aws().sdk.resource(token), f"urn:pulumi:dev::project::{token}::{name}")


def _failures(token: str, inputs: Properties, name: str = "it") -> dict[str, str]:
    _, failures = _kind(token, name).check({}, inputs)
    return {failure.property: failure.reason for failure in failures}


@pytest.mark.parametrize("token", FLEET)
def test_what_a_fleet_uses_is_accepted(token: str) -> None:
    assert not _failures(token, FLEET[token])


@pytest.mark.parametrize("token", FLEET)
def test_what_is_not_known_yet_is_accepted(token: str) -> None:
    assert not _failures(token, dict.fromkeys(FLEET[token], UNKNOWN))


NETWORK = [
    ("ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "/16 to /28"),
    ("ec2/vpc:Vpc", {"cidrBlock": "10.0.1.0/16"}, "cidrBlock", "the address of 10.0.0.0/16 is 10.0.0.0"),
    ("ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0"}, "cidrBlock", "is no network"),
    ("ec2/vpc:Vpc", {"cidrBlock": "10.0.0.256/16"}, "cidrBlock", "is no CIDR"),
    ("ec2/vpc:Vpc", {"cidrBlock": "2001:db8::/56"}, "cidrBlock", "IPv4 is wanted"),
    ("ec2/subnet:Subnet", {"cidrBlock": "10.0.1.0/29"}, "cidrBlock", "/16 to /28"),
    ("ec2/subnet:Subnet", {"availabilityZone": "us-east-1a"}, "availabilityZone", "is not in eu-central-1"),
    ("ec2/subnet:Subnet", {"availabilityZoneId": "euc1-az1"}, "availabilityZoneId", "cannot be given together"),
    ("ec2/eip:Eip", {"domain": "standard"}, "domain", "not one of: vpc"),
    ("ec2/natGateway:NatGateway", {"allocationId": None}, "allocationId", "is required for a public"),
    ("ec2/natGateway:NatGateway", {"connectivityType": "private"}, "allocationId", "is not supported"),
    ("ec2/natGateway:NatGateway", {"subnetId": None}, "subnetId", "is required"),
    ("ec2/route:Route", {"natGatewayId": "nat-1"}, "natGatewayId", "exactly one"),
    ("ec2/route:Route", {"gatewayId": None}, "carrierGatewayId", "there is given none"),
    ("ec2/route:Route", {"destinationCidrBlock": "0.0.0.1/0"}, "destinationCidrBlock", "is no network"),
    ("ec2/routeTableAssociation:RouteTableAssociation", {"gatewayId": "igw-1"}, "gatewayId", "exactly one"),
    ("ec2/vpcEndpoint:VpcEndpoint", {"subnetIds": [SUBNET]}, "subnetIds", "a gateway endpoint has none"),
    ("ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "Interface"}, "routeTableIds", "only a gateway endpoint"),
    ("ec2/vpcEndpoint:VpcEndpoint", {"vpcEndpointType": "interface"}, "vpcEndpointType", "is not one of"),
    ("ec2/securityGroup:SecurityGroup", {"name": "sg-images"}, "name", "begins with sg-"),
    ("ec2/securityGroup:SecurityGroup", {"description": "Hosts' group"}, "description", "has other characters"),
    ("vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"toPort": 65536}, "toPort", "between -1 and 65535"),
    ("vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"toPort": 80}, "toPort", "80 is below fromPort 443"),
    ("vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"fromPort": None}, "fromPort", "is required with ipProtocol tcp"),
    ("vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"referencedSecurityGroupId": GROUP}, "referencedSecurityGroupId", "exactly"),
    ("vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv4": None}, "cidrIpv4", "there is given none"),
    ("vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv4": "192.0.2.1/24"}, "cidrIpv4", "192.0.2.0"),
    ("vpc/securityGroupEgressRule:SecurityGroupEgressRule", {"fromPort": 0}, "fromPort", "all ports are meant"),
]
MACHINES = [
    ("ec2/launchTemplate:LaunchTemplate", {"userData": "#cloud-config"}, "userData", "has to be base64"),
    ("ec2/launchTemplate:LaunchTemplate", {"userData": base64.b64encode(b"x" * 16385).decode()}, "userData", "has 16385 bytes"),
    ("ec2/launchTemplate:LaunchTemplate", {"imageId": "debian-13"}, "imageId", "neither an image's id"),
    ("ec2/launchTemplate:LaunchTemplate", {"instanceType": "large"}, "instanceType", "no instance type"),
    ("ec2/launchTemplate:LaunchTemplate", {"metadataOptions": {"httpTokens": "yes"}}, "metadataOptions.httpTokens", "required, optional"),
    (
        "ec2/launchTemplate:LaunchTemplate",
        {"metadataOptions": {"httpPutResponseHopLimit": 65}},
        "metadataOptions.httpPutResponseHopLimit",
        "between 1 and 64",
    ),
    (
        "ec2/launchTemplate:LaunchTemplate",
        {"blockDeviceMappings": [{"ebs": {"volumeType": "gp4"}}]},
        "blockDeviceMappings[0].ebs.volumeType",
        "is not one of",
    ),
    ("ec2/launchTemplate:LaunchTemplate", {"namePrefix": "images"}, "namePrefix", "cannot be given together"),
    ("ec2/launchTemplate:LaunchTemplate", {"defaultVersion": 1}, "updateDefaultVersion", "cannot be given together"),
    ("ec2/launchTemplate:LaunchTemplate", {"iamInstanceProfile": {"arn": "arn:x", "name": "x"}}, "iamInstanceProfile.name", "together"),
    ("ec2/launchTemplate:LaunchTemplate", {"networkInterfaces": [{"deviceIndex": 0}]}, "vpcSecurityGroupIds", "networkInterfaces"),
    ("autoscaling/group:Group", {"minSize": 5}, "minSize", "5 is more than maxSize 4"),
    ("autoscaling/group:Group", {"desiredCapacity": 1}, "desiredCapacity", "less than minSize 2"),
    ("autoscaling/group:Group", {"launchTemplate": None}, "launchConfiguration", "exactly one"),
    ("autoscaling/group:Group", {"launchTemplate": {"id": "lt-1", "name": "x"}}, "launchTemplate.name", "exactly one"),
    ("autoscaling/group:Group", {"launchTemplate": {"id": "lt-1", "version": "newest"}}, "launchTemplate.version", "no version"),
    ("autoscaling/group:Group", {"availabilityZones": [f"{REGION}a"]}, "availabilityZones", "cannot be given together"),
    ("autoscaling/group:Group", {"healthCheckType": "elb"}, "healthCheckType", "is not one of"),
    ("autoscaling/group:Group", {"instanceRefresh": {"strategy": "rolling"}}, "instanceRefresh.strategy", "is not one of"),
    (
        "autoscaling/group:Group",
        {"instanceRefresh": {"strategy": "Rolling", "preferences": {"minHealthyPercentage": 50, "maxHealthyPercentage": 200}}},
        "instanceRefresh.preferences.maxHealthyPercentage",
        "more than 100 above",
    ),
]
BALANCERS = [
    ("lb/loadBalancer:LoadBalancer", {"name": "a" * 33}, "name", "has 33 characters: 1 to 32"),
    ("lb/loadBalancer:LoadBalancer", {"name": "internal-images"}, "name", "AWS reserves"),
    ("lb/loadBalancer:LoadBalancer", {"name": "images-"}, "name", "a hyphen at an end"),
    ("lb/loadBalancer:LoadBalancer", {"subnets": None}, "subnets", "there is given none"),
    ("lb/targetGroup:TargetGroup", {"name": "a_b"}, "name", "other characters"),
    ("lb/targetGroup:TargetGroup", {"port": 0}, "port", "between 1 and 65535"),
    ("lb/targetGroup:TargetGroup", {"port": None}, "port", "is required unless"),
    ("lb/targetGroup:TargetGroup", {"protocol": "tcp"}, "protocol", "is not one of"),
    ("lb/targetGroup:TargetGroup", {"deregistrationDelay": 3601}, "deregistrationDelay", "between 0 and 3600"),
    ("lb/targetGroup:TargetGroup", {"healthCheck": {"interval": 4}}, "healthCheck.interval", "between 5 and 300"),
    ("lb/targetGroup:TargetGroup", {"healthCheck": {"interval": 10, "timeout": 11}}, "healthCheck.timeout", "shorter than the interval"),
    ("lb/targetGroup:TargetGroup", {"healthCheck": {"path": "ready"}}, "healthCheck.path", "begin with /"),
    ("lb/targetGroup:TargetGroup", {"healthCheck": {"protocol": "TCP", "path": "/"}}, "healthCheck.path", "over TCP has none"),
    ("lb/targetGroup:TargetGroup", {"healthCheck": {"protocol": "TLS"}}, "healthCheck.protocol", "HTTP, HTTPS, TCP"),
    ("lb/targetGroup:TargetGroup", {"healthCheck": {"port": "edge"}}, "healthCheck.port", "is no port"),
    ("lb/targetGroup:TargetGroup", {"healthCheck": {"unhealthyThreshold": 1}}, "healthCheck.unhealthyThreshold", "between 2 and 10"),
    ("lb/targetGroup:TargetGroup", {"stickiness": {"type": "lb_cookie"}}, "stickiness.type", "needs HTTP"),
    ("lb/listener:Listener", {"protocol": "TLS"}, "certificateArn", "is required"),
    ("lb/listener:Listener", {"sslPolicy": "x"}, "sslPolicy", "only for TLS and HTTPS"),
    ("lb/listener:Listener", {"protocol": "HTTP"}, "protocol", "does not go with this kind"),
    ("lb/listener:Listener", {"defaultActions": [{"type": "forward"}]}, "defaultActions[0].targetGroupArn", "is required"),
    ("lb/listener:Listener", {"defaultActions": [{"type": "redirect"}]}, "defaultActions[0].type", "can only forward"),
]
CACHE = [
    ("elasticache/replicationGroup:ReplicationGroup", {"replicationGroupId": "a" * 41}, "replicationGroupId", "1 to 40"),
    ("elasticache/replicationGroup:ReplicationGroup", {"replicationGroupId": "Images"}, "replicationGroupId", "lower-case"),
    ("elasticache/replicationGroup:ReplicationGroup", {"replicationGroupId": "1images"}, "replicationGroupId", "begin with a letter"),
    ("elasticache/replicationGroup:ReplicationGroup", {"replicationGroupId": "a--b"}, "replicationGroupId", "single hyphens"),
    ("elasticache/replicationGroup:ReplicationGroup", {"replicationGroupId": "a-"}, "replicationGroupId", "no hyphen at the end"),
    ("elasticache/replicationGroup:ReplicationGroup", {"replicationGroupId": None}, "replicationGroupId", "is required"),
    ("elasticache/replicationGroup:ReplicationGroup", {"authToken": "short"}, "authToken", "16 to 128"),
    ("elasticache/replicationGroup:ReplicationGroup", {"authToken": f"{CANARY}/"}, "authToken", 'a space, @, " or /'),
    ("elasticache/replicationGroup:ReplicationGroup", {"transitEncryptionEnabled": None}, "authToken", "needs transitEncryptionEnabled"),
    ("elasticache/replicationGroup:ReplicationGroup", {"userGroupIds": ["x"]}, "authToken", "cannot be given together"),
    ("elasticache/replicationGroup:ReplicationGroup", {"numCacheClusters": 1}, "numCacheClusters", "at least 2"),
    ("elasticache/replicationGroup:ReplicationGroup", {"automaticFailoverEnabled": None}, "multiAzEnabled", "automaticFailoverEnabled"),
    ("elasticache/replicationGroup:ReplicationGroup", {"engineVersion": "7.1.0"}, "engineVersion", "is no version"),
    ("elasticache/replicationGroup:ReplicationGroup", {"nodeType": "t4g.small"}, "nodeType", "no node type"),
    ("elasticache/replicationGroup:ReplicationGroup", {"nodeType": None}, "nodeType", "is required"),
    ("elasticache/replicationGroup:ReplicationGroup", {"snapshotWindow": "3-4"}, "snapshotWindow", "is no window"),
    ("elasticache/replicationGroup:ReplicationGroup", {"maintenanceWindow": "05:00-06:00"}, "maintenanceWindow", "is no window"),
    ("elasticache/replicationGroup:ReplicationGroup", {"snapshotRetentionLimit": 36}, "snapshotRetentionLimit", "between 0 and 35"),
    ("elasticache/replicationGroup:ReplicationGroup", {"parameterGroupName": "default.valkey8"}, "parameterGroupName", "not for redis"),
    ("elasticache/subnetGroup:SubnetGroup", {"subnetIds": []}, "subnetIds", "at least one"),
    ("elasticache/subnetGroup:SubnetGroup", {"name": "a_b"}, "name", "other characters"),
    ("elasticache/parameterGroup:ParameterGroup", {"family": "redis"}, "family", "no family"),
]
OTHERS = [
    ("secretsmanager/secret:Secret", {"name": "a b"}, "name", "other characters"),
    ("secretsmanager/secret:Secret", {"recoveryWindowInDays": 3}, "recoveryWindowInDays", "between 7 and 30 or 0"),
    ("secretsmanager/secretVersion:SecretVersion", {"secretBinary": "eA=="}, "secretBinary", "cannot be given together"),
    ("secretsmanager/secretVersion:SecretVersion", {"secretString": CANARY * 3000}, "secretString", "a secret holds 65536"),
    ("iam/role:Role", {"name": "a" * 65}, "name", "1 to 64"),
    ("iam/role:Role", {"maxSessionDuration": 60}, "maxSessionDuration", "between 3600"),
    ("iam/role:Role", {"path": "apps"}, "path", "begin and end with /"),
    ("iam/instanceProfile:InstanceProfile", {"name": "a" * 129}, "name", "1 to 128"),
    ("iam/rolePolicy:RolePolicy", {"name": "a" * 129}, "name", "1 to 128"),
    ("s3/bucketObjectv2:BucketObjectv2", {"content": "x"}, "contentBase64", "cannot be given together"),
    ("s3/bucketObjectv2:BucketObjectv2", {"key": "a" * 1025}, "key", "1 to 1024"),
    ("s3/bucketObject:BucketObject", {"serverSideEncryption": "kms"}, "serverSideEncryption", "is not one of"),
    ("route53/record:Record", {"records": ["192.0.2.1"]}, "records", "exactly one"),
    ("route53/record:Record", {"ttl": 60}, "ttl", "cannot be given together"),
    ("route53/record:Record", {"type": "ALIAS"}, "type", "is not one of"),
    ("route53/record:Record", {"zoneId": "example.org"}, "zoneId", "no hosted zone"),
    ("cloudwatch/metricAlarm:MetricAlarm", {"period": 45}, "period", "multiple of 60"),
    ("cloudwatch/metricAlarm:MetricAlarm", {"statistic": None}, "statistic", "exactly one"),
    ("cloudwatch/metricAlarm:MetricAlarm", {"datapointsToAlarm": 3}, "datapointsToAlarm", "more than evaluationPeriods"),
    ("cloudwatch/metricAlarm:MetricAlarm", {"evaluationPeriods": 1441}, "evaluationPeriods", "longer than 1 d"),
    ("cloudwatch/metricAlarm:MetricAlarm", {"comparisonOperator": ">"}, "comparisonOperator", "is not one of"),
    ("cloudwatch/logGroup:LogGroup", {"retentionInDays": 31}, "retentionInDays", "is not one of"),
    ("kms/key:Key", {"deletionWindowInDays": 3}, "deletionWindowInDays", "between 7 and 30"),
    ("kms/alias:Alias", {"name": "images"}, "name", "begin with alias/"),
]


@pytest.mark.parametrize(("token", "change", "property_", "reason"), [*NETWORK, *MACHINES, *BALANCERS, *CACHE, *OTHERS])
def test_what_aws_refuses_is_refused(token: str, change: Properties, property_: str, reason: str) -> None:
    failures = _failures(f"aws:{token}", dict(FLEET[f"aws:{token}"]) | change)
    assert reason in failures.get(property_, ""), failures
    assert CANARY not in str(failures)


def test_a_name_that_is_made_up_keeps_to_the_limits_too() -> None:
    inputs = {name: value for name, value in FLEET["aws:lb/loadBalancer:LoadBalancer"].items() if name != "name"}
    assert not _failures("aws:lb/loadBalancer:LoadBalancer", inputs, "short")
    assert "1 to 32" in _failures("aws:lb/loadBalancer:LoadBalancer", inputs, "registry-production-balancer")["name"]


def test_a_subnet_lies_in_its_vpc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUEST, TESTS)
    vpc, _ = _kind("aws:ec2/vpc:Vpc", "around").create({"cidrBlock": "10.7.0.0/16"}, timeout=0, preview=False)
    assert not _failures("aws:ec2/subnet:Subnet", {"vpcId": vpc, "cidrBlock": "10.7.255.0/24"})
    failures = _failures("aws:ec2/subnet:Subnet", {"vpcId": vpc, "cidrBlock": "10.8.0.0/24"})
    assert failures == {"cidrBlock": "10.8.0.0/24 does not lie in the VPC's network 10.7.0.0/16"}
    assert not _failures("aws:ec2/subnet:Subnet", {"vpcId": VPC, "cidrBlock": "10.8.0.0/24"}), "of that one nothing is known"
