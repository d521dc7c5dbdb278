"""The network load balancer: the one address of the fleet, and the judge of its hosts' health."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.hosts.aws.names import LOAD_BALANCER, limited

HTTPS = 443
READY_PATH = "/edge/ready"
"""Answered by the edge with 200 while a replica answers and its storage can be listed, else 503; needs no account. What breaks pushes
alone does not show here: storage that lets nobody write, Redis away, a closed gate (`ops status` tells)."""
CHECK_SECONDS = 5
HEALTHY_CHECKS = 2
UNHEALTHY_CHECKS = 3
"""A host fails its checks after 15 seconds; that it gets nothing new may take up to a minute, until all of the load balancer knows."""
IDLE_SECONDS = 3600
"""How long a connection may be silent. While S3 puts the parts of a large layer together, the client waits without a byte; the default of
350 s would cut it off."""
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
"""TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers, as the edge has them."""


@dataclass(frozen=True)
class BalancerArgs:
    """`certificate_arn` makes the load balancer terminate TLS and encrypt again towards the edges; without it TLS passes through."""

    vpc_id: pulumi.Output[str]
    subnet_ids: tuple[pulumi.Output[str], ...]
    security_group_id: pulumi.Output[str]
    internet_facing: bool
    certificate_arn: str | None
    drain_seconds: int
    allow_destroy: bool
    needs: Sequence[pulumi.Resource] = ()
    """What must be there before the load balancer, and as long as it is."""


class Balancer(pulumi.ComponentResource):
    """A network load balancer over the zones with one listener on 443 and one target group. Protected from deletion unless
    `allow_destroy`: its DNS name is what clients' records point to."""

    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    """Hosted zone of the DNS name, for an alias record."""
    target_group_arn: pulumi.Output[str]
    dimensions: pulumi.Output[dict[str, str]]
    """Of the metrics about the hosts' health."""
    listener: pulumi.Resource
    """Before it the load balancer does not look at the hosts."""

    def __init__(self, name: str, args: BalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsBalancer", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        balancer = aws.lb.LoadBalancer(
            name,
            # In the name, because a change of it makes another load balancer, and the old one's goes on being taken for a while.
            name=limited(name, "pub" if args.internet_facing else "int", LOAD_BALANCER),
            load_balancer_type="network",
            internal=not args.internet_facing,
            ip_address_type="ipv4",
            subnets=list(args.subnet_ids),
            security_groups=[args.security_group_id],
            # Otherwise a zone whose hosts are gone answers nobody.
            enable_cross_zone_load_balancing=True,
            enable_deletion_protection=not args.allow_destroy,
            opts=pulumi.ResourceOptions.merge(
                child,
                pulumi.ResourceOptions(
                    protect=not args.allow_destroy,
                    depends_on=list(args.needs),
                    # A target group serves one load balancer only.
                    delete_before_replace=True,
                ),
            ),
        )
        protocol = "TLS" if args.certificate_arn else "TCP"
        targets = self._target_group(name, args, protocol, child)
        self.listener = aws.lb.Listener(
            name,
            load_balancer_arn=balancer.arn,
            port=HTTPS,
            protocol=protocol,
            certificate_arn=args.certificate_arn,
            ssl_policy=TLS_POLICY if args.certificate_arn else None,
            # With TLS it is 350 s and can't be changed.
            tcp_idle_timeout_seconds=None if args.certificate_arn else IDLE_SECONDS,
            default_actions=[aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=targets.arn)],
            opts=child,
        )
        self.dns_name = balancer.dns_name
        self.zone_id = balancer.zone_id
        self.target_group_arn = targets.arn
        self.dimensions = pulumi.Output.all(LoadBalancer=balancer.arn_suffix, TargetGroup=targets.arn_suffix).apply(
            lambda found: {key: str(value) for key, value in found.items()}
        )
        self.register_outputs({"dnsName": self.dns_name})

    @staticmethod
    def _target_group(name: str, args: BalancerArgs, protocol: str, child: pulumi.ResourceOptions) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            name,
            # In the name, because another protocol makes another group, which must exist before the listener can leave the old one.
            name=limited(name, protocol.lower(), LOAD_BALANCER),
            target_type="instance",
            port=HTTPS,
            protocol=protocol,
            vpc_id=args.vpc_id,
            # The edge's journal and limits are about clients, not about the load balancer.
            preserve_client_ip="true",
            deregistration_delay=args.drain_seconds,
            # What has not ended by then is told so, and does not wait for a host that is gone.
            connection_termination=True,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                enabled=True,
                # The certificate is not looked at (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html).
                protocol="HTTPS",
                path=READY_PATH,
                port="traffic-port",
                matcher="200",
                interval=CHECK_SECONDS,
                timeout=CHECK_SECONDS - 1,
                healthy_threshold=HEALTHY_CHECKS,
                unhealthy_threshold=UNHEALTHY_CHECKS,
            ),
            # The provider would delete first, because the name is not one of its own; AWS refuses that while a listener uses the group.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(delete_before_replace=False)),
        )
