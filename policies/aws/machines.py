"""Virtual machines and what they are made from."""

from collections.abc import Iterator

from policies.aws.types import INSTANCES, LAUNCH_CONFIGURATIONS, LAUNCH_TEMPLATES, MACHINES, SUBNETS, VOLUMES
from policies.rule import Finding, Level, Parameter, Resource, Result, Rule, each
from policies.user_data import decoded, secrets_in
from policies.values import View


def _from_template(resource: Resource, key: str) -> bool:
    """Whether an instance takes this from its launch template, which is looked at itself."""
    return resource.type in INSTANCES and resource.props.has("launchTemplate") and not resource.props.has(key)


def _imds(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means what the image and the account say, so nothing is sure
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LaunchTemplateInstanceMetadataOptionsRequest.html)."""
    if _from_template(resource, "metadataOptions"):
        return
    options = resource.props.view("metadataOptions")
    tokens = options.text("httpTokens")
    if tokens != "required" and options.text("httpEndpoint") != "disabled":
        yield Finding(f"metadataOptions.httpTokens is {tokens or 'not set'}")


IMDS_V2 = Rule(
    id="aws-imds-v2",
    title="The instance metadata service asks for a token (IMDSv2)",
    why="Without, a single forged request through any program on the host (SSRF) reads the role's credentials.",
    fix="Set metadataOptions.httpTokens to required.",
    types=MACHINES,
    check=_imds,
)


def _hops(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means 1, or 2 where the image asks for it
    (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html)."""
    hops, most = resource.props.view("metadataOptions").number("httpPutResponseHopLimit"), parameters.number("most")
    if hops is not None and most is not None and hops > most:
        yield Finding(f"metadataOptions.httpPutResponseHopLimit is {hops:.0f}, more than {most:.0f}")


IMDS_HOPS = Rule(
    id="aws-imds-hops",
    title="The instance metadata service is not reached from afar",
    why="One hop is the host, two are a container on it; more lets something that the host routes for fetch the role's credentials.",
    fix="Set metadataOptions.httpPutResponseHopLimit to 2, or 1 where no container needs the role.",
    types=MACHINES,
    parameters={"most": Parameter(2, "The highest hop limit that is accepted.")},
    check=_hops,
)


def _disks(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means what the account's default for new volumes says, which is off unless somebody turned it on
    (https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html)."""
    if parameters.flag("encryptedByDefault"):
        return
    if resource.type in VOLUMES:
        yield from _disk(resource.props)
    elif resource.type in LAUNCH_TEMPLATES:
        mappings = resource.props.views("blockDeviceMappings")
        if not mappings:
            yield Finding("blockDeviceMappings is not set: the root disk is as the image and the account's default have it")
        yield from each(mappings, _mapping)
    else:
        if not _from_template(resource, "rootBlockDevice"):
            yield from each([resource.props.view("rootBlockDevice")], _disk)
        yield from each(resource.props.views("ebsBlockDevices"), _disk)


def _mapping(mapping: View) -> Iterator[Result]:
    # No device at all, and the host's own disks (always encrypted or gone with it), are no EBS volumes.
    if not mapping.has("noDevice") and not mapping.has("virtualName"):
        yield from _disk(mapping.view("ebs"))


def _disk(disk: View) -> Iterator[Result]:
    if disk.flag("encrypted") is not True:
        yield Finding(f"{disk.at('encrypted')} is not true")


DISKS = Rule(
    id="aws-disk-encryption",
    title="Disks are encrypted",
    why="Snapshots and disks that are given back hold images, logs and the host's secrets.",
    fix="Set encrypted to true on each disk, the root disk too.",
    types=(*MACHINES, *VOLUMES),
    parameters={"encryptedByDefault": Parameter(False, "Whether the account encrypts new volumes by default in each region in use.")},
    check=_disks,
)


def _public_ip(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means what the subnet says, which a subnet of this stack is looked at for
    (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html: off, but for default subnets)."""
    props = resource.props
    if resource.type in SUBNETS:
        if props.flag("mapPublicIpOnLaunch"):
            yield Finding("mapPublicIpOnLaunch is true")
        return
    for view in (props, *(props.views("networkInterfaces") if resource.type in LAUNCH_TEMPLATES else [])):
        yield from each([view], _public)


def _public(view: View) -> Iterator[Result]:
    if view.flag("associatePublicIpAddress"):
        yield Finding(f"{view.at('associatePublicIpAddress')} is true")


PUBLIC_IP = Rule(
    id="aws-public-ip",
    title="Hosts have no public address",
    why="Only the load balancer has to be reached. A host without NAT may need one to fetch packages, so this is advice.",
    fix="Put the hosts into private subnets with a NAT gateway or VPC endpoints, and leave associatePublicIpAddress off.",
    level=Level.ADVISORY,
    types=(*MACHINES, *SUBNETS),
    check=_public_ip,
)


def _user_data(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means none."""
    for key in ("userData", "userDataBase64"):
        yield from each([resource.props], lambda props, key=key: _text(props, key))


def _text(props: View, key: str) -> Iterator[Result]:
    text = props.text(key)
    for kind in secrets_in(decoded(text)) if text else ():
        yield Finding(f"{key} holds {kind}")


USER_DATA = Rule(
    id="aws-user-data-secret",
    title="User data holds no secret",
    why="Everyone who may describe instances or launch templates reads user data, every process on the host too, and old versions stay.",
    fix="Keep the secret in Secrets Manager and let the host fetch it with its role.",
    types=(*INSTANCES, *LAUNCH_TEMPLATES, *LAUNCH_CONFIGURATIONS),
    check=_user_data,
)
