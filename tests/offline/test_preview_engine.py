"""Previews and updates of cloud resources without a cloud, under the real CLI: PULUMI_BIN, or `pulumi` on PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from offline.plugins.preview import REQUEST
from tests.offline.engine_stack import EngineStack, Result

pytestmark = pytest.mark.engine

PROGRAM = """
import json

import pulumi
import pulumi_aws as aws
from pulumi_azure_native import authorization, resources, storage

config = pulumi.Config()
bucket = aws.s3.Bucket("images", bucket=config.get("bucket") or "images-of-a-test", tags={"test": "preview"})
aws.s3.BucketPublicAccessBlock("images", bucket=bucket.id, block_public_acls=True, restrict_public_buckets=True)
tls_only = bucket.arn.apply(lambda arn: json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"],
                   "Condition": {"Bool": {"aws:SecureTransport": "false"}}}],
}))
aws.s3.BucketPolicy("images", bucket=bucket.id, policy=tls_only)
user = aws.iam.User("registry")
document = aws.iam.get_policy_document_output(statements=[{"actions": ["s3:GetObject"], "resources": [bucket.arn.apply("{}/*".format)]}])
aws.iam.UserPolicy("registry", user=user.name, policy=document.json)
key = aws.iam.AccessKey("registry", user=user.name)

group = resources.ResourceGroup("images")
account = storage.StorageAccount(
    "images", resource_group_name=group.name, kind=storage.Kind.STORAGE_V2, sku=storage.SkuArgs(name=config.get("sku") or "Standard_ZRS")
)
container = storage.BlobContainer("images", resource_group_name=group.name, account_name=account.name, container_name="images")
authorization.RoleAssignment(
    "registry",
    scope=container.id,
    principal_id="11111111-1111-4111-8111-111111111111",
    principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
    role_definition_id="/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/ba92f5b4-2d11-453d-a403-e96b0029c9fe",
)
keys = storage.list_storage_account_keys_output(account_name=account.name, resource_group_name=group.name)
existing = aws.s3.Bucket.get("existing", "somebody-elses-images")

pulumi.export("region", aws.get_region().region)
pulumi.export("arn", bucket.arn)
pulumi.export("existing", existing.bucket)
pulumi.export("accessKey", key.id)
pulumi.export("secretKey", key.secret)
pulumi.export("blob", account.primary_endpoints.blob)
pulumi.export("container", container.id)
pulumi.export("accountKey", keys.keys[0].value)
"""


def _stack(folder: Path) -> EngineStack:
    stack = EngineStack(folder)
    stack.program(PROGRAM)
    for key, value in (("aws:region", "eu-central-1"), ("azure-native:location", "westeurope")):
        assert stack.run("config", "set", key, value).code == 0
    return stack


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> EngineStack:
    stack = _stack(tmp_path_factory.mktemp("preview"))
    stack.environment[REQUEST] = "1"
    preview = stack.run("preview")
    assert preview.code == 0, preview.output
    assert "to create" in preview.output
    result = stack.up()
    assert result.code == 0, result.output
    return stack


def test_an_update_returns_what_a_cloud_would(deployed: EngineStack) -> None:
    outputs = deployed.outputs()
    assert outputs["region"] == "eu-central-1"
    assert outputs["arn"] == "arn:aws:s3:::images-of-a-test"
    assert outputs["existing"] == "somebody-elses-images"
    assert outputs["accessKey"].startswith("AKIA")
    assert outputs["blob"].endswith(".blob.core.windows.net/")
    assert outputs["container"].endswith("/blobServices/default/containers/images")
    assert len(outputs["accountKey"]) == 88


def test_secrets_are_in_no_plain_state(deployed: EngineStack) -> None:
    outputs, written = deployed.outputs(), deployed.written()
    assert outputs["accessKey"] in written, "the search itself works"
    assert outputs["secretKey"] not in written
    assert outputs["accountKey"] not in written


def test_a_second_up_and_a_refresh_change_nothing(deployed: EngineStack) -> None:
    for result in (
        deployed.up("--expect-no-changes"),
        deployed.run("refresh", "--yes", "--skip-preview", "--expect-no-changes"),
        deployed.run("preview", "--expect-no-changes"),
    ):
        assert result.code == 0, result.output


def _preview_with(stack: EngineStack, key: str, value: str) -> Result:
    """Preview with one more setting, which is gone afterwards."""
    assert stack.run("config", "set", key, value).code == 0
    result = stack.run("preview")
    assert stack.run("config", "rm", key).code == 0
    return result


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [("bucket", "Not_A_Bucket", "a bucket's name has lower-case letters"), ("sku", "Standard_XRS", "'Standard_XRS' is not one of")],
)
def test_a_wrong_value_fails_the_preview_and_says_why(deployed: EngineStack, key: str, value: str, reason: str) -> None:
    result = _preview_with(deployed, key, value)
    assert result.code != 0
    assert reason in result.output


def test_a_changed_name_replaces_the_bucket(deployed: EngineStack) -> None:
    result = _preview_with(deployed, "bucket", "other-images")
    assert result.code == 0, result.output
    assert "to replace" in result.output


def test_without_being_asked_for_the_plugins_refuse(tmp_path: Path) -> None:
    stack = _stack(tmp_path)
    result = stack.run("preview")
    assert result.code != 0
    assert (
        "this aws plugin only shows the plan of a stack that has nothing in the cloud yet (make preview), and creates nothing"
        in result.output
    )
    assert "pulumi plugin install resource aws v" in result.output


def test_many_resources_at_once_are_previewed(tmp_path: Path) -> None:
    stack = EngineStack(tmp_path)
    stack.environment[REQUEST] = "1"
    stack.program('import pulumi_aws as aws\nfor number in range(30):\n    aws.s3.Bucket(f"images-{number}")\n')
    stack.run("config", "set", "aws:region", "eu-central-1")
    result = stack.run("preview")
    assert result.code == 0, result.output
    assert "31 to create" in result.output, "thirty buckets and the stack"
