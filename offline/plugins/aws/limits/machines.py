"""Launch templates and Auto Scaling groups.

Sources: internal/service/ec2/ec2_launch_template.go, internal/service/autoscaling/group.go and internal/verify of terraform-provider-aws;
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html (16 KB before encoding);
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping

from offline.plugins.framework import CheckFailure, Properties

from .together import Together, exactly_one, given, not_both, number, text
from .values import FLAG, Limits, at_least, between, one_of, written

MOST_USER_DATA = 16 * 1024
"""Bytes, after base64 is decoded."""


def user_data(value: object) -> str | None:
    """Launch templates take base64 only, of at most MOST_USER_DATA bytes."""
    if not isinstance(value, str):
        return None
    try:
        size = len(base64.b64decode("".join(value.split()), validate=True))
    except (binascii.Error, ValueError):
        return "has to be base64"
    return f"has {size} bytes after decoding, AWS takes {MOST_USER_DATA}" if size > MOST_USER_DATA else None


_TYPES = (
    *("capacity-reservation", "elastic-gpu", "fleet", "instance", "launch-template", "network-interface", "spot-instances-request"),
    "volume",
)
_PROCESSES = (
    *("Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh"),
    *("ReplaceUnhealthy", "ScheduledActions"),
)

LIMITS: Mapping[str, Limits] = {
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "name": written(r"[0-9A-Za-z()./_-]+", "has other characters than letters, digits and ().-/_", least=3, most=125),
        "description": written(r"[\s\S]*", "", least=0),
        "userData": user_data,
        "imageId": written(r"ami-[0-9a-f]+|resolve:ssm:.+", "is neither an image's id (ami-...) nor resolve:ssm:<parameter>"),
        "instanceType": written(r"[a-z0-9-]+\.[a-z0-9-]+", "is no instance type such as m7g.large"),
        "defaultVersion": at_least(1),
        "ebsOptimized": FLAG,
        "metadataOptions.httpTokens": one_of("required", "optional"),
        "metadataOptions.httpEndpoint": one_of("enabled", "disabled"),
        "metadataOptions.httpProtocolIpv6": one_of("enabled", "disabled"),
        "metadataOptions.instanceMetadataTags": one_of("enabled", "disabled"),
        "metadataOptions.httpPutResponseHopLimit": between(1, 64),
        "blockDeviceMappings[].ebs.volumeType": one_of("standard", "io1", "io2", "gp2", "sc1", "st1", "gp3"),
        "blockDeviceMappings[].ebs.volumeSize": between(1, 65536),
        "blockDeviceMappings[].ebs.throughput": between(125, 2000),
        "blockDeviceMappings[].ebs.encrypted": FLAG,
        "blockDeviceMappings[].ebs.deleteOnTermination": FLAG,
        "tagSpecifications[].resourceType": one_of(*_TYPES),
        "instanceInitiatedShutdownBehavior": one_of("stop", "terminate"),
        "creditSpecification.cpuCredits": one_of("standard", "unlimited"),
    },
    "aws:autoscaling/group:Group": {
        "name": written(r"[^:]+", "has a colon"),
        "minSize": at_least(0),
        "maxSize": at_least(0),
        "desiredCapacity": at_least(0),
        "healthCheckType": one_of("EC2", "ELB", "EBS", "VPC_LATTICE"),
        "healthCheckGracePeriod": at_least(0),
        "instanceRefresh.strategy": one_of("Rolling", "ReplaceRootVolume"),
        "instanceRefresh.preferences.minHealthyPercentage": between(0, 100),
        "instanceRefresh.preferences.maxHealthyPercentage": between(100, 200),
        "instanceRefresh.preferences.instanceWarmup": at_least(0),
        "instanceRefresh.preferences.checkpointDelay": between(0, 172800),
        "instanceRefresh.preferences.checkpointPercentages[]": between(1, 100),
        "instanceRefresh.preferences.scaleInProtectedInstances": one_of("Refresh", "Ignore", "Wait"),
        "instanceRefresh.preferences.standbyInstances": one_of("Terminate", "Ignore", "Wait"),
        "instanceMaintenancePolicy.minHealthyPercentage": between(0, 100, -1),
        "instanceMaintenancePolicy.maxHealthyPercentage": between(100, 200, -1),
        "maxInstanceLifetime": between(86400, 31536000, 0),
        "initialLifecycleHooks[].heartbeatTimeout": between(30, 7200),
        "suspendedProcesses[]": one_of(*_PROCESSES),
        "launchTemplate.version": written(r"\$Latest|\$Default|\d+", "is no version: a number, $Latest or $Default"),
        "waitForCapacityTimeout": written(r"0|(\d+(\.\d+)?(ms|h|m|s))+", "is no duration such as 10m"),
    },
    "aws:autoscaling/lifecycleHook:LifecycleHook": {
        "name": written(r"[A-Za-z0-9_/-]+", "has other characters than letters, digits and -_/"),
        "heartbeatTimeout": between(30, 7200),
        "defaultResult": one_of("CONTINUE", "ABANDON"),
        "lifecycleTransition": one_of("autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"),
    },
}


def _sizes(inputs: Properties) -> Iterator[CheckFailure]:
    least, wanted, most = (number(inputs, name) for name in ("minSize", "desiredCapacity", "maxSize"))
    if least is not None and most is not None and least > most:
        yield CheckFailure("minSize", f"{least:g} is more than maxSize {most:g}")
    if wanted is not None and least is not None and wanted < least:
        yield CheckFailure("desiredCapacity", f"{wanted:g} is less than minSize {least:g}")
    if wanted is not None and most is not None and wanted > most:
        yield CheckFailure("desiredCapacity", f"{wanted:g} is more than maxSize {most:g}")


def _percentages(inputs: Properties) -> Iterator[CheckFailure]:
    refresh = inputs.get("instanceRefresh")
    preferences = refresh.get("preferences") if isinstance(refresh, dict) else None
    for path, found in (
        ("instanceRefresh.preferences", preferences),
        ("instanceMaintenancePolicy", inputs.get("instanceMaintenancePolicy")),
    ):
        if not isinstance(found, dict):
            continue
        least, most = number(found, "minHealthyPercentage"), number(found, "maxHealthyPercentage")
        if least is not None and most is not None and min(least, most) >= 0 and most - least > 100:
            yield CheckFailure(f"{path}.maxHealthyPercentage", f"{most:g} is more than 100 above minHealthyPercentage {least:g}")


def _launch_template(inputs: Properties) -> Iterator[CheckFailure]:
    template = inputs.get("launchTemplate")
    if isinstance(template, dict):
        for failure in exactly_one("id", "name")(template):
            yield CheckFailure(f"launchTemplate.{failure.property}", failure.reason)


def _profile(inputs: Properties) -> Iterator[CheckFailure]:
    profile = inputs.get("iamInstanceProfile")
    if isinstance(profile, dict) and len(given(profile, "arn", "name")) > 1:
        yield CheckFailure("iamInstanceProfile.name", "cannot be given together with arn")


def _interfaces(inputs: Properties) -> Iterator[CheckFailure]:
    interfaces = inputs.get("networkInterfaces")
    if given(inputs, "vpcSecurityGroupIds") and isinstance(interfaces, list) and interfaces:
        yield CheckFailure("vpcSecurityGroupIds", "cannot be given together with networkInterfaces: the groups belong to the interface")


def _disks(inputs: Properties) -> Iterator[CheckFailure]:
    mappings = inputs.get("blockDeviceMappings")
    for index, mapping in enumerate(mappings if isinstance(mappings, list) else []):
        disk = mapping.get("ebs") if isinstance(mapping, dict) else None
        if isinstance(disk, dict) and text(disk, "encrypted") == "false" and given(disk, "kmsKeyId"):
            yield CheckFailure(f"blockDeviceMappings[{index}].ebs.kmsKeyId", "a key needs encrypted to be true")


TOGETHER: Mapping[str, tuple[Together, ...]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": (
        not_both("name", "namePrefix"),
        not_both("defaultVersion", "updateDefaultVersion"),
        _profile,
        _interfaces,
        _disks,
    ),
    "aws:autoscaling/group:Group": (
        exactly_one("launchConfiguration", "launchTemplate", "mixedInstancesPolicy"),
        not_both("name", "namePrefix"),
        not_both("vpcZoneIdentifiers", "availabilityZones"),
        not_both("trafficSources", "loadBalancers", "targetGroupArns"),
        _sizes,
        _percentages,
        _launch_template,
    ),
}
