"""How the `ops` tool is run on a fleet: on one of its hosts, through Session Manager."""

import shlex

from bundle.compose import container_name
from bundle.operations import OPS_COMMAND
from components.aws_account import STACK_TAG


def ops_command(name: str, region: str) -> str:
    """A command to be followed by the arguments of `ops`, such as `status`. Needs the AWS command line with its session-manager-plugin.

    It takes the oldest running host with the stack's tag, which is least likely to be still starting. Arguments may hold no quotes or
    blanks: Session Manager takes one line of text. It hands no exit code back either.
    """
    inside = f"sudo docker exec {container_name('ops')} {' '.join(OPS_COMMAND)}"
    script = (
        f"host=$(aws ec2 describe-instances --region {region} --output text"
        f" --filters Name=tag:{STACK_TAG},Values={name} Name=instance-state-name,Values=running"
        " --query 'sort_by(Reservations[].Instances[], &LaunchTime)[0].InstanceId') && "
        f'exec aws ssm start-session --region {region} --target "$host" --document-name AWS-StartInteractiveCommand'
        f' --parameters "{{\\"command\\":[\\"{inside} $*\\"]}}"'
    )
    return f"sh -c {shlex.quote(script)} ops"
