"""What the firewalls of both clouds open to the whole internet: the judgement, once each cloud's rule is read into openings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from policies.exposure import Ports
from policies.rule import Finding, Parameter, Result, each
from policies.values import View

HTTPS = 443
ALLOWED_PORTS = {"allowedPorts": Parameter((), "Further ports that may be open to everyone, such as 80 for a redirect.")}
ACCEPTED = {"accepted": Parameter(False, "Whether 443 may be open to everyone.")}


@dataclass(frozen=True)
class Opening:
    """Ports that a firewall's rule opens to networks that are the whole internet. `path` is empty for a rule that is a resource itself."""

    path: str
    networks: tuple[str, ...]
    ports: Ports

    def __str__(self) -> str:
        place = f"{self.path}: " if self.path else ""
        return f"{place}{self.ports}{self.ports.services()} is open to {', '.join(self.networks)}"


Reader: TypeAlias = Callable[[View], Iterable[Opening]]
"""Reads a rule of a firewall. Raises NotKnownYetError."""


def _openings(rules: Iterable[View], read: Reader, refused: Callable[[Ports], bool]) -> Iterator[Result]:
    def judge(rule: View) -> Iterator[Result]:
        for opening in read(rule):
            if refused(opening.ports):
                yield Finding(str(opening))

    yield from each(rules, judge)


def open_to_world(rules: Iterable[View], read: Reader, parameters: View) -> Iterator[Result]:
    """Every port but 443 and those of ALLOWED_PORTS."""
    allowed = [HTTPS, *(int(port) for port in parameters.texts("allowedPorts"))]
    yield from _openings(rules, read, lambda ports: ports.beyond(allowed))


def https_to_world(rules: Iterable[View], read: Reader, parameters: View) -> Iterator[Result]:
    """443 alone, unless ACCEPTED. A wider range is the other check's finding."""
    if not parameters.flag("accepted"):
        yield from _openings(rules, read, lambda ports: ports == Ports(HTTPS, HTTPS))
