"""All rules, in the order of the reference: one tuple `RULES` a group, put together from its modules."""

from policies import aws, azure, containers, registry, stacks
from policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (*registry.RULES, *containers.RULES, *stacks.RULES, *aws.RULES, *azure.RULES)
