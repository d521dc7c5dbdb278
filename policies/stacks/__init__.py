"""Rules on how the resources of a stack go together."""

from policies.rule import AnyRule
from policies.stacks import exposure, fleet

RULES: tuple[AnyRule, ...] = (*exposure.RULES, *fleet.RULES)
