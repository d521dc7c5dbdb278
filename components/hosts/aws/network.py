"""The network of a fleet: an existing one, or a small new one over two zones."""

import ipaddress
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.settings.aws import AwsSettings

ZONES = 2


@dataclass(frozen=True)
class Network:
    """Where the fleet's parts go."""

    vpc_id: pulumi.Output[str]
    host_subnet_ids: tuple[pulumi.Output[str], ...]
    public_subnet_ids: tuple[pulumi.Output[str], ...]
    """Where a load balancer with public addresses goes."""
    ways_in: tuple[pulumi.Resource, ...] = ()
    """What must exist before a load balancer can have public addresses, and as long as it has."""
    ways_out: tuple[pulumi.Resource, ...] = ()
    """What must exist before a host can fetch packages and images."""


def existing_network(settings: AwsSettings) -> Network:
    """The network that the settings name; nothing is created or changed in it."""
    if settings.vpc_id is None:
        raise AssertionError("the settings are validated")
    hosts = tuple(pulumi.Output.from_input(subnet) for subnet in settings.subnet_ids)
    balancer = tuple(pulumi.Output.from_input(subnet) for subnet in settings.load_balancer_subnet_ids)
    return Network(pulumi.Output.from_input(settings.vpc_id), hosts, balancer)


def quarters(cidr: str) -> list[str]:
    """The network's four subnets: two public ones, then two private ones, each pair in the zones' order."""
    return [str(subnet) for subnet in ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=2)]


@dataclass(frozen=True)
class NewNetworkArgs:
    """`cidr` is cut into four; `nat_per_zone` makes a NAT gateway in each zone instead of one."""

    cidr: str
    region: str
    nat_per_zone: bool


class NewNetwork(pulumi.ComponentResource):
    """A VPC over two zones: public subnets for the load balancer and NAT, private ones for hosts and Redis, and a gateway endpoint for S3,
    so that images neither pass the NAT gateway nor are paid for there. The default security group is emptied.
    """

    network: Network

    def __init__(self, name: str, args: NewNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:AwsNetwork", name, None, opts)
        self._name = name
        self._child = pulumi.ResourceOptions(parent=self)
        self._vpc = aws.ec2.Vpc(
            name,
            cidr_block=args.cidr,
            # Redis and the endpoints are found by name.
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": name},
            opts=self._child,
        )
        # Without rules of its own, it loses those that it is born with.
        aws.ec2.DefaultSecurityGroup(name, vpc_id=self._vpc.id, tags={"Name": f"{name}-unused"}, opts=self._child)
        zones = aws.get_availability_zones_output(
            state="available",
            # Local and wavelength zones have neither NAT gateways nor every instance type.
            filters=[aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])],
            opts=pulumi.InvokeOutputOptions(parent=self),
        ).names.apply(lambda names: sorted(names)[:ZONES])
        blocks = quarters(args.cidr)
        public = [self._subnet("public", number, blocks[number], zones) for number in range(ZONES)]
        private = [self._subnet("private", number, blocks[ZONES + number], zones) for number in range(ZONES)]
        ways_in = self._make_public(public)
        ways_out = self._make_ways_out(args, public, private)
        self.network = Network(
            vpc_id=self._vpc.id,
            host_subnet_ids=tuple(subnet.id for subnet in private),
            public_subnet_ids=tuple(subnet.id for subnet in public),
            ways_in=tuple(ways_in),
            ways_out=tuple(ways_out),
        )
        self.register_outputs({"vpcId": self._vpc.id})

    def _subnet(self, kind: str, number: int, block: str, zones: pulumi.Output[list[str]]) -> aws.ec2.Subnet:
        name = f"{self._name}-{kind}-{number + 1}"
        return aws.ec2.Subnet(
            name,
            vpc_id=self._vpc.id,
            cidr_block=block,
            availability_zone=zones.apply(lambda names: names[number]),
            map_public_ip_on_launch=False,
            tags={"Name": name},
            # In a bad hour a zone can be missing from the list: that must not move the network.
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(ignore_changes=["availabilityZone"])),
        )

    def _make_public(self, subnets: list[aws.ec2.Subnet]) -> list[pulumi.Resource]:
        self._gateway = aws.ec2.InternetGateway(self._name, vpc_id=self._vpc.id, tags={"Name": self._name}, opts=self._child)
        table = aws.ec2.RouteTable(f"{self._name}-public", vpc_id=self._vpc.id, tags={"Name": f"{self._name}-public"}, opts=self._child)
        self._internet_route = aws.ec2.Route(
            f"{self._name}-public",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=self._gateway.id,
            opts=self._child,
        )
        associations = [
            aws.ec2.RouteTableAssociation(f"{self._name}-public-{number}", route_table_id=table.id, subnet_id=subnet.id, opts=self._child)
            for number, subnet in enumerate(subnets, 1)
        ]
        return [self._internet_route, *associations]

    def _make_ways_out(self, args: NewNetworkArgs, public: list[aws.ec2.Subnet], private: list[aws.ec2.Subnet]) -> list[pulumi.Resource]:
        gateways = [self._nat(number, subnet) for number, subnet in enumerate(public if args.nat_per_zone else public[:1], 1)]
        tables: list[aws.ec2.RouteTable] = []
        found: list[pulumi.Resource] = []
        for number, subnet in enumerate(private):
            name = f"{self._name}-private-{number + 1}"
            table = aws.ec2.RouteTable(name, vpc_id=self._vpc.id, tags={"Name": name}, opts=self._child)
            tables.append(table)
            found += [
                aws.ec2.Route(
                    name,
                    route_table_id=table.id,
                    destination_cidr_block="0.0.0.0/0",
                    nat_gateway_id=gateways[number % len(gateways)].id,
                    opts=self._child,
                ),
                aws.ec2.RouteTableAssociation(name, route_table_id=table.id, subnet_id=subnet.id, opts=self._child),
            ]
        found.append(
            aws.ec2.VpcEndpoint(
                f"{self._name}-s3",
                vpc_id=self._vpc.id,
                vpc_endpoint_type="Gateway",
                service_name=f"com.amazonaws.{args.region}.s3",
                route_table_ids=[table.id for table in tables],
                tags={"Name": f"{self._name}-s3"},
                opts=self._child,
            )
        )
        return found

    def _nat(self, number: int, subnet: aws.ec2.Subnet) -> aws.ec2.NatGateway:
        name = f"{self._name}-nat-{number}"
        address = aws.ec2.Eip(name, domain="vpc", tags={"Name": name}, opts=self._child)
        return aws.ec2.NatGateway(
            name,
            subnet_id=subnet.id,
            allocation_id=address.id,
            tags={"Name": name},
            # A gateway without a route to the internet fails to start.
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(depends_on=[self._internet_route])),
        )
