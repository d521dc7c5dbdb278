"""Auto Scaling groups: whether sick hosts and old ones are replaced, and how gently."""

from collections.abc import Iterator

from policies.aws.types import SCALING_GROUPS
from policies.rule import Finding, Level, Parameter, Resource, Result, Rule
from policies.values import View

_TARGETS = ("targetGroupArns", "loadBalancers", "trafficSources")
_DEFAULT_LEAST = 90
"""https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html (MinHealthyPercentage)."""


def _health(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means EC2: a host counts as healthy while it is switched on
    (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html)."""
    props = resource.props
    kinds = (props.text("healthCheckType") or "EC2").split(",")
    if any(props.has(key) for key in _TARGETS) and "ELB" not in kinds:
        yield Finding(f"healthCheckType is {props.text('healthCheckType') or 'not set'}: hosts that the load balancer gave up are kept")


GROUP_HEALTH = Rule(
    id="aws-fleet-health-check",
    title="A host that the load balancer finds unhealthy is replaced",
    why="A host that runs and does not serve stays for ever, and the next one that fails finds nobody beside it.",
    fix="Set healthCheckType to ELB, and healthCheckGracePeriod to what a host takes to start.",
    level=Level.ADVISORY,
    types=SCALING_GROUPS,
    check=_health,
)


def _refresh(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means that a new version of the launch template waits for hosts to fail one day."""
    refresh = resource.props.view("instanceRefresh")
    if not resource.props.has("instanceRefresh"):
        yield Finding("instanceRefresh is not set: a new bundle, image or launch template reaches no host that runs")
        return
    preferences = refresh.view("preferences")
    least, wanted = preferences.number("minHealthyPercentage"), parameters.number("leastHealthyPercentage") or 0
    if (least if least is not None else _DEFAULT_LEAST) < wanted:
        shown = f"{least:.0f}" if least is not None else f"not set, which means {_DEFAULT_LEAST}"
        yield Finding(
            f"{preferences.at('minHealthyPercentage')} is {shown}, less than {wanted:.0f}: capacity is missing while hosts change"
        )


GROUP_REFRESH = Rule(
    id="aws-fleet-instance-refresh",
    title="A change reaches all hosts, and none of the capacity is missing meanwhile",
    why="Hosts that keep an old version keep its holes, and a fleet that shrinks for an update can't carry the load of a full one.",
    fix="Set instanceRefresh with strategy Rolling, minHealthyPercentage 100 and maxHealthyPercentage above it.",
    level=Level.ADVISORY,
    types=SCALING_GROUPS,
    parameters={"leastHealthyPercentage": Parameter(100, "The share of the hosts that has to stay healthy during a change.")},
    check=_refresh,
)
