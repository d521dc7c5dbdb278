"""The Auto Scaling group: keeps the number of hosts, replaces sick ones, rolls changes out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

BOOT_SECONDS = 600
"""How long a new host may take until the load balancer's checks count: packages, container images, replicas one after the other."""
WARM_SECONDS = BOOT_SECONDS + 120
"""How long a rollout waits after a new host. Until BOOT_SECONDS have passed AWS counts it as healthy whatever the load balancer says; then
the checks need a moment to have an effect, and only after that may an old host go."""
WAIT_MINUTES = 20
"""How long a first `pulumi up` waits for the hosts to become healthy, and any other for what AWS does besides draining."""


def one_more(hosts: int) -> int:
    """100 percent and one host more, as the percentage that AWS takes (at most 200): hosts are replaced one by one."""
    return min(200, math.ceil(100 * (hosts + 1) / hosts))


def patience(drain_seconds: int) -> str:
    """How long an update or deletion of the group may take. Both wait until hosts have left the target group, which takes `drain_seconds`;
    the provider's own limit is ten minutes."""
    return f"{math.ceil(drain_seconds / 60) + WAIT_MINUTES}m"


@dataclass(frozen=True)
class GroupArgs:
    """`version` is a number of the launch template's. `drain_seconds` is how long a host may take to leave the target group. `needs` is
    what must be there before the first host starts."""

    hosts: int
    template_id: pulumi.Output[str]
    version: pulumi.Output[str]
    subnet_ids: tuple[pulumi.Output[str], ...]
    target_group_arn: pulumi.Output[str]
    drain_seconds: int
    tags: Mapping[str, str]
    needs: Sequence[pulumi.Resource]


class Group(pulumi.ComponentResource):
    """As many hosts as wanted, spread over the zones. A host that the load balancer finds unhealthy is replaced. A new version of the
    launch template replaces all, one by one: a new host first, healthy and warm, then an old one drains and goes. If new hosts do not
    become healthy, it stops there, and the old ones that are left stay.

    `pulumi up` does not wait for a replacement to end, only for the first hosts.
    """

    name: pulumi.Output[str]
    """Known when the first hosts are healthy."""

    def __init__(self, name: str, args: GroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsGroup", name, None, opts)
        most = one_more(args.hosts)
        group = aws.autoscaling.Group(
            name,
            name=name,
            min_size=args.hosts,
            desired_capacity=args.hosts,
            # Room for a new host beside one that leaves; nothing else ever asks for more than `hosts`.
            max_size=args.hosts + 1,
            vpc_zone_identifiers=list(args.subnet_ids),
            target_group_arns=[args.target_group_arn],
            health_check_type="ELB",
            health_check_grace_period=BOOT_SECONDS,
            default_instance_warmup=WARM_SECONDS,
            launch_template=aws.autoscaling.GroupLaunchTemplateArgs(id=args.template_id, version=args.version),
            # Also for a sick host: its successor comes first.
            instance_maintenance_policy=aws.autoscaling.GroupInstanceMaintenancePolicyArgs(
                min_healthy_percentage=100, max_healthy_percentage=most
            ),
            instance_refresh=aws.autoscaling.GroupInstanceRefreshArgs(
                strategy="Rolling",
                preferences=aws.autoscaling.GroupInstanceRefreshPreferencesArgs(
                    min_healthy_percentage=100,
                    max_healthy_percentage=most,
                    instance_warmup=str(WARM_SECONDS),
                    # The provider changes the group first and begins the replacement then, so AWS would go "back" to the same new version
                    # (https://github.com/hashicorp/terraform-provider-aws/issues/34189).
                    auto_rollback=False,
                    skip_matching=True,
                    scale_in_protected_instances="Refresh",
                    standby_instances="Terminate",
                ),
            ),
            # A host's age is no reason to replace it.
            max_instance_lifetime=0,
            # For the alarm on too few hosts; metrics of a group cost nothing.
            enabled_metrics=[aws.autoscaling.Metric.GROUP_IN_SERVICE_INSTANCES],
            min_elb_capacity=args.hosts,
            wait_for_capacity_timeout=f"{WAIT_MINUTES}m",
            tags=[
                aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=False) for key, value in sorted(args.tags.items())
            ],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.needs),
                custom_timeouts=pulumi.CustomTimeouts(update=patience(args.drain_seconds), delete=patience(args.drain_seconds)),
            ),
        )
        self.name = group.name
        self.register_outputs({"name": self.name})
