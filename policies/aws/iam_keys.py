"""Access keys where a role would do."""

from collections.abc import Iterator

from policies.aws.types import ACCESS_KEYS, INSTANCES, LAUNCH_CONFIGURATIONS, LAUNCH_TEMPLATES
from policies.rule import Finding, Resource, Result, Stack, StackResult, StackRule, about
from policies.values import View

_MACHINES = (
    *INSTANCES,
    *LAUNCH_TEMPLATES,
    *LAUNCH_CONFIGURATIONS,
    "aws:ecs/service:Service",
    "aws:ecs/taskDefinition:TaskDefinition",
    "aws:lambda/function:Function",
    "aws:eks/cluster:Cluster",
)


def _keys(stack: Stack, _: View) -> Iterator[StackResult]:
    """Unset status means Active (https://www.pulumi.com/registry/packages/aws/api-docs/iam/accesskey/)."""
    machines = stack.of(*_MACHINES)
    if machines:
        for key in stack.of(*ACCESS_KEYS):
            yield from about(key, lambda key=key: _active(key, machines[0]))


def _active(key: Resource, machine: Resource) -> Iterator[Result]:
    if key.props.text("status") != "Inactive":
        yield Finding(f"an access key in a stack whose hosts are in AWS ({machine.name})")


IAM_KEYS = StackRule(
    id="aws-iam-access-key",
    title="Hosts in AWS use a role, not an access key",
    why="An access key works from everywhere until somebody deletes it. A role's credentials are short-lived, and nobody has to keep them.",
    fix="Give the hosts an instance profile (or task role) with the same policy, and remove the access key.",
    types=ACCESS_KEYS,
    check=_keys,
)
