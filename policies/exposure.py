"""Which addresses and ports a firewall rule opens; shared by security groups (AWS) and network security groups (Azure)."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

WORLD_PREFIX = 7
"""Networks of so few prefix bits (IPv4 or IPv6) count as the whole internet: two halves are a known way around a check for /0, and nobody
owns more than an IPv4 /8."""

SERVICES = {
    22: "SSH",
    80: "plain HTTP",
    2375: "the Docker API without TLS",
    2376: "the Docker API",
    3389: "RDP",
    5000: "the registry without its edge",
    5001: "the registry's debug port",
    6379: "Redis",
    6380: "Redis",
    9090: "Prometheus",
    9093: "Alertmanager",
}
"""Ports that a message calls by name."""

LAST_PORT = 65535


@dataclass(frozen=True)
class Ports:
    """A closed range of ports."""

    first: int
    last: int

    def __str__(self) -> str:
        if self.first == self.last:
            return f"port {self.first}"
        return "every port" if (self.first, self.last) == (0, LAST_PORT) else f"ports {self.first}-{self.last}"

    def beyond(self, allowed: Iterable[int]) -> bool:
        """Whether the range opens a port that is not allowed."""
        wanted = sorted({port for port in allowed if self.first <= port <= self.last})
        return self.last - self.first + 1 > len(wanted)

    def services(self) -> str:
        """The well-known services in the range, for a message; empty without one."""
        found = [name for port, name in SERVICES.items() if self.first <= port <= self.last]
        return f" ({', '.join(dict.fromkeys(found))})" if found else ""


EVERY_PORT = Ports(0, LAST_PORT)


def is_world(network: str) -> bool:
    """Whether a CIDR is (nearly) the whole internet. What is no CIDR is not: the cloud refuses it."""
    try:
        return ipaddress.ip_network(network.strip(), strict=False).prefixlen <= WORLD_PREFIX
    except ValueError:
        return False


def port_range(text: str) -> Ports | None:
    """A port, a range `a-b` or `*` as Azure writes them; None for what is none of them."""
    if text.strip() == "*":
        return EVERY_PORT
    first, _, last = text.strip().partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return None
    return Ports(int(first), int(last or first))
