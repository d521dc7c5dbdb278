"""Functions of the aws package that a preview answers."""

from __future__ import annotations

from collections.abc import Mapping

from offline.plugins.framework import Properties
from offline.plugins.preview import Function, Seed

from .account import ACCOUNT, dns_suffix, partition, short_region
from .arns import UPPER
from .policy_document import policy_document


def _region(arguments: Properties, settings: Properties) -> str:
    return arguments.get("region") or settings.get("region", "")


def _get_region(arguments: Properties, settings: Properties) -> Properties:
    region = arguments.get("name") or _region(arguments, settings)
    return {"id": region, "name": region, "region": region, "description": region, "endpoint": f"ec2.{region}.{dns_suffix(region)}"}


def _get_caller_identity(_arguments: Properties, settings: Properties) -> Properties:
    arn = f"arn:{partition(settings.get('region', ''))}:iam::{ACCOUNT}:user/preview"
    return {"id": ACCOUNT, "accountId": ACCOUNT, "arn": arn, "userId": "AIDAPREVIEWPREVIEWPRE"}


def _get_partition(_arguments: Properties, settings: Properties) -> Properties:
    region = settings.get("region", "")
    name = partition(region)
    return {
        "id": name,
        "partition": name,
        "dnsSuffix": dns_suffix(region),
        "reverseDnsPrefix": ".".join(dns_suffix(region).split(".")[::-1]),
    }


def _get_availability_zones(arguments: Properties, settings: Properties) -> Properties:
    region = _region(arguments, settings)
    return {
        "id": region,
        "region": region,
        "names": [f"{region}{letter}" for letter in "abc"],
        "zoneIds": [f"{short_region(region)}-az{number}" for number in (1, 2, 3)],
        "groupNames": [region],
    }


def _get_parameter(arguments: Properties, settings: Properties) -> Properties:
    name = arguments["name"]
    region = _region(arguments, settings)
    # What is asked most is the newest machine image; Debian's and Ubuntu's parameters don't say in their names that they are one.
    image = "ami" in name or name.startswith(("/aws/service/debian/", "/aws/service/canonical/"))
    value = f"ami-{Seed(name).hex(17)}" if image else f"preview of {name}"
    arn = f"arn:{partition(region)}:ssm:{region}:{ACCOUNT}:parameter/{name.lstrip('/')}"
    return {"id": name, "arn": arn, "name": name, "value": value, "insecureValue": value, "type": "String", "version": 1, "region": region}


def _get_bucket(arguments: Properties, settings: Properties) -> Properties:
    bucket, region = arguments["bucket"], _region(arguments, settings)
    return {
        "id": bucket,
        "arn": f"arn:{partition(region)}:s3:::{bucket}",
        "bucket": bucket,
        "bucketDomainName": f"{bucket}.s3.{dns_suffix(region)}",
        "bucketRegionalDomainName": f"{bucket}.s3.{region}.{dns_suffix(region)}",
        "bucketRegion": region,
        "region": region,
    }


def _get_vpc(arguments: Properties, settings: Properties) -> Properties:
    region = _region(arguments, settings)
    vpc = arguments.get("id") or f"vpc-{Seed(repr(arguments)).hex(17)}"
    return {
        "id": vpc,
        "arn": f"arn:{partition(region)}:ec2:{region}:{ACCOUNT}:vpc/{vpc}",
        "cidrBlock": arguments.get("cidrBlock") or "10.0.0.0/16",
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
        "instanceTenancy": "default",
        "ownerId": ACCOUNT,
        "region": region,
        "state": "available",
    }


def _get_subnets(arguments: Properties, settings: Properties) -> Properties:
    region = _region(arguments, settings)
    seed = Seed(repr(arguments))
    return {"id": region, "region": region, "ids": [f"subnet-{seed.hex(17, str(number))}" for number in range(3)]}


def _get_subnet(arguments: Properties, settings: Properties) -> Properties:
    region = _region(arguments, settings)
    seed = Seed(repr(arguments))
    subnet = arguments.get("id") or f"subnet-{seed.hex(17)}"
    zone = "abc"[int(seed.hex(2), 16) % 3]
    return {
        "id": subnet,
        "arn": f"arn:{partition(region)}:ec2:{region}:{ACCOUNT}:subnet/{subnet}",
        "availabilityZone": f"{region}{zone}",
        "availabilityZoneId": f"{short_region(region)}-az{'abc'.index(zone) + 1}",
        "cidrBlock": f"10.0.{int(seed.hex(2), 16)}.0/24",
        "ownerId": ACCOUNT,
        "region": region,
        "state": "available",
        "vpcId": arguments.get("vpcId") or f"vpc-{seed.hex(17, 'vpc')}",
    }


def _get_route_tables(arguments: Properties, settings: Properties) -> Properties:
    region = _region(arguments, settings)
    seed = Seed(repr(arguments))
    return {"id": region, "region": region, "ids": [f"rtb-{seed.hex(17, str(number))}" for number in range(2)]}


def _get_ami(arguments: Properties, settings: Properties) -> Properties:
    """The newest image that fits; which one that is, nobody can tell without AWS."""
    region = _region(arguments, settings)
    seed = Seed(repr(arguments))
    filters = {one["name"]: one["values"] for one in arguments.get("filters") or []}
    architecture = next(iter(filters.get("architecture", [])), "arm64" if "arm64" in repr(arguments) else "x86_64")
    image = f"ami-{seed.hex(17)}"
    return {
        "id": image,
        "imageId": image,
        "arn": f"arn:{partition(region)}:ec2:{region}::image/{image}",
        "architecture": architecture,
        "name": next(iter(filters.get("name", [])), f"preview-{seed.hex(8, 'name')}"),
        "ownerId": next(iter(arguments.get("owners") or []), ACCOUNT),
        "region": region,
        "rootDeviceName": "/dev/xvda",
        "rootDeviceType": "ebs",
        "state": "available",
        "virtualizationType": "hvm",
    }


def _get_zone(arguments: Properties, _settings: Properties) -> Properties:
    zone = arguments.get("zoneId") or f"Z{Seed(repr(arguments)).characters(20, 'zone', UPPER)}"
    name = (arguments.get("name") or "example.org").removesuffix(".")
    return {
        "id": zone,
        "arn": f"arn:aws:route53:::hostedzone/{zone}",
        "name": name,
        "nameServers": [f"ns-{number}.awsdns-{number:02}.com" for number in range(1, 5)],
        "privateZone": arguments.get("privateZone") or False,
        "zoneId": zone,
    }


FUNCTIONS: Mapping[str, Function] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": Function(_get_availability_zones),
    "aws:index/getCallerIdentity:getCallerIdentity": Function(_get_caller_identity),
    "aws:index/getPartition:getPartition": Function(_get_partition),
    "aws:index/getRegion:getRegion": Function(_get_region),
    "aws:ec2/getAmi:getAmi": Function(_get_ami),
    "aws:ec2/getRouteTables:getRouteTables": Function(_get_route_tables),
    "aws:ec2/getSubnet:getSubnet": Function(_get_subnet),
    "aws:ec2/getSubnets:getSubnets": Function(_get_subnets),
    "aws:ec2/getVpc:getVpc": Function(_get_vpc),
    "aws:iam/getPolicyDocument:getPolicyDocument": Function(policy_document),
    "aws:route53/getZone:getZone": Function(_get_zone),
    "aws:s3/getBucket:getBucket": Function(_get_bucket, required=("bucket",)),
    "aws:ssm/getParameter:getParameter": Function(_get_parameter, required=("name",), secrets=frozenset({"value"})),
}
