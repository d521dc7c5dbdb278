"""Which inputs can only change with a new resource: a table for the types that a registry needs, after terraform-provider-aws's schemas."""

from __future__ import annotations

from collections.abc import Mapping

from offline.plugins.framework import UNKNOWN, Properties
from offline.plugins.preview import Shape

_ANY = frozenset({"availabilityZone", "bucket", "bucketPrefix", "name", "namePrefix", "region"})

_ALSO: Mapping[str, frozenset[str]] = {
    "aws:autoscaling/group:Group": frozenset({"initialLifecycleHooks"}),
    "aws:autoscaling/lifecycleHook:LifecycleHook": frozenset({"autoscalingGroupName"}),
    "aws:autoscaling/policy:Policy": frozenset({"autoscalingGroupName"}),
    "aws:cloudwatch/logGroup:LogGroup": frozenset({"logGroupClass"}),
    "aws:ec2/eip:Eip": frozenset({"address", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool"}),
    "aws:ec2/natGateway:NatGateway": frozenset(
        {"allocationId", "availabilityMode", "connectivityType", "privateIp", "secondaryPrivateIpAddressCount", "subnetId", "vpcId"}
    ),
    "aws:ec2/route:Route": frozenset({"destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId", "routeTableId"}),
    "aws:ec2/routeTable:RouteTable": frozenset({"vpcId"}),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": frozenset({"gatewayId", "subnetId"}),
    "aws:ec2/securityGroup:SecurityGroup": frozenset({"description", "vpcId"}),
    "aws:ec2/subnet:Subnet": frozenset(
        {"availabilityZoneId", "cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength", "ipv6Native", "outpostArn", "vpcId"}
    ),
    "aws:ec2/vpc:Vpc": frozenset({"cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"}),
    "aws:ec2/vpcEndpoint:VpcEndpoint": frozenset(
        {"resourceConfigurationArn", "serviceName", "serviceNetworkArn", "serviceRegion", "vpcEndpointType", "vpcId"}
    ),
    "aws:efs/fileSystem:FileSystem": frozenset({"encrypted", "kmsKeyId", "creationToken"}),
    "aws:elasticache/parameterGroup:ParameterGroup": frozenset({"description", "family"}),
    "aws:elasticache/replicationGroup:ReplicationGroup": frozenset(
        {
            *("atRestEncryptionEnabled", "dataTieringEnabled", "globalReplicationGroupId", "kmsKeyId", "networkType", "port"),
            *("replicationGroupId", "securityGroupNames", "snapshotArns", "snapshotName", "subnetGroupName"),
        }
    ),
    "aws:iam/accessKey:AccessKey": frozenset({"user", "pgpKey"}),
    "aws:iam/instanceProfile:InstanceProfile": frozenset({"path"}),
    "aws:iam/policy:Policy": frozenset({"description", "path"}),
    "aws:iam/role:Role": frozenset({"path"}),
    "aws:iam/rolePolicy:RolePolicy": frozenset({"role"}),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": frozenset({"role", "policyArn"}),
    "aws:iam/userPolicy:UserPolicy": frozenset({"user"}),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": frozenset({"user", "policyArn"}),
    "aws:kms/key:Key": frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
    "aws:lb/listener:Listener": frozenset({"loadBalancerArn"}),
    "aws:lb/loadBalancer:LoadBalancer": frozenset({"customerOwnedIpv4Pool", "internal", "loadBalancerType"}),
    "aws:lb/targetGroup:TargetGroup": frozenset({"ipAddressType", "port", "protocol", "protocolVersion", "targetType", "vpcId"}),
    "aws:s3/bucket:Bucket": frozenset({"objectLockEnabled"}),
    "aws:s3/bucketObject:BucketObject": frozenset({"key"}),
    "aws:s3/bucketObjectv2:BucketObjectv2": frozenset({"key"}),
    "aws:route53/record:Record": frozenset({"zoneId"}),
    "aws:secretsmanager/secretVersion:SecretVersion": frozenset({"secretBinary", "secretId", "secretString", "secretStringWoVersion"}),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": frozenset({"securityGroupId"}),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": frozenset({"securityGroupId"}),
}

_IN_PLACE: Mapping[str, frozenset[str]] = {
    "aws:iam/group:Group": frozenset({"name"}),
    "aws:iam/user:User": frozenset({"name"}),
}

_SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
DELETED_FIRST = frozenset(
    {
        *("aws:ec2/securityGroupRule:SecurityGroupRule", "aws:iam/groupPolicyAttachment:GroupPolicyAttachment"),
        *("aws:iam/policyAttachment:PolicyAttachment", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"),
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
    }
)
"""Types of which the vendor's plugin deletes the old one first (`DeleteBeforeReplace` in its provider/resources.go)."""


def replacing_inputs(shape: Shape) -> frozenset[str]:
    """Return the inputs of a type whose change replaces the resource."""
    listed = _ANY | _ALSO.get(shape.token, frozenset())
    return (listed - _IN_PLACE.get(shape.token, frozenset())) & shape.inputs.keys()


def replacing_change(shape: Shape, olds: Properties, news: Properties) -> frozenset[str]:
    """Return further inputs whose change from `olds` to `news` replaces the resource, where it depends on the values."""
    if shape.kind in {"SecurityGroupIngressRule", "SecurityGroupEgressRule"}:
        # A rule's networks can change, but not to another kind of source (ModifyPlan in vpc_security_group_ingress_rule.go).
        before, after = ({name for name in _SOURCES if values.get(name) is not None} for values in (olds, news))
        return frozenset(before ^ after)
    if shape.kind == "ReplicationGroup" and olds.get("transitEncryptionEnabled") != news.get("transitEncryptionEnabled"):
        version = olds.get("engineVersion")
        old_enough = isinstance(version, str) and version is not UNKNOWN and _before_seven(version)
        return frozenset({"transitEncryptionEnabled"}) if old_enough else frozenset()
    return frozenset()


def _before_seven(version: str) -> bool:
    """Redis before 7.0.5 is encrypted in transit from its creation on or never."""
    return version.split(".", maxsplit=1)[0] in {"2", "3", "4", "5", "6"}
