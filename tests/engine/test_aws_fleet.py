"""The AWS example on the real engine with the preview plugin: the whole plan, the policy pack, an update, and nothing to do after it.

Nothing of AWS is asked: what can be shown without an account is that program, plugin and policies agree.
"""

import base64
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from offline.plugins.preview import REQUEST
from tests.engine.checkout import REPO, Checkout
from tests.engine.deployment import PREFIX, Deployment, Update
from tests.engine.make_run import MakeRun
from tests.stack_names import stack_name

PREVIEW = {REQUEST: "1"}
PACK = ("--policy-pack", "policies")
EXAMPLE = "Pulumi.aws.yaml"
CANARY = "Canary-5d1f-of-a-person-who-chose-it"
WANTED = (
    *("ec2:Vpc", "ec2:Subnet", "ec2:NatGateway", "ec2:VpcEndpoint", "ec2:SecurityGroup", "vpc:SecurityGroupIngressRule"),
    *("ec2:LaunchTemplate", "autoscaling:Group", "lb:LoadBalancer", "lb:TargetGroup", "lb:Listener"),
    *("elasticache:ReplicationGroup", "secretsmanager:SecretVersion", "iam:RolePolicy", "iam:InstanceProfile"),
    *("s3:BucketObjectv2", "s3:BucketPolicy", "s3:BucketVersioning", "s3:BucketPublicAccessBlock"),
)


def _said(text: str, level: str) -> list[str]:
    """Names of the policies that had something to say, by level."""
    return re.findall(rf"\[{level}\]\s+(\S+)", text)


def test_make_preview_shows_the_whole_plan_and_no_violation(tmp_path: Path) -> None:
    runner = MakeRun(Checkout.copy(tmp_path))
    stack = stack_name("awsmake")
    (runner.folder / f"Pulumi.{stack}.yaml").write_text((REPO / EXAMPLE).read_text())
    done = runner.make("preview", stack, check=True)
    assert "the kit's shows the plan" in done.text, "a plan that no cloud was asked about must say so"
    assert not [kind for kind in WANTED if f"aws:{kind} " not in done.text], done.text
    assert "errored" not in done.text
    assert _said(done.text, "mandatory") == [], done.text
    assert set(_said(done.text, "advisory")) <= {"undecided", "stack-undecided"}, done.text


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The example, with an account's password that a person chose, "deployed"."""
    config = yaml.safe_load((REPO / EXAMPLE).read_text())["config"]
    settings = {key.removeprefix(f"{PREFIX}:"): value for key, value in config.items()}
    deployment = Deployment(Checkout.copy(tmp_path_factory.mktemp("aws")), stack_name("aws"), settings)
    deployment.create()
    deployment.write(auth={"users": [{"name": "admin"}, {"name": "person"}]})
    deployment.set_secret("auth.users[1].password", CANARY)
    made = deployment.up(*PACK, env=PREVIEW)
    assert _said(made.text, "mandatory") == [], made.text
    assert set(_said(made.text, "advisory")) == set(), f"at an update everything is known:\n{made.text}"
    yield deployment


def _resources(fleet: Deployment, suffix: str, *args: str) -> list[dict[str, Any]]:
    found = json.loads(fleet.export(*args))["deployment"]["resources"]
    return [resource for resource in found if resource["type"].endswith(suffix)]


def _preview(fleet: Deployment, **changed: Any) -> Update:  # noqa: ANN401 - whatever a stack file can hold
    """Previews other settings; the stack file is as before afterwards."""
    before = fleet.stack_file.read_text()
    settings = fleet.settings
    try:
        fleet.write(**changed)
        return fleet.preview(*PACK, env=PREVIEW)
    finally:
        fleet.stack_file.write_text(before)
        fleet.settings = settings


def test_afterwards_there_is_nothing_to_do(fleet: Deployment) -> None:
    again = fleet.preview(*PACK, env=PREVIEW)
    again.assert_unchanged("nothing of the program changed")
    assert _said(again.text, "(?:mandatory|advisory)") == [], again.text
    refreshed = fleet.checkout.pulumi(
        "refresh", "--stack", fleet.stack, "--yes", "--skip-preview", "--expect-no-changes", env=PREVIEW, check=False
    )
    assert refreshed.code == 0, refreshed.text


def test_the_outputs_say_where_to_go(fleet: Deployment) -> None:
    outputs = fleet.outputs()
    assert re.fullmatch(r"registry-[a-z0-9-]+-[0-9a-f]{16}\.elb\.eu-central-1\.amazonaws\.com", outputs["address"])
    assert outputs["url"] == "https://registry.example.com"
    assert outputs["accounts"]["person"] == CANARY


def test_no_secret_stands_anywhere_in_the_clear(fleet: Deployment) -> None:
    secrets = [*fleet.secrets(), base64.b64encode(CANARY.encode()).decode()]
    assert len(secrets) > 5
    (template,) = _resources(fleet, ":LaunchTemplate")
    (bundle,) = _resources(fleet, ":BucketObjectv2")
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(bundle["inputs"]["contentBase64"]))) as archive:
        unpacked = b"".join(found.read() for member in archive if (found := archive.extractfile(member)))
    places = {
        "the state": fleet.export().encode(),
        "the state on disk": b"".join(file.read_bytes() for file in fleet.checkout.state.rglob("*") if file.is_file()),
        "the stack file": fleet.stack_file.read_bytes(),
        "the user data": base64.b64decode(template["inputs"]["userData"]),
        "the bundle": unpacked,
    }
    assert b"@@htpasswd@@" in places["the bundle"], "the search looks into the archive"
    assert b"secretsmanager" in places["the user data"], "and into the user data"
    for where, content in places.items():
        assert [secret for secret in secrets if secret.encode() in content] == [], where


def test_the_secret_has_everything_that_hosts_need_and_only_there(fleet: Deployment) -> None:
    (version,) = _resources(fleet, ":SecretVersion", "--show-secrets")
    values = json.loads(json.loads(version["inputs"]["secretString"]["plaintext"]))
    assert all(values.values()), [key for key, value in values.items() if not value]
    (cache,) = _resources(fleet, ":ReplicationGroup", "--show-secrets")
    assert json.loads(cache["inputs"]["authToken"]["plaintext"]) == values["redis_password"]
    assert cache["outputs"]["primaryEndpointAddress"] == values["redis_host"]


def test_another_bundle_is_a_new_object_and_a_new_version_that_the_group_rolls_out(fleet: Deployment) -> None:
    changed = _preview(fleet, replicas=3).changed
    by_kind = {name.split(" ")[0]: operations for name, operations in changed.items()}
    assert by_kind.keys() == {"BucketObjectv2", "LaunchTemplate", "Group"}, changed
    assert by_kind["LaunchTemplate"] == {"update"}
    assert by_kind["Group"] == {"update"}


def test_another_account_is_a_new_secret_and_no_new_host(fleet: Deployment) -> None:
    changed = _preview(fleet, auth={"users": [{"name": "admin"}]}).changed
    kinds = {name.split(" ")[0] for name in changed}
    assert "SecretVersion" in kinds, changed
    assert not kinds & {"LaunchTemplate", "Group", "BucketObjectv2"}, changed


def test_a_registry_for_everyone_has_to_be_accepted(fleet: Deployment, tmp_path: Path) -> None:
    settings = {**fleet.settings["aws"], "allowedCidrs": ["0.0.0.0/0"]}
    before = fleet.stack_file.read_text()
    try:
        fleet.write(aws=settings)
        refused = fleet.preview(*PACK, check=False, env=PREVIEW)
        accepted = tmp_path / "policies.json"
        accepted.write_text(json.dumps({"aws-ingress-world-https": {"accepted": True}}))
        allowed = fleet.preview(*PACK, "--policy-pack-config", str(accepted), env=PREVIEW)
    finally:
        fleet.write(aws={**settings, "allowedCidrs": ["203.0.113.0/24"]})
        fleet.stack_file.write_text(before)
    assert refused.done.code != 0
    assert set(_said(refused.text, "mandatory")) == {"aws-ingress-world-https"}, refused.text
    assert "port 443 is open to 0.0.0.0/0" in refused.text
    assert _said(allowed.text, "mandatory") == []


ACCOUNT = "eu-central-1:123456789012"
KEY = f"arn:aws:kms:{ACCOUNT}:key/0f0e0d0c-0000-4000-8000-000000000000"
VARIANTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "all": (
        {
            "tls": {"mode": "acm"},
            "hosts": 3,
            "aws": {
                "nat": "perZone",
                "certificateArn": f"arn:aws:acm:{ACCOUNT}:certificate/0f0e0d0c-0000-4000-8000-000000000000",
                "alarmTopicArn": f"arn:aws:sns:{ACCOUNT}:registry-alarms",
                "route53ZoneId": "Z0123456789ABCDEFGHIJ",
                "kmsKey": KEY,
                "permissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
            },
        },
        ("MetricAlarm", "Record", "NatGateway"),
    ),
    "own": (
        {
            "aws": {
                "vpcCidr": None,
                "nat": None,
                "internetFacing": False,
                "vpcId": "vpc-0123456789abcdef0",
                "subnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
                "instanceType": "t3.medium",
            }
        },
        ("LoadBalancer", "Group"),
    ),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_other_fleets_pass_the_pack_too_and_stay_as_they_are(fleet: Deployment, name: str) -> None:
    changed, kinds = VARIANTS[name]
    aws = {key: value for key, value in {**fleet.settings["aws"], **changed["aws"]}.items() if value is not None}
    settings = {**fleet.settings, **changed, "auth": {"users": [{"name": "admin"}]}, "aws": aws}
    other = Deployment(fleet.checkout, stack_name(f"aws{name}"), settings)
    other.create()
    made = other.up(*PACK, env=PREVIEW)
    assert _said(made.text, "(?:mandatory|advisory)") == [], made.text
    made_kinds = {step.short_type for step in made.steps}
    assert not set(kinds) - made_kinds, made_kinds
    assert ("Vpc" in made_kinds) == ("vpcCidr" in aws)
    other.preview(env=PREVIEW).assert_unchanged("nothing of the program changed")
