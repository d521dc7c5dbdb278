"""One resource of each kind that a fleet uses, with inputs that AWS takes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from offline.plugins.framework import Properties

CANARY = "CANARY-4be1-never-in-plain-sight"
REGION = "eu-central-1"
ACCOUNT = "123456789012"
VPC, SUBNET, GROUP = "vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/net/images/0123456789abcdef"
TARGETS = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/images/0123456789abcdef"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:images-AbCdEf"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}],
    }
)
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::images/*"}]}
)

FLEET: Mapping[str, Properties] = {
    "aws:ec2/vpc:Vpc": {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True},
    "aws:ec2/subnet:Subnet": {"vpcId": VPC, "cidrBlock": "10.0.1.0/24", "availabilityZone": f"{REGION}b"},
    "aws:ec2/internetGateway:InternetGateway": {"vpcId": VPC},
    "aws:ec2/eip:Eip": {"domain": "vpc"},
    "aws:ec2/natGateway:NatGateway": {"allocationId": "eipalloc-0123456789abcdef0", "subnetId": SUBNET},
    "aws:ec2/routeTable:RouteTable": {"vpcId": VPC},
    "aws:ec2/route:Route": {
        "routeTableId": "rtb-0123456789abcdef0",
        "destinationCidrBlock": "0.0.0.0/0",
        "gatewayId": "igw-0123456789abcdef0",
    },
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {"routeTableId": "rtb-0123456789abcdef0", "subnetId": SUBNET},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "vpcId": VPC,
        "serviceName": f"com.amazonaws.{REGION}.s3",
        "routeTableIds": ["rtb-0123456789abcdef0"],
    },
    "aws:ec2/securityGroup:SecurityGroup": {"name": "images-hosts", "description": "Hosts of the registry", "vpcId": VPC},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "securityGroupId": GROUP,
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "192.0.2.0/24",
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {"securityGroupId": GROUP, "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"},
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "name": "images",
        "imageId": "ami-0123456789abcdef0",
        "instanceType": "m7g.large",
        "userData": base64.b64encode(b"#cloud-config\n").decode(),
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeType": "gp3", "volumeSize": 40}}],
        "tagSpecifications": [{"resourceType": "instance", "tags": {"Name": "images"}}],
        "vpcSecurityGroupIds": [GROUP],
        "updateDefaultVersion": True,
    },
    "aws:autoscaling/group:Group": {
        "name": "images",
        "minSize": 2,
        "maxSize": 4,
        "launchTemplate": {"id": "lt-0123456789abcdef0", "version": "1"},
        "vpcZoneIdentifiers": [SUBNET],
        "targetGroupArns": [TARGETS],
        "healthCheckType": "ELB",
        "tags": [{"key": "Name", "value": "images", "propagateAtLaunch": False}],
        "instanceRefresh": {"strategy": "Rolling", "preferences": {"minHealthyPercentage": 100, "maxHealthyPercentage": 200}},
    },
    "aws:lb/loadBalancer:LoadBalancer": {"name": "images", "loadBalancerType": "network", "subnets": [SUBNET]},
    "aws:lb/targetGroup:TargetGroup": {
        "name": "images",
        "port": 8443,
        "protocol": "TCP",
        "vpcId": VPC,
        "deregistrationDelay": 900,
        "healthCheck": {"protocol": "HTTPS", "path": "/edge/ready", "interval": 10, "timeout": 5, "healthyThreshold": 2},
    },
    "aws:lb/listener:Listener": {
        "loadBalancerArn": BALANCER,
        "port": 443,
        "protocol": "TCP",
        "defaultActions": [{"type": "forward", "targetGroupArn": TARGETS}],
    },
    "aws:route53/record:Record": {
        "zoneId": "Z0123456789ABCDEFGHIJ",
        "name": "Images.example.org.",
        "type": "A",
        "aliases": [{"name": "images.elb.amazonaws.com", "zoneId": "Z26RNL4JYFTOTI", "evaluateTargetHealth": True}],
    },
    "aws:elasticache/subnetGroup:SubnetGroup": {"name": "Images", "subnetIds": [SUBNET]},
    "aws:elasticache/parameterGroup:ParameterGroup": {"name": "images", "family": "redis7"},
    "aws:elasticache/replicationGroup:ReplicationGroup": {
        "replicationGroupId": "images",
        "description": "The registry's cache and gate",
        "engine": "redis",
        "engineVersion": "7.1",
        "nodeType": "cache.t4g.small",
        "numCacheClusters": 2,
        "automaticFailoverEnabled": True,
        "multiAzEnabled": True,
        "transitEncryptionEnabled": True,
        "atRestEncryptionEnabled": True,
        "authToken": CANARY,
        "maintenanceWindow": "sun:05:00-sun:06:00",
        "snapshotWindow": "03:00-04:00",
    },
    "aws:secretsmanager/secret:Secret": {"name": "images", "recoveryWindowInDays": 7},
    "aws:secretsmanager/secretVersion:SecretVersion": {"secretId": SECRET, "secretString": CANARY},
    "aws:iam/role:Role": {"name": "images", "assumeRolePolicy": TRUST},
    "aws:iam/rolePolicy:RolePolicy": {"name": "images", "role": "images", "policy": POLICY},
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {"role": "images", "policyArn": "arn:aws:iam::aws:policy/AmazonSSM"},
    "aws:iam/instanceProfile:InstanceProfile": {"name": "images", "role": "images"},
    "aws:s3/bucketObject:BucketObject": {"bucket": "images", "key": "bundles/1.tar.gz", "content": "x"},
    "aws:s3/bucketObjectv2:BucketObjectv2": {"bucket": "images", "key": "bundles/1.tar.gz", "contentBase64": "eA=="},
    "aws:cloudwatch/metricAlarm:MetricAlarm": {
        "name": "images-unhealthy",
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 2,
        "metricName": "UnHealthyHostCount",
        "namespace": "AWS/NetworkELB",
        "period": 60,
        "statistic": "Maximum",
        "threshold": 0,
        "treatMissingData": "breaching",
    },
    "aws:cloudwatch/logGroup:LogGroup": {"name": "/images", "retentionInDays": 30},
    "aws:kms/key:Key": {"deletionWindowInDays": 30, "enableKeyRotation": True},
    "aws:kms/alias:Alias": {"name": "alias/images", "targetKeyId": "11111111-1111-4111-8111-111111111111"},
}
