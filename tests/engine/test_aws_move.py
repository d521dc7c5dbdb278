"""The same stack moves from a Docker host to a fleet in AWS (docs/aws.md): the host serves until it is told to go.

The engine, the Docker host and its registry are real; AWS is the preview plugin, which creates nothing.
"""

import json

from offline.plugins.preview import REQUEST
from tests.blackbox.images import build_image
from tests.engine.conftest import MakeStack
from tests.engine.deployment import Deployment
from tests.stack_names import stack_name

PREVIEW = {REQUEST: "1"}
REPOSITORY = "move/image"
FLEET = {
    "region": "eu-central-1",
    "vpcCidr": "10.20.0.0/24",
    "internetFacing": True,
    "allowedCidrs": ["203.0.113.0/24"],
}


def _types(deployment: Deployment) -> set[str]:
    return {resource["type"] for resource in json.loads(deployment.export())["deployment"]["resources"]}


def test_the_docker_host_serves_beside_the_fleet_until_it_is_told_to_go(make_stack: MakeStack) -> None:
    stack = make_stack(stack_name("move"), replicas=1)
    stack.up()
    target, before = stack.target(), stack.outputs()
    image = build_image(REPOSITORY)
    digest = target.client().push(REPOSITORY, "1", image)
    for key in ("docker", "port"):
        del stack.settings[key]
    stack.write(platform="aws", storage="s3", s3={"bucket": "example-registry-images", "region": "eu-central-1"}, aws=FLEET)

    beside = stack.up("--exclude", "**DockerHost**", "--exclude", "**S3User**", env=PREVIEW)
    assert not [name for name, operations in beside.changed.items() if operations & {"delete", "replace"}], beside.changed
    assert {"aws:autoscaling/group:Group", "docker:index/container:Container"} <= _types(stack)
    assert target.client().pull(REPOSITORY, "1") == digest
    after = stack.outputs()
    assert after["accounts"] == before["accounts"] and after["caCertificate"] == before["caCertificate"], "clients notice nothing"
    assert after["address"].endswith(".elb.eu-central-1.amazonaws.com")

    stack.up("--exclude", f"**{stack.name}-storage", env=PREVIEW)
    left = _types(stack)
    assert "docker:index/container:Container" not in left and "aws:autoscaling/group:Group" in left
    assert not stack.docker.containers(), "the Docker host is given up"
