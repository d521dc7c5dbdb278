"""Cases of the rules on network security groups and load balancers of Azure."""

from typing import Any

from policies.azure.ingress import BALANCER_PLAIN, INGRESS_WORLD, INGRESS_WORLD_HTTPS
from policies.rule import Resource
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, With, resource

RULE = "azure-native:network:SecurityRule"
OFFICE = "203.0.113.0/24"


def allow(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - inputs of a resource
    """A rule of a group: SSH from everywhere, changed."""
    rule = {
        "access": "Allow",
        "direction": "Inbound",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "22",
    }
    return {**rule, **changed}


def group(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 - inputs of a resource
    """Inputs of a group with two rules, the second one changed."""
    return {"securityRules": [allow(sourceAddressPrefix=OFFICE), allow(**changed)]}


def alone(type_: str = RULE, **changed: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """A rule that is a resource."""
    return resource(type_, props=allow(**changed))


def forward(port: object, protocol: object = "Tcp") -> dict[str, Any]:
    """A rule of a load balancer."""
    return {"frontendPort": 443, "backendPort": port, "protocol": protocol}


CASES = [
    Cases(
        INGRESS_WORLD,
        compliant={
            "443": group(destinationPortRange="443"),
            "an office": group(sourceAddressPrefix=None, sourceAddressPrefixes=[OFFICE, "VirtualNetwork"]),
            "the balancer's probes": group(sourceAddressPrefix="AzureLoadBalancer", destinationPortRange="*"),
            "refused": group(access="Deny", destinationPortRange="*"),
            "what goes out": group(direction="Outbound", destinationPortRange="*"),
            "ping": group(protocol="Icmp", destinationPortRange="*"),
            "80 where it is allowed": With(
                {"allowedPorts": ("80",)}, alone(destinationPortRange=None, destinationPortRanges=["80", "443"])
            ),
            "an application group": alone(sourceAddressPrefix=None, sourceApplicationSecurityGroups=[{"id": "asg"}]),
        },
        violating={
            "SSH": Says(("securityRules[1]: port 22 (SSH) is open to *",), group()),
            "by tag": Says(("Internet",), group(sourceAddressPrefix="Internet")),
            "by network": alone(sourceAddressPrefix="0.0.0.0/0"),
            "half the internet": alone(sourceAddressPrefix=None, sourceAddressPrefixes=[OFFICE, "0.0.0.0/1"]),
            "every port": Says(("every port",), alone(destinationPortRange="*")),
            "a range": Says(("ports 2000-3000", "Docker"), alone(destinationPortRange="2000-3000")),
            "one of a list": Says(("port 6379 (Redis)",), alone(destinationPortRange=None, destinationPortRanges=["443", "6379"])),
            "of a version": alone("azure-native:network/v20230901:SecurityRule", destinationPortRange="3389"),
            "a known source beside one that is not known yet": alone(
                sourceAddressPrefix=None, sourceAddressPrefixes=["0.0.0.0/0", UNKNOWN]
            ),
        },
        default={"location": "westeurope"},
        default_violates=False,
        unknown={
            "rules": {"securityRules": UNKNOWN},
            "source": group(sourceAddressPrefix=UNKNOWN),
            "one of the sources": group(sourceAddressPrefix=None, sourceAddressPrefixes=[OFFICE, UNKNOWN]),
            "port": group(destinationPortRange=UNKNOWN),
            "access": alone(access=UNKNOWN),
        },
    ),
    Cases(
        INGRESS_WORLD_HTTPS,
        compliant={
            "an office": group(sourceAddressPrefix=OFFICE, destinationPortRange="443"),
            "accepted": With({"accepted": True}, group(destinationPortRange="443")),
            "another port is another rule's": group(),
        },
        violating={
            "the world": Says(("port 443 is open to *",), group(destinationPortRange="443")),
            "in a list": alone(destinationPortRange=None, destinationPortRanges=["8443", "443"]),
        },
        default={},
        default_violates=False,
        unknown={"rules": {"securityRules": UNKNOWN}, "source": alone(sourceAddressPrefix=UNKNOWN, destinationPortRange="443")},
    ),
    Cases(
        BALANCER_PLAIN,
        compliant={
            "443": {"loadBalancingRules": [forward(443.0)]},
            "elsewhere": With({"passThroughPorts": ("8443",)}, {"loadBalancingRules": [forward(8443, "All")]}),
            "UDP": {"loadBalancingRules": [forward(53, "Udp")]},
        },
        violating={
            "HTTP": Says(("loadBalancingRules[1]", "port 80 (plain HTTP)"), {"loadBalancingRules": [forward(443), forward(80)]}),
            "SSH behind another port": Says(("SSH",), {"inboundNatRules": [{"frontendPort": 50001, "backendPort": 22, "protocol": "Tcp"}]}),
            "SSH of a scale set": {"inboundNatPools": [{"backendPort": 22, "protocol": "Tcp"}]},
            "every port, of a version": resource(
                "azure-native:network/v20230901:LoadBalancer", props={"loadBalancingRules": [forward(0, "All")]}
            ),
        },
        default={"sku": {"name": "Standard"}},
        default_violates=False,
        unknown={
            "rules": {"loadBalancingRules": UNKNOWN},
            "port": {"loadBalancingRules": [forward(443), forward(UNKNOWN)]},
            "NAT": {"inboundNatRules": UNKNOWN},
        },
    ),
]
