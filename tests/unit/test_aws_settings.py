"""Rules of a fleet in AWS, and which platform goes with which storage."""

from typing import Any

import pulumi
import pytest

from components.settings.aws import architecture_of
from components.settings.load import prefix_of
from components.settings.model import DEFAULT_HOSTS, MAX_HOSTS, PAIRS, Platform, Settings, Storage
from tests.certificates import make_ca, make_pair
from tests.unit.test_settings import HOST, good, one_problem, problems_of
from tests.unit.test_storage_settings import ENDPOINT, azure, s3

KEY = "arn:aws:kms:eu-central-1:123456789012:key/0f0e"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/0f0e"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
PUBLIC = ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"]


def fleet(*, top: dict[str, Any] | None = None, bucket: dict[str, Any] | None = None, **values: object) -> dict[str, Any]:
    """A stack file of a fleet: `values` are keys of the group aws, `bucket` of the group s3, `top` of the stack."""
    own = {"region": "eu-central-1", "vpcCidr": "10.20.0.0/24", "allowedCidrs": ["203.0.113.0/24"], **values}
    storage = s3(**{"region": "eu-central-1", "prefix": "prod", **(bucket or {})})
    return {**storage, "platform": "aws", "aws": {key: value for key, value in own.items() if value is not None}, **(top or {})}


def existing(**values: object) -> dict[str, Any]:
    """A fleet in a network that exists."""
    return fleet(**{"vpcCidr": None, "vpcId": "vpc-0123456789abcdef0", "subnetIds": SUBNETS, **values})


def acm(**values: object) -> dict[str, Any]:
    """A fleet whose clients see a certificate of AWS."""
    return fleet(**{"certificateArn": CERTIFICATE, "top": {"tls": {"mode": "acm"}}, **values})


@pytest.mark.parametrize(
    "values",
    [
        fleet(),
        fleet(internetFacing=True, nat="perZone", allowedCidrs=["0.0.0.0/0"]),
        fleet(vpcCidr="10.20.0.0/16", nat="one"),
        existing(),
        existing(nat="none"),
        existing(internetFacing=True, loadBalancerSubnetIds=PUBLIC),
        acm(),
        fleet(kmsKey=KEY, alarmTopicArn=TOPIC, permissionsBoundaryArn="arn:aws:iam::123456789012:policy/boundary"),
        fleet(route53ZoneId="Z0123456789ABCDEFGHIJ", instanceType="m7i-flex.large", image="ami-0123456789abcdef0"),
        fleet(image="newest", volumeGib="100", drainSeconds="3600"),
        fleet(top={"hosts": "1"}),
        fleet(top={"cache": "none", "replicas": 4}),
        fleet(top={"images": {"registry": "example.com/registry:v3.1.2-alpine"}}),
        fleet(bucket={"createBucket": False}),
    ],
)
def test_good_fleets_are_taken(values: dict[str, Any]) -> None:
    assert isinstance(good(**values), Settings)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (fleet(region="Frankfurt"), "aws.region = Frankfurt: must be an AWS region"),
        (fleet(vpcCidr=None), "a network is needed: set vpcId and subnetIds for an existing one, or vpcCidr"),
        (existing(vpcCidr="10.20.0.0/24"), "vpcId and vpcCidr exclude each other"),
        (existing(subnetIds=SUBNETS[:1]), "subnetIds needs at least two different subnets"),
        (existing(subnetIds=[SUBNETS[0], SUBNETS[0]]), "subnetIds needs at least two different subnets"),
        (existing(subnetIds=["10.0.0.0/24", SUBNETS[0]]), "aws.subnetIds[0] = 10.0.0.0/24: must be the id of a subnet"),
        (existing(vpcId="main"), "aws.vpcId = main: must be the id of a VPC"),
        (existing(loadBalancerSubnetIds=PUBLIC[:1]), "loadBalancerSubnetIds needs at least two"),
        (existing(internetFacing=True), "internetFacing needs loadBalancerSubnetIds: public subnets"),
        (existing(nat="one"), "nat: one makes gateways in a new network"),
        (fleet(nat="none"), "nat: none leaves the hosts of a new network without a way"),
        (fleet(subnetIds=SUBNETS), "subnetIds belongs to vpcId"),
        (fleet(loadBalancerSubnetIds=PUBLIC), "loadBalancerSubnetIds belongs to vpcId"),
        (fleet(vpcCidr="10.20.0.0/25"), "must be between /16 and /24"),
        (fleet(vpcCidr="10.20.0.1/24"), "with no bit set after its prefix"),
        (fleet(vpcCidr="8.8.8.0/24"), "must be a private network"),
        (fleet(vpcCidr="172.20.0.0/24"), "which Docker uses on hosts"),
        (fleet(allowedCidrs=None), "aws.allowedCidrs: is required"),
        (fleet(allowedCidrs=[]), "allowedCidrs needs at least one network"),
        (fleet(allowedCidrs=["10.0.0.0/8", "10.0.0.0/8"]), "allowedCidrs has 10.0.0.0/8 more than once"),
        (fleet(allowedCidrs=["2001:db8::/32"]), "must be an IPv4 network: the load balancer has no IPv6 address"),
        (fleet(allowedCidrs=["everyone"]), "aws.allowedCidrs[0] = everyone: must be a network such as 192.0.2.0/24"),
        (fleet(instanceType="large"), "aws.instanceType = large: must be an EC2 instance type"),
        (fleet(redisNodeType="t4g.micro"), "aws.redisNodeType = t4g.micro: must be an ElastiCache node type"),
        (fleet(image="debian"), "aws.image = debian: must be kept, newest or the id"),
        (fleet(volumeGib=8), "aws.volumeGib = 8: must be greater than or equal to 20"),
        (fleet(drainSeconds=4000), "aws.drainSeconds = 4000: must be less than or equal to 3600"),
        (fleet(drainSeconds=299), "aws.drainSeconds = 299: must be greater than or equal to 300"),
        (fleet(kmsKey="alias/x"), "aws.kmsKey = alias/x: must be the ARN of a KMS key"),
        (fleet(kmsKey=KEY.replace("key/", "alias/")), "not of an alias, which no IAM policy takes"),
        (fleet(kmsKey=KEY.replace("central", "west")), "kmsKey has a key in eu-west-1, but region is eu-central-1"),
        (fleet(route53ZoneId="example.com"), "aws.route53ZoneId = example.com: must be the id of a Route 53 hosted zone"),
        (fleet(alarmTopicArn="mail"), "aws.alarmTopicArn = mail: must be the ARN of an SNS topic"),
        (fleet(alarmTopicArn=TOPIC.replace("central", "west")), "alarmTopicArn is in eu-west-1, but the fleet in eu-central-1"),
        (fleet(permissionsBoundaryArn="boundary"), "aws.permissionsBoundaryArn = boundary: must be the ARN of an IAM policy"),
        (fleet(certificateArn="x", top={"tls": {"mode": "acm"}}), "aws.certificateArn = x: must be the ARN of an ACM certificate"),
        (acm(certificateArn=CERTIFICATE.replace("central", "west")), "certificateArn is in eu-west-1"),
        (fleet(top={"tls": {"mode": "acm"}}), "tls.mode acm needs aws.certificateArn"),
        (fleet(certificateArn=CERTIFICATE), "aws.certificateArn would be ignored with tls.mode private-ca"),
        ({"tls": {"mode": "acm"}}, "tls.mode acm is a certificate on a load balancer of AWS"),
        (
            fleet(certificateArn=CERTIFICATE, top={"tls": {"mode": "acm", "extraNames": ["a.example.com"]}}),
            "extraNames belongs to mode private-ca",
        ),
        (fleet(bucket={"region": "eu-west-1"}), "s3.region (eu-west-1) must be aws.region (eu-central-1)"),
        (fleet(bucket={"accessKeys": ["2", "1"]}), "s3.accessKeys is for platform docker"),
        (fleet(bucket={"createBucket": False, "accessKeyId": "AK", "secretAccessKey": "x"}), "s3.accessKeyId is for platform docker"),
        (fleet(top={"s3": ENDPOINT}), "s3.endpoint is for platform docker"),
        (fleet(top={"cache": "inmemory", "replicas": 1}), "cache inmemory would let each host believe in blobs"),
        (fleet(top={"images": {"registry": "registry:2.8.3"}}), "images.registry (registry:2.8.3) can't speak TLS to Redis"),
        (fleet(top={"images": {"registry": "registry:3.0.0"}}), "images.registry (registry:3.0.0) can't speak TLS to Redis"),
        (fleet(top={"port": "8443"}), "port must be 443 with platform aws"),
        (fleet(top={"redirectPort": "80"}), "redirectPort can't be reached with platform aws"),
        (fleet(top={"hostname": "10.0.0.1"}), "hostname must be a DNS name with platform aws"),
        (fleet(top={"docker": {"host": "unix:///run/docker.sock"}}), "docker would be ignored with platform aws"),
        (fleet(top={"docker": {"bindAddress": "127.0.0.1"}}), "docker would be ignored with platform aws"),
        (fleet(top={"hosts": "0"}), "hosts = 0: must be greater than or equal to 1"),
        (fleet(top={"hosts": str(MAX_HOSTS + 1)}), f"must be less than or equal to {MAX_HOSTS}"),
        ({"hosts": "2"}, "hosts belongs to a fleet: platform docker is one host"),
        ({"aws": fleet()["aws"]}, "aws would be ignored with platform docker"),
        ({**s3(), "platform": "aws"}, "platform aws needs the group aws"),
    ],
)
def test_a_bad_fleet_is_named_with_its_rule(values: dict[str, Any], expected: str) -> None:
    assert expected in one_problem(values)


def test_all_problems_of_a_fleet_are_reported_at_once() -> None:
    lines = problems_of(
        {**HOST, **fleet(bucket={"region": "eu-west-1"}, top={"port": "8443", "redirectPort": "80", "cache": "inmemory", "replicas": "1"})}
    )
    assert len(lines) == 4, lines


STORAGES: dict[Storage, dict[str, Any]] = {
    Storage.FILESYSTEM: {},
    Storage.S3: s3(region="eu-central-1"),
    Storage.AZURE: azure(),
}
PLATFORMS: dict[Platform, dict[str, Any]] = {Platform.DOCKER: {}, Platform.AWS: {"platform": "aws", "aws": fleet()["aws"]}}


@pytest.mark.parametrize("storage", Storage)
@pytest.mark.parametrize("platform", Platform)
def test_each_pair_of_platform_and_storage_is_valid_or_refused_by_name(platform: Platform, storage: Storage) -> None:
    values = {**STORAGES[storage], **PLATFORMS[platform]}
    if storage in PAIRS[platform]:
        assert good(**values).storage is storage
    else:
        assert f"platform {platform} with storage {storage} is no pair" in one_problem(values)


def test_a_fleet_has_two_hosts_unless_told_otherwise() -> None:
    assert good(**fleet()).host_count == DEFAULT_HOSTS == 2
    assert good(**fleet(top={"hosts": "5"})).host_count == 5


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [
        ("t4g.medium", "arm64"),
        ("c7gn.xlarge", "arm64"),
        ("m8gd.2xlarge", "arm64"),
        ("x2gd.metal", "arm64"),
        ("im4gn.large", "arm64"),
        ("a1.large", "arm64"),
        ("g5g.xlarge", "arm64"),
        ("t3.medium", "amd64"),
        ("t3a.medium", "amd64"),
        ("m7i-flex.large", "amd64"),
        ("g4dn.xlarge", "amd64"),
        ("c6id.metal", "amd64"),
    ],
)
def test_the_architecture_follows_from_the_instance_type(instance_type: str, architecture: str) -> None:
    assert architecture_of(instance_type) == architecture


def test_a_certificate_of_ones_own_works_on_a_fleet() -> None:
    pair = make_pair("registry.example.com", ca=make_ca())
    good(**fleet(top={"tls": {"mode": "provided", "certificate": pair.certificate, "privateKey": pair.key}}))


@pytest.mark.parametrize("stack", ["Prod", "team.prod", "team_prod", "a" * 32, "prod-"])
def test_a_stacks_name_that_aws_would_refuse_is_named_before_anything_is_made(stack: str) -> None:
    with pytest.raises(pulumi.RunError) as refused:
        prefix_of(good(**fleet()), stack)
    message = str(refused.value)
    assert f"name = registry-{stack}: the default, registry-<stack>, must be 2 to 40 lower-case letters" in message
    assert "Fix: pulumi config set private-registry:name <name>" in message
    assert prefix_of(good(**fleet(top={"name": "images"})), stack) == "images"
    assert prefix_of(good(), stack) == f"registry-{stack}", "stacks on Docker have such names already"


def test_a_stacks_name_is_the_prefix_of_everything() -> None:
    assert prefix_of(good(**fleet()), "prod") == "registry-prod"
