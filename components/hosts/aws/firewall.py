"""Who may speak to whom: three security groups."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

HTTPS = 443
HTTP = 80
DNS = 53
REDIS = 6379
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class FirewallArgs:
    """`allowed_cidrs` are the networks that may reach the load balancer. `own_dns`: the network may have DNS servers of its own."""

    vpc_id: pulumi.Output[str]
    allowed_cidrs: tuple[str, ...]
    own_dns: bool


class Firewall(pulumi.ComponentResource):
    """Load balancer: 443 from the allowed networks, 443 to the hosts. Hosts: 443 from the load balancer and nothing else, no SSH; out to
    HTTPS (S3, secrets, container images, Session Manager), HTTP (Debian's packages, which are signed) and Redis, and to DNS servers where
    the network may have its own. Redis: from the hosts.

    AWS's own DNS, time and metadata services are not subject to security groups
    (https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html).
    """

    balancer_id: pulumi.Output[str]
    hosts_id: pulumi.Output[str]
    redis_id: pulumi.Output[str]
    rules: tuple[pulumi.Resource, ...]
    """Without them nothing reaches anything."""

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsFirewall", name, None, opts)
        self._name = name
        self._child = pulumi.ResourceOptions(parent=self)
        self._vpc_id = args.vpc_id
        self.balancer_id = self._group("balancer", "Load balancer of the registry")
        self.hosts_id = self._group("hosts", "Hosts of the registry")
        self.redis_id = self._group("redis", "Redis of the registry")
        rules = [self._from_network(cidr) for cidr in args.allowed_cidrs]
        rules += [
            self._between("balancer", self.balancer_id, "hosts", self.hosts_id, HTTPS),
            self._between("hosts", self.hosts_id, "redis", self.redis_id, REDIS),
        ]
        rules += [self._to_anywhere("https", HTTPS), self._to_anywhere("http", HTTP)]
        if args.own_dns:
            rules += [self._to_anywhere("dns", DNS), self._to_anywhere("dns", DNS, "udp")]
        self.rules = tuple(rule for pair in rules for rule in pair)
        self.register_outputs({})

    def _group(self, part: str, description: str) -> pulumi.Output[str]:
        group = aws.ec2.SecurityGroup(
            f"{self._name}-{part}",
            description=description,
            vpc_id=self._vpc_id,
            tags={"Name": f"{self._name}-{part}"},
            opts=self._child,
        )
        return group.id

    def _from_network(self, cidr: str) -> tuple[pulumi.Resource, ...]:
        return (
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-from-{cidr}",
                security_group_id=self.balancer_id,
                description="HTTPS from an allowed network",
                ip_protocol="tcp",
                from_port=HTTPS,
                to_port=HTTPS,
                cidr_ipv4=cidr,
                opts=self._child,
            ),
        )

    def _between(
        self, source: str, source_id: pulumi.Output[str], target: str, target_id: pulumi.Output[str], port: int
    ) -> tuple[pulumi.Resource, ...]:
        """Out of one group and into the other."""
        return (
            aws.vpc.SecurityGroupEgressRule(
                f"{self._name}-{source}-to-{target}",
                security_group_id=source_id,
                description=f"To {target}",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                referenced_security_group_id=target_id,
                opts=self._child,
            ),
            aws.vpc.SecurityGroupIngressRule(
                f"{self._name}-{target}-from-{source}",
                security_group_id=target_id,
                description=f"From {source}",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                referenced_security_group_id=source_id,
                opts=self._child,
            ),
        )

    def _to_anywhere(self, what: str, port: int, protocol: str = "tcp") -> tuple[pulumi.Resource, ...]:
        return (
            aws.vpc.SecurityGroupEgressRule(
                f"{self._name}-hosts-to-{what}" if protocol == "tcp" else f"{self._name}-hosts-to-{what}-{protocol}",
                security_group_id=self.hosts_id,
                description="DNS servers of the network" if what == "dns" else f"{what.upper()} to AWS, package and image servers",
                ip_protocol=protocol,
                from_port=port,
                to_port=port,
                cidr_ipv4=ANYWHERE,
                opts=self._child,
            ),
        )
