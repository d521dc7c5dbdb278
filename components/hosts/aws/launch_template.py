"""What a host of the fleet is made from."""

import base64
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from bundle.user_data import UserData, user_data
from components.aws_account import tags
from components.hosts.aws.session_manager import install_command
from components.settings.aws import AwsSettings

IMAGE_PARAMETER = "/aws/service/debian/release/13/latest/{architecture}"
"""Debian's public parameter with the id of its newest image (https://wiki.debian.org/Cloud/AmazonEC2Image)."""
ROOT_DEVICE = "/dev/xvda"
"""Of Debian's images."""
METADATA_HOPS = 2
"""One is the host, two are a container on it: the registry and the sweeper use the host's role."""
TAGGED = ("instance", "volume", "network-interface")


@dataclass(frozen=True)
class LaunchTemplateArgs:
    """`bucket` and `secret_arn` are where a host finds its bundle and its secret; `key` and `sha256` which bundle."""

    settings: AwsSettings
    bucket: pulumi.Output[str]
    key: str
    sha256: str
    secret_arn: pulumi.Output[str]
    profile_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]


class LaunchTemplate(pulumi.ComponentResource):
    """Debian 13 with cloud-init's user data, IMDSv2 only, an encrypted gp3 disk, no public address, tags on all that comes of it.

    A changed bundle makes a new version of the template. A changed secret does not.
    """

    id: pulumi.Output[str]
    version: pulumi.Output[str]
    """Its newest version's number: a group that follows `$Latest` would change without a plan that says so."""

    def __init__(self, name: str, args: LaunchTemplateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsLaunchTemplate", name, None, opts)
        self._name = name
        self._args = args
        settings = args.settings
        # The architecture is in the name, so that another one does not keep this one's image.
        label = f"{name}-{settings.architecture}"
        template = aws.ec2.LaunchTemplate(
            label,
            name=label,
            description=f"Hosts of {name}",
            update_default_version=True,
            image_id=self._image(),
            instance_type=settings.instance_type,
            user_data=self._user_data(),
            iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(arn=args.profile_arn),
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=METADATA_HOPS
            ),
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name=ROOT_DEVICE,
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_type="gp3",
                        volume_size=settings.volume_gib,
                        encrypted="true",
                        kms_key_id=settings.kms_key,
                        delete_on_termination="true",
                    ),
                )
            ],
            network_interfaces=[
                aws.ec2.LaunchTemplateNetworkInterfaceArgs(
                    device_index=0,
                    associate_public_ip_address="false",
                    delete_on_termination="true",
                    security_groups=[args.security_group_id],
                )
            ],
            # The provider's default tags reach the template, but not what it makes.
            tag_specifications=[
                aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags={**tags(name), "Name": f"{name}-host"})
                for kind in TAGGED
            ],
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["imageId"] if settings.image == "kept" else None),
        )
        self.id = template.id
        self.version = template.latest_version.apply(str)
        self.register_outputs({"id": self.id, "version": self.version})

    def _image(self) -> pulumi.Output[str]:
        settings = self._args.settings
        if settings.image not in ("kept", "newest"):
            return pulumi.Output.from_input(settings.image)
        return aws.ssm.get_parameter_output(
            name=IMAGE_PARAMETER.format(architecture=settings.architecture), opts=pulumi.InvokeOutputOptions(parent=self)
        ).insecure_value

    def _user_data(self) -> pulumi.Output[str]:
        args = self._args
        sessions = install_command(args.settings.region, args.settings.architecture)

        def render(found: dict[str, str]) -> str:
            given = UserData(found["bucket"], args.key, args.sha256, found["secret"], args.settings.region)
            return base64.b64encode(user_data(given, [sessions]).encode()).decode()

        return pulumi.Output.all(bucket=args.bucket, secret=args.secret_arn).apply(
            lambda found: render({key: str(value) for key, value in found.items()})
        )
