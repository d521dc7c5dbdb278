"""What the aws preview plugin answers for the resource types of a fleet: ids, outputs, changes; over gRPC, no CLI."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import pytest

from offline.plugins.aws.vendor import Aws
from offline.plugins.framework import UNKNOWN, Properties
from offline.plugins.framework.codec import decode, encode
from offline.plugins.framework.proto import provider_pb2, provider_pb2_grpc
from offline.plugins.preview import REQUEST, preview_plugin
from tests.offline.aws_fleet import ACCOUNT, CANARY, FLEET, REGION, SECRET
from tests.offline.plugin_client import Client, served

Stub = provider_pb2_grpc.ResourceProviderStub
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


@pytest.fixture(scope="module")
def aws() -> Iterator[Stub]:
    with pytest.MonkeyPatch.context() as patch, served(preview_plugin(Aws())) as stub:
        patch.setenv(REQUEST, "1")
        stub.Configure(provider_pb2.ConfigureRequest(args=encode({"region": REGION})))
        yield stub


def _own(prefix: str) -> str:
    return rf"{prefix}-[0-9a-f]{{17}}"


def _arn(service: str, resource: str, *, region: str = REGION, account: str = ACCOUNT) -> str:
    return rf"arn:aws:{service}:{region}:{account}:{resource}"


HEX = "[0-9a-f]"
GUID = f"{HEX}{{8}}-{HEX}{{4}}-4{HEX}{{3}}-{HEX}{{4}}-{HEX}{{12}}"
LOOKS: dict[str, tuple[str, dict[str, str]]] = {
    "aws:ec2/vpc:Vpc": (_own("vpc"), {"arn": _arn("ec2", f"vpc/{_own('vpc')}"), "mainRouteTableId": _own("rtb")}),
    "aws:ec2/subnet:Subnet": (_own("subnet"), {"availabilityZoneId": "euc1-az2", "arn": _arn("ec2", f"subnet/{_own('subnet')}")}),
    "aws:ec2/internetGateway:InternetGateway": (_own("igw"), {"arn": _arn("ec2", f"internet-gateway/{_own('igw')}")}),
    "aws:ec2/eip:Eip": (_own("eipalloc"), {"allocationId": _own("eipalloc"), "publicIp": r"203\.0\.113\.\d+"}),
    "aws:ec2/natGateway:NatGateway": (_own("nat"), {"networkInterfaceId": _own("eni"), "publicIp": r"203\.0\.113\.\d+"}),
    "aws:ec2/routeTable:RouteTable": (_own("rtb"), {"arn": _arn("ec2", f"route-table/{_own('rtb')}")}),
    # StringHashcode of terraform-plugin-sdk is the CRC-32 of the destination.
    "aws:ec2/route:Route": ("r-rtb-0123456789abcdef01080289494", {"state": "active"}),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (_own("rtbassoc"), {}),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (_own("vpce"), {"prefixListId": "pl-[0-9a-f]{8}", "state": "available"}),
    "aws:ec2/securityGroup:SecurityGroup": (_own("sg"), {"arn": _arn("ec2", f"security-group/{_own('sg')}")}),
    INGRESS: (_own("sgr"), {"securityGroupRuleId": _own("sgr"), "arn": _arn("ec2", f"security-group-rule/{_own('sgr')}")}),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (_own("sgr"), {"securityGroupRuleId": _own("sgr")}),
    TEMPLATE: (_own("lt"), {"latestVersion": "1", "arn": _arn("ec2", f"launch-template/{_own('lt')}")}),
    "aws:autoscaling/group:Group": (
        "images",
        {"arn": _arn("autoscaling", f"autoScalingGroup:{GUID}:autoScalingGroupName/images"), "desiredCapacity": "2"},
    ),
    "aws:lb/loadBalancer:LoadBalancer": (
        _arn("elasticloadbalancing", "loadbalancer/net/images/[0-9a-f]{16}"),
        {
            "arnSuffix": "net/images/[0-9a-f]{16}",
            "dnsName": r"images-[0-9a-f]{16}\.elb\.eu-central-1\.amazonaws\.com",
            "zoneId": "Z[A-Z2-7]{13}",
        },
    ),
    "aws:lb/targetGroup:TargetGroup": (
        _arn("elasticloadbalancing", "targetgroup/images/[0-9a-f]{16}"),
        {"arnSuffix": "targetgroup/images/[0-9a-f]{16}"},
    ),
    "aws:lb/listener:Listener": (_arn("elasticloadbalancing", "listener/net/images/0123456789abcdef/[0-9a-f]{16}"), {}),
    "aws:route53/record:Record": ("Z0123456789ABCDEFGHIJ_images.example.org_A", {"fqdn": r"images\.example\.org"}),
    "aws:elasticache/subnetGroup:SubnetGroup": ("images", {"arn": _arn("elasticache", "subnetgroup:images")}),
    "aws:elasticache/parameterGroup:ParameterGroup": ("images", {"arn": _arn("elasticache", "parametergroup:images")}),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "images",
        {
            "primaryEndpointAddress": r"master\.images\.[a-z0-9]{6}\.euc1\.cache\.amazonaws\.com",
            "readerEndpointAddress": r"replica\.images\.[a-z0-9]{6}\.euc1\.cache\.amazonaws\.com",
            "engineVersionActual": r"7\.1\.0",
            "port": "6379",
        },
    ),
    "aws:secretsmanager/secret:Secret": (_arn("secretsmanager", "secret:images-[A-Za-z0-9]{6}"), {}),
    "aws:secretsmanager/secretVersion:SecretVersion": (
        re.escape(SECRET) + r"\|terraform-[0-9a-f]{26}",
        {"arn": SECRET, "versionId": "terraform-[0-9a-f]{26}"},
    ),
    "aws:iam/role:Role": ("images", {"arn": _arn("iam", "role/images", region=""), "uniqueId": "AROA[A-Z2-7]{17}"}),
    "aws:iam/rolePolicy:RolePolicy": ("images:images", {}),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("images/arn:aws:iam::aws:policy/AmazonSSM", {}),
    "aws:iam/instanceProfile:InstanceProfile": (
        "images",
        {"arn": _arn("iam", "instance-profile/images", region=""), "uniqueId": "AIPA[A-Z2-7]{17}"},
    ),
    "aws:s3/bucketObject:BucketObject": ("bundles/1.tar.gz", {"arn": "arn:aws:s3:::images/bundles/1.tar.gz"}),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        "images/bundles/1.tar.gz",
        {"etag": hashlib.md5(b"x", usedforsecurity=False).hexdigest(), "versionId": "[A-Za-z0-9]{32}"},
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("images-unhealthy", {"arn": _arn("cloudwatch", "alarm:images-unhealthy")}),
    "aws:cloudwatch/logGroup:LogGroup": ("/images", {"arn": _arn("logs", "log-group:/images")}),
    "aws:kms/key:Key": (GUID, {"keyId": GUID, "arn": _arn("kms", f"key/{GUID}")}),
    "aws:kms/alias:Alias": ("alias/images", {"arn": _arn("kms", "alias/images")}),
}


def test_every_kind_has_a_look() -> None:
    assert LOOKS.keys() == FLEET.keys()


@pytest.mark.parametrize("token", FLEET)
def test_ids_and_outputs_look_like_awss(aws: Stub, token: str) -> None:
    wanted_id, wanted = LOOKS[token]
    resource_id, outputs = Client(aws, token).create(dict(FLEET[token]))
    assert re.fullmatch(wanted_id, resource_id), resource_id
    for name, pattern in wanted.items():
        assert re.fullmatch(pattern, str(outputs.values[name])), (name, outputs.values[name])
    for name, value in FLEET[token].items():
        assert isinstance(value, dict | list) or outputs.values[name] == value, f"{name} is not what was given"


@pytest.mark.parametrize("token", FLEET)
def test_in_a_preview_only_creation_tells_ids(aws: Stub, token: str) -> None:
    _, outputs = Client(aws, token).create(dict(FLEET[token]), preview=True)
    assert outputs.values["id"] is UNKNOWN
    assert outputs.values.get("arn", UNKNOWN) is UNKNOWN


@pytest.mark.parametrize("token", FLEET)
def test_the_same_program_changes_nothing(aws: Stub, token: str) -> None:
    client = Client(aws, token)
    inputs = decode(client.check(dict(FLEET[token])).inputs).values
    resource_id, made = client.create(inputs)
    assert client.diff(made.values, inputs, inputs).changes == provider_pb2.DiffResponse.DIFF_NONE
    assert _updated(aws, token, made.values, inputs, resource_id) == made.values
    answer = client.read(resource_id, inputs, made.values, made.secrets)
    assert decode(answer.properties) == made


@pytest.mark.parametrize("token", FLEET)
def test_no_output_but_a_secret_one_holds_the_secret(aws: Stub, token: str) -> None:
    _, outputs = Client(aws, token).create(dict(FLEET[token]))
    plain = {name: value for name, value in outputs.values.items() if (name,) not in outputs.secrets}
    assert CANARY not in str(plain)
    assert (CANARY in str(outputs.values)) == (CANARY in str(FLEET[token])), "it is kept, as a secret"


REPLACED = [
    ("ec2/vpc:Vpc", {"cidrBlock": "10.1.0.0/16"}, ["cidrBlock"]),
    ("ec2/vpc:Vpc", {"enableDnsHostnames": False}, []),
    ("ec2/subnet:Subnet", {"availabilityZone": f"{REGION}c"}, ["availabilityZone"]),
    ("ec2/subnet:Subnet", {"mapPublicIpOnLaunch": True}, []),
    ("ec2/natGateway:NatGateway", {"subnetId": "subnet-2"}, ["subnetId"]),
    ("ec2/route:Route", {"gatewayId": None, "natGatewayId": "nat-1"}, []),
    ("ec2/route:Route", {"destinationCidrBlock": "10.0.0.0/8"}, ["destinationCidrBlock"]),
    ("ec2/routeTableAssociation:RouteTableAssociation", {"subnetId": "subnet-2"}, ["subnetId"]),
    ("ec2/vpcEndpoint:VpcEndpoint", {"routeTableIds": []}, []),
    ("ec2/securityGroup:SecurityGroup", {"description": "other"}, ["description"]),
    ("vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"cidrIpv4": "198.51.100.0/24"}, []),
    (
        "vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"cidrIpv4": None, "referencedSecurityGroupId": "sg-2"},
        ["cidrIpv4", "referencedSecurityGroupId"],
    ),
    ("ec2/launchTemplate:LaunchTemplate", {"userData": "eA=="}, []),
    ("autoscaling/group:Group", {"launchTemplate": {"id": "lt-0123456789abcdef0", "version": "2"}}, []),
    ("autoscaling/group:Group", {"name": "other"}, ["name"]),
    ("lb/loadBalancer:LoadBalancer", {"internal": True}, ["internal"]),
    ("lb/loadBalancer:LoadBalancer", {"enableDeletionProtection": True}, []),
    ("lb/targetGroup:TargetGroup", {"port": 443}, ["port"]),
    ("lb/targetGroup:TargetGroup", {"deregistrationDelay": 60}, []),
    ("lb/listener:Listener", {"port": 8443}, []),
    ("route53/record:Record", {"name": "other.example.org"}, ["name"]),
    ("elasticache/replicationGroup:ReplicationGroup", {"atRestEncryptionEnabled": False}, ["atRestEncryptionEnabled"]),
    ("elasticache/replicationGroup:ReplicationGroup", {"authToken": f"{CANARY}-2"}, []),
    ("elasticache/replicationGroup:ReplicationGroup", {"transitEncryptionEnabled": False}, []),
    ("elasticache/replicationGroup:ReplicationGroup", {"nodeType": "cache.m7g.large"}, []),
    ("elasticache/parameterGroup:ParameterGroup", {"family": "valkey8"}, ["family"]),
    ("secretsmanager/secret:Secret", {"recoveryWindowInDays": 30}, []),
    ("secretsmanager/secretVersion:SecretVersion", {"secretString": f"{CANARY}-2"}, ["secretString"]),
    ("iam/role:Role", {"path": "/apps/"}, ["path"]),
    ("iam/instanceProfile:InstanceProfile", {"role": "other"}, []),
    ("s3/bucketObjectv2:BucketObjectv2", {"key": "bundles/2.tar.gz"}, ["key"]),
    ("s3/bucketObjectv2:BucketObjectv2", {"contentBase64": "eQ=="}, []),
    ("cloudwatch/metricAlarm:MetricAlarm", {"threshold": 1}, []),
    ("kms/key:Key", {"deletionWindowInDays": 7}, []),
]


@pytest.mark.parametrize(("token", "change", "replaces"), REPLACED)
def test_what_changes_in_place_and_what_replaces(aws: Stub, token: str, change: Properties, replaces: list[str]) -> None:
    client = Client(aws, f"aws:{token}")
    olds = dict(FLEET[f"aws:{token}"])
    answer = client.diff(olds, olds, olds | change)
    assert sorted(answer.diffs) == sorted(change)
    assert sorted(answer.replaces) == replaces


def test_redis_before_seven_is_encrypted_from_its_creation_or_never(aws: Stub) -> None:
    token = "aws:elasticache/replicationGroup:ReplicationGroup"
    olds = FLEET[token] | {"engineVersion": "6.2"}
    answer = Client(aws, token).diff(olds, olds, olds | {"transitEncryptionEnabled": False})
    assert list(answer.replaces) == ["transitEncryptionEnabled"]


def test_an_attachment_is_deleted_before_its_like_is_made(aws: Stub) -> None:
    token = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    olds = dict(FLEET[token])
    assert Client(aws, token).diff(olds, olds, olds | {"role": "other"}).deleteBeforeReplace


def _updated(
    aws: Stub, token: str, olds: Properties, news: Properties, resource_id: str = "images", *, preview: bool = False
) -> Properties:
    urn = Client(aws, token).urn
    request = provider_pb2.UpdateRequest(urn=urn, id=resource_id, olds=encode(olds), news=encode(news), preview=preview)
    return decode(aws.Update(request).properties).values


def test_a_changed_launch_template_has_a_new_version_which_is_the_default(aws: Stub) -> None:
    inputs = dict(FLEET[TEMPLATE])
    _, made = Client(aws, TEMPLATE).create(inputs)
    changed = inputs | {"userData": "eA=="}
    assert _updated(aws, TEMPLATE, made.values, changed, preview=True)["latestVersion"] is UNKNOWN
    second = _updated(aws, TEMPLATE, made.values, changed)
    assert (second["latestVersion"], second["defaultVersion"]) == (2, 2)
    third = _updated(aws, TEMPLATE, second, inputs)
    assert third["latestVersion"] == 3, "going back is a version too"
    kept = _updated(aws, TEMPLATE, third, inputs | {"tags": {"a": "b"}})
    assert kept["latestVersion"] == 3, "tags of the template itself are no part of its versions"
    without = {name: value for name, value in changed.items() if name != "updateDefaultVersion"}
    assert _updated(aws, TEMPLATE, made.values, without)["defaultVersion"] == 1


def test_a_preview_of_an_update_keeps_what_creation_told(aws: Stub) -> None:
    inputs = dict(FLEET["aws:elasticache/replicationGroup:ReplicationGroup"])
    _, made = Client(aws, "aws:elasticache/replicationGroup:ReplicationGroup").create(inputs)
    changed = inputs | {"notificationTopicArn": UNKNOWN}
    updated = _updated(aws, "aws:elasticache/replicationGroup:ReplicationGroup", made.values, changed, preview=True)
    assert updated["primaryEndpointAddress"] == made.values["primaryEndpointAddress"]
    assert updated["parameterGroupName"] == made.values["parameterGroupName"]
    assert updated["notificationTopicArn"] is UNKNOWN


def test_another_content_is_another_version_of_an_object(aws: Stub) -> None:
    token = "aws:s3/bucketObjectv2:BucketObjectv2"
    inputs = dict(FLEET[token])
    _, made = Client(aws, token).create(inputs)
    changed = _updated(aws, token, made.values, inputs | {"contentBase64": "eQ=="})
    assert changed["etag"] != made.values["etag"]
    assert changed["versionId"] != made.values["versionId"]
    assert _updated(aws, token, made.values, inputs | {"contentBase64": "eQ=="}, preview=True)["versionId"] is UNKNOWN


def test_an_unencrypted_cache_has_other_host_names(aws: Stub) -> None:
    token = "aws:elasticache/replicationGroup:ReplicationGroup"
    inputs = FLEET[token] | {"transitEncryptionEnabled": False}
    _, made = Client(aws, token).create(inputs)
    assert re.fullmatch(r"images\.[a-z0-9]{6}\.ng\.0001\.euc1\.cache\.amazonaws\.com", made.values["primaryEndpointAddress"])


def _invoke(aws: Stub, token: str, arguments: Properties) -> Properties:
    return decode(getattr(aws.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments))), "return")).values


def test_images_zones_and_route_tables_are_found(aws: Stub) -> None:
    image = _invoke(
        aws,
        "aws:ec2/getAmi:getAmi",
        {"owners": ["136693071363"], "mostRecent": True, "filters": [{"name": "architecture", "values": ["arm64"]}]},
    )
    assert re.fullmatch(r"ami-[0-9a-f]{17}", image["imageId"])
    assert (image["architecture"], image["ownerId"], image["id"]) == ("arm64", "136693071363", image["imageId"])
    zone = _invoke(aws, "aws:route53/getZone:getZone", {"name": "example.org."})
    assert (zone["name"], zone["id"]) == ("example.org", zone["zoneId"])
    assert len(set(_invoke(aws, "aws:ec2/getRouteTables:getRouteTables", {"vpcId": "vpc-1"})["ids"])) == 2
    parameter = _invoke(aws, "aws:ssm/getParameter:getParameter", {"name": "/aws/service/debian/release/13/latest/arm64"})
    assert re.fullmatch(r"ami-[0-9a-f]{17}", parameter["insecureValue"])
