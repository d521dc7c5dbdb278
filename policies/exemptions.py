"""Exemptions: which resource a rule does not hold for, and why. Given in the policy config, never in the pack."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Self

from policies.rule import Resource

SCHEMA: dict[str, object] = {
    "type": "array",
    "default": [],
    "description": "Resources that the rule does not hold for, each with the reason.",
    "items": {
        "type": "object",
        "additionalProperties": False,
        "required": ["resource", "reason"],
        "properties": {
            "resource": {"type": "string", "minLength": 1, "description": "Name or URN; `*` stands for anything."},
            "reason": {"type": "string", "minLength": 1, "description": "Why it is acceptable; shown at every preview."},
        },
    },
}
"""For the policy's config schema: pulumi refuses what does not fit before it looks at any resource."""


class ExemptionError(ValueError):
    """An exemption in the policy config that can't be used; the message says what is missing."""


@dataclass(frozen=True)
class Exemption:
    """`resource` is a name or URN with `*` for anything."""

    resource: str
    reason: str

    def covers(self, resource: Resource) -> bool:
        """Whether it is about this resource."""
        return fnmatchcase(resource.name, self.resource) or fnmatchcase(resource.urn, self.resource)

    @classmethod
    def read(cls, rule: str, given: object) -> Self:
        """Reads one entry. Raises ExemptionError: an exemption without a reason exempts nothing."""
        entry = given if isinstance(given, Mapping) else {}
        resource, reason = entry.get("resource"), entry.get("reason")
        if not (isinstance(resource, str) and resource.strip()):
            raise ExemptionError(f"{rule}: an exemption must name its `resource`: a name or URN, with * for anything")
        if not (isinstance(reason, str) and reason.strip()):
            raise ExemptionError(f"{rule}: the exemption of {resource} must give a `reason`: say why the rule does not hold for it")
        return cls(resource, reason)


def read_all(rule: str, given: object) -> tuple[Exemption, ...]:
    """Reads the list of a rule's exemptions. Raises ExemptionError."""
    if given is None:
        return ()
    if not isinstance(given, list | tuple):
        raise ExemptionError(f"{rule}: exemptions must be a list of resource and reason")
    return tuple(Exemption.read(rule, entry) for entry in given)
