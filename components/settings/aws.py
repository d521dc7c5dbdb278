"""The settings of a fleet in AWS."""

import ipaddress
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from components.settings.base import SettingsGroup
from components.settings.object_storage import KmsKey, Region, key_elsewhere

WIDEST_PREFIX = 16
NARROWEST_PREFIX = 24
"""A network of this size is cut into four, of 59 usable addresses each; AWS takes /16 to /28
(https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html)."""
MIN_VOLUME_GIB = 20
MAX_VOLUME_GIB = 16384
MIN_DRAIN_SECONDS = 300
"""For minutes a network load balancer still sends new connections to a target that is leaving
(https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3270): with less, they would be cut off."""

_DOCKER_POOLS = [ipaddress.IPv4Network(f"172.{second}.0.0/16") for second in range(17, 32)]
"""Docker's default address pools (https://docs.docker.com/engine/network/#automatic-subnet-allocation). It sees a clash with the host's own
subnet only, not with the network's others."""
_VPC = re.compile(r"vpc-[0-9a-f]{8,17}")
_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_ZONE_ID = re.compile(r"Z[A-Z0-9]{4,31}")
_IMAGE_ID = re.compile(r"ami-[0-9a-f]{8,17}")
_INSTANCE_TYPE = re.compile(r"(?P<family>[a-z]+)(?P<generation>[0-9]+)(?P<options>[a-z-]*)\.[a-z0-9-]+")
_NODE_TYPE = re.compile(r"cache\.[a-z0-9-]+\.[a-z0-9]+")
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:(?P<region>[a-z0-9-]+):[0-9]{12}:certificate/[A-Za-z0-9-]+")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_POLICY = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[\w+=,.@/-]+", re.ASCII)


def _vpc(value: str) -> str:
    if not _VPC.fullmatch(value):
        raise ValueError("must be the id of a VPC such as vpc-0123456789abcdef0")
    return value


def _subnet(value: str) -> str:
    if not _SUBNET.fullmatch(value):
        raise ValueError("must be the id of a subnet such as subnet-0123456789abcdef0")
    return value


def _zone_id(value: str) -> str:
    if not _ZONE_ID.fullmatch(value):
        raise ValueError("must be the id of a Route 53 hosted zone such as Z0123456789ABCDEFGHIJ")
    return value


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError:
        raise ValueError("must be a network such as 192.0.2.0/24, with no bit set after its prefix") from None
    if network.version != 4:
        raise ValueError("must be an IPv4 network: the load balancer has no IPv6 address")
    return str(network)


def _vpc_cidr(value: str) -> str:
    network = ipaddress.IPv4Network(_network(value))
    if not WIDEST_PREFIX <= network.prefixlen <= NARROWEST_PREFIX:
        raise ValueError(f"must be between /{WIDEST_PREFIX} and /{NARROWEST_PREFIX}: it is cut into four subnets")
    if not network.is_private or any(network.overlaps(pool) for pool in _DOCKER_POOLS):
        raise ValueError("must be a private network such as 10.20.0.0/24, outside 172.17.0.0-172.31.255.255, which Docker uses on hosts")
    return value


def _instance_type(value: str) -> str:
    if not _INSTANCE_TYPE.fullmatch(value):
        raise ValueError("must be an EC2 instance type such as t4g.medium (arm64) or t3.medium (x86-64)")
    return value


def _node_type(value: str) -> str:
    if not _NODE_TYPE.fullmatch(value):
        raise ValueError("must be an ElastiCache node type such as cache.t4g.micro")
    return value


def _certificate(value: str) -> str:
    if not _CERTIFICATE.fullmatch(value):
        raise ValueError("must be the ARN of an ACM certificate, arn:aws:acm:<region>:<account>:certificate/<id>")
    return value


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value):
        raise ValueError("must be the ARN of an SNS topic, arn:aws:sns:<region>:<account>:<name>")
    return value


def _policy(value: str) -> str:
    if not _POLICY.fullmatch(value):
        raise ValueError("must be the ARN of an IAM policy, arn:aws:iam::<account>:policy/<name>")
    return value


def _image(value: str) -> str:
    if value not in ("kept", "newest") and not _IMAGE_ID.fullmatch(value):
        raise ValueError("must be kept, newest or the id of an image such as ami-0123456789abcdef0")
    return value


Network = Annotated[str, AfterValidator(_network)]
SubnetId = Annotated[str, AfterValidator(_subnet)]
Architecture = Literal["arm64", "amd64"]
"""Debian's names."""


def architecture_of(instance_type: str) -> Architecture:
    """The architecture of an instance type: a `g` among the letters after the generation is Graviton, as is the family a1
    (https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html)."""
    match = _INSTANCE_TYPE.fullmatch(instance_type)
    if match is None:
        raise AssertionError("the settings are validated")
    arm = "g" in match["options"].partition("-")[0] or match["family"] + match["generation"] == "a1"
    return "arm64" if arm else "amd64"


class AwsSettings(SettingsGroup):
    """A fleet of VMs in AWS, with `platform: aws`: a network load balancer, an Auto Scaling group, managed Redis (docs/aws.md).
    The network is an existing one (`vpcId`, `subnetIds`), or a small new one (`vpcCidr`)."""

    region: Region = Field(description="Region of everything; also the bucket's.")
    vpc_id: Annotated[str, AfterValidator(_vpc)] | None = Field(default=None, description="An existing network.")
    subnet_ids: tuple[SubnetId, ...] = Field(
        default=(),
        description="With `vpcId`: subnets of the hosts and of Redis, in two zones or more, with a way out to packages and images.",
    )
    load_balancer_subnet_ids: tuple[SubnetId, ...] = Field(
        default=(), description="With `vpcId`: subnets of the load balancer, public ones with `internetFacing`. Default: `subnetIds`."
    )
    vpc_cidr: Annotated[str, AfterValidator(_vpc_cidr)] | None = Field(
        default=None, description="A new network over two zones, /16 to /24, e.g. 10.20.0.0/24. Changing it makes everything in it anew."
    )
    nat: Literal["one", "perZone", "none"] | None = Field(
        default=None,
        description="With `vpcCidr`: NAT gateways, the hosts' way to packages and images. `one` (default); `perZone`, which outlives the "
        "loss of a zone. With `vpcId` only `none`: the network has its own way out.",
    )
    internet_facing: bool = Field(default=False, description="Whether the load balancer has public addresses.")
    allowed_cidrs: tuple[Network, ...] = Field(
        description="Networks (IPv4) that may reach the registry; 0.0.0.0/0 is everyone. Nobody else can connect."
    )
    instance_type: Annotated[str, AfterValidator(_instance_type)] = Field(
        default="t4g.medium",
        description="EC2 type of the hosts; its architecture is the image's. The container images must exist for it.",
    )
    image: Annotated[str, AfterValidator(_image)] = Field(
        default="kept",
        description="Debian 13 image of the hosts. `kept`: the newest when the launch template is made, and no other later, so that "
        "hosts are replaced only when you change something; `newest`: a newer one replaces the hosts at the next `pulumi up`; or its id.",
    )
    volume_gib: int = Field(
        default=30, ge=MIN_VOLUME_GIB, le=MAX_VOLUME_GIB, description="Root disk of a host in GiB: system, container images, journal."
    )
    drain_seconds: int = Field(
        default=600,
        ge=MIN_DRAIN_SECONDS,
        le=3600,
        description="How long a host that is leaving may finish pushes and pulls that are under way.",
    )
    certificate_arn: Annotated[str, AfterValidator(_certificate)] | None = Field(
        default=None, description="ACM certificate of the load balancer, with `tls.mode: acm`."
    )
    route53_zone_id: Annotated[str, AfterValidator(_zone_id)] | None = Field(
        default=None, description="Hosted zone in which a record for `hostname` is made. Without it you make one."
    )
    redis_node_type: Annotated[str, AfterValidator(_node_type)] = Field(
        default="cache.t4g.micro", description="ElastiCache type of the two Redis nodes."
    )
    kms_key: KmsKey | None = Field(
        default=None,
        description="ARN of the KMS key for disks, secret, Redis and config bucket. Default: AWS's own keys. The images have `s3.kmsKey`.",
    )
    alarm_topic_arn: Annotated[str, AfterValidator(_topic)] | None = Field(
        default=None, description="SNS topic that CloudWatch alarms are sent to. Without it no alarm is made."
    )
    permissions_boundary_arn: Annotated[str, AfterValidator(_policy)] | None = Field(
        default=None, description="Permissions boundary of the hosts' role, where your account demands one."
    )

    @property
    def architecture(self) -> Architecture:
        """The hosts' architecture."""
        return architecture_of(self.instance_type)

    def _network_problems(self) -> list[str]:
        if not self.vpc_id and not self.vpc_cidr:
            return ["a network is needed: set vpcId and subnetIds for an existing one, or vpcCidr (e.g. 10.20.0.0/24) for a new one"]
        if self.vpc_id and self.vpc_cidr:
            return ["vpcId and vpcCidr exclude each other: keep vpcId for an existing network, or vpcCidr for a new one"]
        return self._existing_problems() if self.vpc_id else self._new_problems()

    def _existing_problems(self) -> list[str]:
        problems: list[str] = []
        if len(set(self.subnet_ids)) < 2:
            problems.append("subnetIds needs at least two different subnets, in different zones, so that the loss of a zone is survived")
        if self.load_balancer_subnet_ids and len(set(self.load_balancer_subnet_ids)) < 2:
            problems.append("loadBalancerSubnetIds needs at least two different subnets, in different zones")
        if self.internet_facing and not self.load_balancer_subnet_ids:
            problems.append("internetFacing needs loadBalancerSubnetIds: public subnets, where the hosts' own should be private ones")
        if self.nat not in (None, "none"):
            problems.append(f"nat: {self.nat} makes gateways in a new network: remove it, an existing network (vpcId) has its own way out")
        return problems

    def _new_problems(self) -> list[str]:
        problems = [
            f"{key} belongs to vpcId: a new network (vpcCidr) has subnets of its own, so remove it"
            for key, value in (("subnetIds", self.subnet_ids), ("loadBalancerSubnetIds", self.load_balancer_subnet_ids))
            if value
        ]
        if self.nat == "none":
            problems.append(
                "nat: none leaves the hosts of a new network without a way to packages and container images: set one or perZone, "
                "or use an existing network (vpcId) that has a way out"
            )
        return problems

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        problems = self._network_problems()
        if not self.allowed_cidrs:
            problems.append("allowedCidrs needs at least one network, or nobody can reach the registry")
        twice = sorted({network for network in self.allowed_cidrs if self.allowed_cidrs.count(network) > 1})
        if twice:
            problems.append(f"allowedCidrs has {', '.join(twice)} more than once: name each network once")
        for key, arn, pattern in (
            ("certificateArn", self.certificate_arn, _CERTIFICATE),
            ("alarmTopicArn", self.alarm_topic_arn, _TOPIC),
        ):
            match = pattern.fullmatch(arn) if arn else None
            if match and match["region"] != self.region:
                problems.append(f"{key} is in {match['region']}, but the fleet in {self.region}: take one of the same region")
        if self.kms_key:
            problems += key_elsewhere("kmsKey", self.kms_key, self.region)
        if problems:
            raise ValueError("\n".join(problems))
        return self
