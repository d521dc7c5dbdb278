"""Every limit of the aws preview plugin by itself: a value that only it refuses. No limit is left without one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from offline.plugins.aws.limits import LIMITS, TOGETHER, exceeded
from offline.plugins.aws.limits.values import check
from offline.plugins.framework import UNKNOWN, Properties
from tests.offline.aws_fleet import FLEET, REGION

RULE = {"cidrIpv4": "10.0.0.1/8", "cidrIpv6": "10.0.0.0/8", "fromPort": -2, "toPort": 65536, "description": "a\tb"}
OBJECT = {"key": "", "serverSideEncryption": "AES", "storageClass": "COLD"}
LONG = "a" * 11000
PREFERENCES = "instanceRefresh.preferences"
BAD: Mapping[str, Mapping[str, object]] = {
    "aws:ec2/vpc:Vpc": {"cidrBlock": "10.0.0.0/29", "instanceTenancy": "host"},
    "aws:ec2/subnet:Subnet": {"cidrBlock": "10.0.0.0/29", "ipv6CidrBlock": "10.0.0.0/24"},
    "aws:ec2/eip:Eip": {"domain": "standard"},
    "aws:ec2/natGateway:NatGateway": {"connectivityType": "Public", "availabilityMode": "zone"},
    "aws:ec2/route:Route": {"destinationCidrBlock": "::/0", "destinationIpv6CidrBlock": "0.0.0.0/0"},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {"vpcEndpointType": "gateway", "ipAddressType": "ipv5"},
    "aws:ec2/securityGroup:SecurityGroup": {
        "name": "sg-a",
        "description": "a'b",
        "ingress[].fromPort": 65536,
        "ingress[].toPort": 65536,
        "ingress[].cidrBlocks[]": "10.0.0.1/8",
        "egress[].fromPort": 65536,
        "egress[].toPort": 65536,
        "egress[].cidrBlocks[]": "::/0",
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": RULE,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": RULE,
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "name": "a b c",
        "description": "a" * 256,
        "userData": "?",
        "imageId": "ami",
        "instanceType": "large",
        "defaultVersion": 0,
        "ebsOptimized": "yes",
        "metadataOptions.httpTokens": "on",
        "metadataOptions.httpEndpoint": "on",
        "metadataOptions.httpProtocolIpv6": "on",
        "metadataOptions.instanceMetadataTags": "on",
        "metadataOptions.httpPutResponseHopLimit": 0,
        "blockDeviceMappings[].ebs.volumeType": "ssd",
        "blockDeviceMappings[].ebs.volumeSize": 0,
        "blockDeviceMappings[].ebs.throughput": 100,
        "blockDeviceMappings[].ebs.encrypted": "yes",
        "blockDeviceMappings[].ebs.deleteOnTermination": "yes",
        "tagSpecifications[].resourceType": "disk",
        "instanceInitiatedShutdownBehavior": "hibernate",
        "creditSpecification.cpuCredits": "none",
    },
    "aws:autoscaling/group:Group": {
        "name": "a:b",
        "minSize": -1,
        "maxSize": -1,
        "desiredCapacity": -1,
        "healthCheckType": "elb",
        "healthCheckGracePeriod": -1,
        "instanceRefresh.strategy": "Fast",
        f"{PREFERENCES}.minHealthyPercentage": 101,
        f"{PREFERENCES}.maxHealthyPercentage": 99,
        f"{PREFERENCES}.instanceWarmup": "-1",
        f"{PREFERENCES}.checkpointDelay": "172801",
        f"{PREFERENCES}.checkpointPercentages[]": 0,
        f"{PREFERENCES}.scaleInProtectedInstances": "refresh",
        f"{PREFERENCES}.standbyInstances": "terminate",
        "instanceMaintenancePolicy.minHealthyPercentage": 101,
        "instanceMaintenancePolicy.maxHealthyPercentage": 99,
        "maxInstanceLifetime": 3600,
        "initialLifecycleHooks[].heartbeatTimeout": 10,
        "suspendedProcesses[]": "Sleep",
        "launchTemplate.version": "latest",
        "waitForCapacityTimeout": "10 minutes",
    },
    "aws:autoscaling/lifecycleHook:LifecycleHook": {
        "name": "a b",
        "heartbeatTimeout": 10,
        "defaultResult": "continue",
        "lifecycleTransition": "launch",
    },
    "aws:lb/loadBalancer:LoadBalancer": {
        "name": "-a",
        "loadBalancerType": "nlb",
        "ipAddressType": "ipv6",
        "idleTimeout": 0,
        "dnsRecordClientRoutingPolicy": "any",
        "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic": "true",
    },
    "aws:lb/targetGroup:TargetGroup": {
        "name": "a.b",
        "port": 65536,
        "protocol": "SSL",
        "targetType": "host",
        "deregistrationDelay": -1,
        "slowStart": 10,
        "loadBalancingCrossZoneEnabled": "yes",
        "preserveClientIp": "yes",
        "healthCheck.interval": 301,
        "healthCheck.timeout": 1,
        "healthCheck.healthyThreshold": 1,
        "healthCheck.unhealthyThreshold": 11,
        "healthCheck.protocol": "TLS",
        "healthCheck.port": "65536",
        "healthCheck.path": "a",
        "healthCheck.matcher": "ok",
        "stickiness.type": "ip",
        "stickiness.cookieDuration": -1,
        "targetHealthStates[].unhealthyDrainingInterval": -1,
    },
    "aws:lb/listener:Listener": {
        "port": 0,
        "protocol": "SSL",
        "tcpIdleTimeoutSeconds": 59,
        "alpnPolicy": "h2",
        "defaultActions[].type": "pass",
        "defaultActions[].order": 0,
        "defaultActions[].redirect.statusCode": "301",
    },
    "aws:elasticache/replicationGroup:ReplicationGroup": {
        "replicationGroupId": "A",
        "description": "",
        "authToken": "a" * 129,
        "authTokenUpdateStrategy": "rotate",
        "engine": "memcached",
        "engineVersion": "7",
        "nodeType": "t4g.small",
        "port": 0,
        "numCacheClusters": 7,
        "replicasPerNodeGroup": 6,
        "snapshotRetentionLimit": -1,
        "snapshotWindow": "25:00-26:00",
        "maintenanceWindow": "any:05:00-any:06:00",
        "transitEncryptionMode": "optional",
        "clusterMode": "on",
        "networkType": "ipv5",
        "ipDiscovery": "dual_stack",
    },
    "aws:elasticache/subnetGroup:SubnetGroup": {"name": "a_b"},
    "aws:elasticache/parameterGroup:ParameterGroup": {"name": "1a", "family": "redis"},
    "aws:secretsmanager/secret:Secret": {"name": "a b", "recoveryWindowInDays": 31, "description": LONG},
    "aws:secretsmanager/secretVersion:SecretVersion": {"secretString": "a" * 65537},
    "aws:kms/key:Key": {"deletionWindowInDays": 31, "rotationPeriodInDays": 30},
    "aws:kms/alias:Alias": {"name": "alias/aws/s3"},
    "aws:iam/role:Role": {"maxSessionDuration": 1, "description": "\u201ca\u201d", "path": "a", "assumeRolePolicy": LONG},
    "aws:iam/rolePolicy:RolePolicy": {"name": "a b", "policy": LONG},
    "aws:iam/policy:Policy": {"policy": LONG, "path": "/a"},
    "aws:iam/userPolicy:UserPolicy": {"policy": LONG},
    "aws:iam/instanceProfile:InstanceProfile": {"path": "a/"},
    "aws:s3/bucketObject:BucketObject": OBJECT,
    "aws:s3/bucketObjectv2:BucketObjectv2": OBJECT,
    "aws:route53/record:Record": {"type": "a", "name": "a b", "zoneId": "example.org", "ttl": -1, "aliases": [{}, {}]},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {
        "name": "",
        "alarmDescription": LONG,
        "comparisonOperator": ">",
        "statistic": "Mean",
        "treatMissingData": "bad",
        "evaluationPeriods": 0,
        "datapointsToAlarm": 0,
        "period": 61,
        "namespace": ":a",
        "metricName": "",
        "alarmActions": ["a"] * 6,
        "okActions": ["a"] * 6,
        "insufficientDataActions": ["a"] * 6,
    },
    "aws:cloudwatch/logGroup:LogGroup": {"name": "a b", "retentionInDays": 2},
}


def _nested(parts: list[str], value: object) -> Properties:
    """Inputs with a value at a path."""
    name, inner = parts[0].removesuffix("[]"), value if len(parts) == 1 else _nested(parts[1:], value)
    return {name: [inner] if parts[0].endswith("[]") else inner}


@pytest.mark.parametrize(("token", "path"), [(token, path) for token, paths in LIMITS.items() for path in paths])
def test_each_limit_refuses_something_and_nothing_that_is_not_known(token: str, path: str) -> None:
    failures = check(LIMITS[token], _nested(path.split("."), BAD[token][path]))
    assert [failure.property for failure in failures] == [path.replace("[]", "[0]")]
    assert not list(check(LIMITS[token], _nested(path.split("."), UNKNOWN)))


def test_no_bad_value_is_left_over() -> None:
    assert {(token, path) for token, paths in BAD.items() for path in paths} == {
        (token, path) for token, paths in LIMITS.items() for path in paths
    }


PAIRS: list[tuple[str, Properties, str]] = [
    ("aws:ec2/vpc:Vpc", {"ipv4NetmaskLength": 16}, "ipv4NetmaskLength"),
    ("aws:ec2/subnet:Subnet", {"ipv4NetmaskLength": 24}, "ipv4NetmaskLength"),
    ("aws:ec2/route:Route", {"destinationPrefixListId": "pl-1"}, "destinationPrefixListId"),
    ("aws:ec2/route:Route", {"gatewayId": None, "egressOnlyGatewayId": "eigw-1"}, "egressOnlyGatewayId"),
    (
        "aws:ec2/route:Route",
        {"destinationCidrBlock": None, "destinationIpv6CidrBlock": "::/0", "gatewayId": None, "carrierGatewayId": "cagw-1"},
        "carrierGatewayId",
    ),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", {"serviceNetworkArn": "arn:x"}, "serviceNetworkArn"),
    ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", {"prefixListId": "pl-1"}, "prefixListId"),
    (
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"blockDeviceMappings": [{"ebs": {"encrypted": "false", "kmsKeyId": "arn:x"}}]},
        "blockDeviceMappings[0].ebs.kmsKeyId",
    ),
    ("aws:autoscaling/group:Group", {"namePrefix": "images"}, "namePrefix"),
    ("aws:autoscaling/group:Group", {"trafficSources": [{"identifier": "x"}]}, "targetGroupArns"),
    (
        "aws:autoscaling/group:Group",
        {"instanceMaintenancePolicy": {"minHealthyPercentage": 50, "maxHealthyPercentage": 200}},
        "instanceMaintenancePolicy.maxHealthyPercentage",
    ),
    ("aws:lb/loadBalancer:LoadBalancer", {"namePrefix": "i"}, "namePrefix"),
    ("aws:lb/targetGroup:TargetGroup", {"namePrefix": "i"}, "namePrefix"),
    ("aws:elasticache/replicationGroup:ReplicationGroup", {"numNodeGroups": 1}, "numNodeGroups"),
    ("aws:elasticache/replicationGroup:ReplicationGroup", {"authToken": None, "authTokenUpdateStrategy": "SET"}, "authTokenUpdateStrategy"),
    ("aws:elasticache/replicationGroup:ReplicationGroup", {"kmsKeyId": "arn:x", "atRestEncryptionEnabled": False}, "kmsKeyId"),
    ("aws:secretsmanager/secret:Secret", {"namePrefix": "i"}, "namePrefix"),
    (
        "aws:secretsmanager/secretVersion:SecretVersion",
        {"secretString": None, "secretBinary": "eA==", "secretStringWo": "x"},
        "secretStringWo",
    ),
    ("aws:secretsmanager/secretVersion:SecretVersion", {"secretString": None, "secretStringWo": "x"}, "secretStringWo"),
    ("aws:iam/role:Role", {"namePrefix": "i"}, "namePrefix"),
    ("aws:iam/instanceProfile:InstanceProfile", {"namePrefix": "i"}, "namePrefix"),
    ("aws:s3/bucketObject:BucketObject", {"source": {}}, "content"),
    ("aws:s3/bucketObject:BucketObject", {"contentBase64": "eA=="}, "contentBase64"),
    ("aws:s3/bucketObjectv2:BucketObjectv2", {"source": {}}, "contentBase64"),
    ("aws:s3/bucketObjectv2:BucketObjectv2", {"etag": "x", "kmsKeyId": "arn:x"}, "kmsKeyId"),
    ("aws:route53/record:Record", {"aliases": None, "records": ["192.0.2.1"]}, "ttl"),
    ("aws:route53/record:Record", {"type": "NS"}, "aliases"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", {"metricQueries": [{"id": "m"}]}, "metricQueries"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", {"thresholdMetricId": "m"}, "thresholdMetricId"),
]


@pytest.mark.parametrize(("token", "change", "property_"), PAIRS)
def test_what_does_not_go_together_is_refused(token: str, change: Properties, property_: str) -> None:
    assert property_ in {failure.property for failure in exceeded(token, dict(FLEET[token]) | change)}


def test_every_check_on_several_inputs_has_a_case() -> None:
    from tests.offline.test_aws_limits import BALANCERS, CACHE, MACHINES, NETWORK, OTHERS  # noqa: PLC0415 - the cases of the common mistakes

    common = [(f"aws:{token}", change) for token, change, _, _ in (*NETWORK, *MACHINES, *BALANCERS, *CACHE, *OTHERS)]
    cases = [*common, *((token, change) for token, change, _ in PAIRS)]
    silent = [
        f"{token}, check {number}"
        for token, checks in TOGETHER.items()
        for number, together in enumerate(checks)
        if not any(list(together({"region": REGION} | FLEET[token] | change)) for other, change in cases if other == token)
    ]
    assert silent == []
