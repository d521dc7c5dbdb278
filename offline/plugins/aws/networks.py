"""The VPCs of a stack, as far as they exist: a subnet has to lie in its VPC."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator

from offline.plugins.framework import CheckFailure, Properties
from offline.plugins.preview import Shape


class Networks:
    """What AWS refuses when a subnet is created (InvalidSubnet.Range). In the preview of a new stack the VPC's id is not known yet,
    so that this is told when the VPC exists: at the update, as AWS does it, or in a later preview."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._vpcs: dict[str, str] = {}

    def remember(self, shape: Shape, resource_id: str, inputs: Properties) -> None:
        network = inputs.get("cidrBlock")
        if shape.kind == "Vpc" and isinstance(network, str):
            with self._lock:
                self._vpcs[resource_id] = network

    def faults(self, shape: Shape, inputs: Properties) -> Iterator[CheckFailure]:
        """Check a subnet that refers to a VPC of which this process knows."""
        vpc, network = inputs.get("vpcId"), inputs.get("cidrBlock")
        if shape.kind != "Subnet" or not isinstance(vpc, str) or not isinstance(network, str):
            return
        with self._lock:
            around = self._vpcs.get(vpc)
        if around and not _lies_in(network, around):
            yield CheckFailure("cidrBlock", f"{network} does not lie in the VPC's network {around}")


def _lies_in(network: str, around: str) -> bool:
    try:
        inner, outer = ipaddress.IPv4Network(network), ipaddress.IPv4Network(around)
    except ValueError:
        return True  # the check of the CIDR itself says so
    return inner.subnet_of(outer)
