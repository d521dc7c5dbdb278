"""Rules on how containers run."""

from policies.containers import isolation, operation
from policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (*isolation.RULES, *operation.RULES)
