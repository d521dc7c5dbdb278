"""A fleet of VMs in AWS behind a network load balancer: puts the parts together."""

from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from bundle.fleet_archive import fleet_archive
from bundle.model import Bundle, Values
from components.aws_account import tags
from components.hosts.aws.alarms import Alarms, AlarmsArgs
from components.hosts.aws.balancer import Balancer, BalancerArgs
from components.hosts.aws.config_bucket import ConfigBucket, ConfigBucketArgs
from components.hosts.aws.firewall import Firewall, FirewallArgs
from components.hosts.aws.group import Group, GroupArgs
from components.hosts.aws.launch_template import LaunchTemplate, LaunchTemplateArgs
from components.hosts.aws.network import Network, NewNetwork, NewNetworkArgs, existing_network
from components.hosts.aws.ops_command import ops_command
from components.hosts.aws.redis import Redis, RedisArgs
from components.hosts.aws.role import HostRole, HostRoleArgs
from components.hosts.aws.secret import HostSecret, HostSecretArgs
from components.settings.aws import AwsSettings
from components.storage.access import RoleAccess


@dataclass(frozen=True)
class AwsFleetArgs:
    """The bundle, the values its files need (secret, without the address of Redis), what hosts may do with the storage."""

    bundle: Bundle
    values: pulumi.Output[Values]
    settings: AwsSettings
    hostname: str
    hosts: int
    storage: RoleAccess
    allow_destroy: bool


class AwsFleet(pulumi.ComponentResource):
    """Network, load balancer, Redis, secret, config bucket, role, launch template and Auto Scaling group.

    Everything is reached through the storage's provider: hosts and bucket are in one account and one region.
    """

    ops_command: pulumi.Output[str]
    address: pulumi.Output[str]
    """DNS name of the load balancer."""

    def __init__(self, name: str, args: AwsFleetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsFleet", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self, providers=[args.storage.provider])
        settings = args.settings
        network = self._network()
        firewall = Firewall(name, FirewallArgs(network.vpc_id, settings.allowed_cidrs, own_dns=settings.vpc_id is not None), self._child)
        redis = self._redis(network, firewall)
        archive = fleet_archive(args.bundle)
        config = ConfigBucket(name, ConfigBucketArgs(archive, settings.kms_key, args.allow_destroy), self._child)
        secret = HostSecret(name, HostSecretArgs(self._complete(redis), settings.kms_key, args.allow_destroy), self._child)
        role = HostRole(
            name,
            HostRoleArgs(args.storage.policy, config.objects_arn, secret.arn, settings.kms_key, settings.permissions_boundary_arn),
            self._child,
        )
        template = LaunchTemplate(
            name,
            LaunchTemplateArgs(settings, config.bucket, archive.key, archive.sha256, secret.arn, role.profile_arn, firewall.hosts_id),
            self._child,
        )
        balancer = self._balancer(network, firewall)
        needs = [config.current, secret.current, *role.policies, balancer.listener, *firewall.rules, *network.ways_out]
        group = Group(
            name,
            GroupArgs(
                hosts=args.hosts,
                template_id=template.id,
                version=template.version,
                subnet_ids=network.host_subnet_ids,
                target_group_arn=balancer.target_group_arn,
                drain_seconds=settings.drain_seconds,
                tags=tags(name),
                needs=tuple(needs),
            ),
            self._child,
        )
        if settings.route53_zone_id:
            self._record(settings.route53_zone_id, balancer)
        if settings.alarm_topic_arn:
            Alarms(name, AlarmsArgs(settings.alarm_topic_arn, args.hosts, group.name, balancer.dimensions, redis.node_ids), self._child)
        self.ops_command = pulumi.Output.from_input(ops_command(name, settings.region))
        self.address = balancer.dns_name
        self.register_outputs({"address": self.address})

    def _network(self) -> Network:
        settings = self._args.settings
        if settings.vpc_cidr is None:
            return existing_network(settings)
        args = NewNetworkArgs(settings.vpc_cidr, settings.region, settings.nat == "perZone")
        return NewNetwork(self._name, args, self._child).network

    def _redis(self, network: Network, firewall: Firewall) -> Redis:
        settings = self._args.settings
        password = pulumi.Output.secret(self._args.values.apply(lambda values: values.redis_password))
        return Redis(
            self._name,
            RedisArgs(settings.redis_node_type, password, network.host_subnet_ids, firewall.redis_id, settings.kms_key),
            self._child,
        )

    def _complete(self, redis: Redis) -> pulumi.Output[Values]:
        def with_address(values: Values, host: str) -> Values:
            return replace(values, redis_host=host)

        both = pulumi.Output.all(self._args.values, redis.host)
        return pulumi.Output.secret(both.apply(lambda found: with_address(found[0], str(found[1]))))

    def _balancer(self, network: Network, firewall: Firewall) -> Balancer:
        settings = self._args.settings
        # Of an existing network the settings may name subnets for an internal load balancer too.
        own = network.public_subnet_ids if settings.internet_facing or settings.load_balancer_subnet_ids else network.host_subnet_ids
        return Balancer(
            self._name,
            BalancerArgs(
                vpc_id=network.vpc_id,
                subnet_ids=own,
                security_group_id=firewall.balancer_id,
                internet_facing=settings.internet_facing,
                certificate_arn=settings.certificate_arn,
                drain_seconds=settings.drain_seconds,
                allow_destroy=self._args.allow_destroy,
                needs=network.ways_in if settings.internet_facing else (),
            ),
            self._child,
        )

    def _record(self, zone_id: str, balancer: Balancer) -> None:
        aws.route53.Record(
            self._name,
            zone_id=zone_id,
            name=self._args.hostname,
            type="A",
            aliases=[aws.route53.RecordAliasArgs(name=balancer.dns_name, zone_id=balancer.zone_id, evaluate_target_health=True)],
            opts=self._child,
        )
