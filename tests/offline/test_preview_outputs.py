"""What the preview plugins answer: outputs, ids, changes, functions, and the refusal; over gRPC, no CLI."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from offline.plugins.aws.vendor import Aws
from offline.plugins.azure_native.vendor import AzureNative
from offline.plugins.framework import UNKNOWN, Properties
from offline.plugins.framework.codec import Decoded, decode, encode
from offline.plugins.framework.proto import provider_pb2, provider_pb2_grpc
from offline.plugins.preview import PLAN, REQUEST, preview_plugin
from offline.plugins.preview.permission import installed_vendor_plugin
from tests.offline.plugin_client import Client, call_error, served

ROOT = Path(__file__).parents[2]
Stub = provider_pb2_grpc.ResourceProviderStub
BUCKET = "aws:s3/bucket:Bucket"
ACCOUNT = "azure-native:storage:StorageAccount"
ACCOUNT_INPUTS = {"resourceGroupName": "g", "accountName": "images", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.setenv(REQUEST, "1")
    with served(preview_plugin(Aws())) as stub:
        settings = {"region": "eu-central-1", "defaultTags": json.dumps({"tags": {"owner": "us"}})}
        stub.Configure(provider_pb2.ConfigureRequest(args=encode(settings)))
        yield stub


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.setenv(REQUEST, "1")
    monkeypatch.delenv("ARM_SUBSCRIPTION_ID", raising=False)
    with served(preview_plugin(AzureNative())) as stub:
        stub.Configure(provider_pb2.ConfigureRequest(args=encode({"location": "westeurope"})))
        yield stub


def _invoke(stub: Stub, token: str, arguments: Properties) -> Decoded:
    answer = stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode(arguments)))
    return decode(getattr(answer, "return"))


def test_a_preview_knows_inputs_and_nothing_that_only_creation_tells(aws: Stub) -> None:
    _, outputs = Client(aws, BUCKET).create({"bucket": "images", "tags": {"a": "b"}}, preview=True)
    assert outputs.values["bucket"] == "images"
    assert outputs.values["tagsAll"] == {"owner": "us", "a": "b"}
    assert all(outputs.values[name] is UNKNOWN for name in ("id", "arn", "bucketDomainName", "hostedZoneId"))


def test_a_created_bucket_looks_like_one(aws: Stub) -> None:
    resource_id, outputs = Client(aws, BUCKET).create({"bucket": "images", "region": "eu-central-1"})
    assert resource_id == "images"
    assert outputs.values["arn"] == "arn:aws:s3:::images"
    assert outputs.values["bucketRegionalDomainName"] == "images.s3.eu-central-1.amazonaws.com"


def test_names_are_made_up_and_kept(aws: Stub) -> None:
    client = Client(aws, BUCKET)
    name = decode(client.check({}).inputs).values["bucket"]
    assert re.fullmatch("it-[0-9a-f]{7}", name)
    again = aws.Check(provider_pb2.CheckRequest(urn=client.urn, olds=encode({"bucket": "from-before"}), news=encode({})))
    assert decode(again.inputs).values["bucket"] == "from-before"


def test_an_access_key_has_a_secret_and_is_the_same_in_each_run(aws: Stub) -> None:
    key, outputs = Client(aws, "aws:iam/accessKey:AccessKey").create({"user": "u"})
    assert re.fullmatch("AKIA[A-Z2-7]{16}", key)
    assert len(outputs.values["secret"]) == 40
    assert {("secret",), ("sesSmtpPasswordV4",)} <= set(outputs.secrets)
    assert "encryptedSecret" not in outputs.values
    assert Client(aws, "aws:iam/accessKey:AccessKey").create({"user": "u"})[1] == outputs
    assert Client(aws, "aws:iam/accessKey:AccessKey").create({"user": "other"})[0] != key


@pytest.mark.parametrize(
    ("token", "inputs", "arn"),
    [
        ("aws:iam/user:User", {"name": "u", "path": "/apps/"}, "arn:aws:iam::123456789012:user/apps/u"),
        ("aws:iam/role:Role", {"name": "r", "assumeRolePolicy": "{}"}, "arn:aws:iam::123456789012:role/r"),
        ("aws:iam/policy:Policy", {"name": "p", "policy": "{}"}, "arn:aws:iam::123456789012:policy/p"),
        ("aws:ecs/cluster:Cluster", {"name": "c", "region": "us-east-1"}, "arn:aws:ecs:us-east-1:123456789012:cluster/c"),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "/a/b"}, "arn:aws:logs:eu-central-1:123456789012:log-group:/a/b"),
    ],
)
def test_arns_have_awss_form(aws: Stub, token: str, inputs: Properties, arn: str) -> None:
    assert Client(aws, token).create(inputs)[1].values["arn"] == arn


def test_a_created_storage_account_looks_like_one(azure: Stub) -> None:
    inputs = ACCOUNT_INPUTS | {"location": "westeurope", "identity": {"type": "SystemAssigned"}}
    resource_id, outputs = Client(azure, ACCOUNT).create(inputs)
    assert resource_id == f"{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/images"
    assert outputs.values["name"] == "images"
    assert outputs.values["primaryEndpoints"]["blob"] == "https://images.blob.core.windows.net/"
    assert re.fullmatch("[0-9a-f-]{36}", outputs.values["identity"]["principalId"])


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        ("azure-native:resources:ResourceGroup", {"resourceGroupName": "g"}, f"{SUBSCRIPTION}/resourceGroups/g"),
        (
            "azure-native:storage:BlobContainer",
            {"resourceGroupName": "g", "accountName": "a", "containerName": "c"},
            f"{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a/blobServices/default/containers/c",
        ),
        (
            "azure-native:authorization:RoleAssignment",
            {"scope": "/subscriptions/s", "roleAssignmentName": "n", "principalId": "p", "roleDefinitionId": "r"},
            "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/n",
        ),
    ],
)
def test_azures_ids_are_paths(azure: Stub, token: str, inputs: Properties, path: str) -> None:
    assert Client(azure, token).create(inputs)[0] == path


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (BUCKET, {"bucket": "images", "region": "eu-central-1"}),
        ("aws:iam/user:User", {"name": "u"}),
        ("aws:lb/loadBalancer:LoadBalancer", {"name": "front", "region": "eu-central-1"}),
        ("azure-native:storage:BlobContainer", {"resourceGroupName": "g", "accountName": "a", "containerName": "c"}),
    ],
)
def test_an_existing_resource_is_told_from_its_id_alone(aws: Stub, azure: Stub, token: str, inputs: Properties) -> None:
    client = Client(aws if token.startswith("aws:") else azure, token)
    resource_id, made = client.create(inputs)
    answer = client.read(resource_id, {}, {})
    assert decode(answer.inputs).values == inputs
    assert decode(answer.properties).values.get("arn") == made.values.get("arn")


def test_a_refresh_changes_nothing(aws: Stub) -> None:
    inputs = {"user": "u"}
    client = Client(aws, "aws:iam/accessKey:AccessKey")
    key, made = client.create(inputs)
    answer = client.read(key, inputs, made.values, made.secrets)
    assert (answer.id, decode(answer.inputs).values, decode(answer.properties)) == (key, inputs, made)


def test_changes_update_in_place_or_replace(aws: Stub, azure: Stub) -> None:
    bucket = Client(aws, BUCKET)
    olds = {"bucket": "images", "tags": {"a": "b"}}
    answer = bucket.diff(olds, olds, {"bucket": "images"})
    assert (list(answer.diffs), list(answer.replaces)) == (["tags"], [])
    answer = bucket.diff(olds, olds, olds | {"bucket": "other"})
    assert (list(answer.replaces), answer.deleteBeforeReplace) == (["bucket"], False)
    assert bucket.diff(olds, olds, olds).changes == provider_pb2.DiffResponse.DIFF_NONE
    account = Client(azure, ACCOUNT)
    answer = account.diff(ACCOUNT_INPUTS, ACCOUNT_INPUTS, ACCOUNT_INPUTS | {"location": "northeurope", "allowBlobPublicAccess": False})
    assert list(answer.replaces) == ["location"]
    assert answer.deleteBeforeReplace, "two accounts cannot have one name"


def test_an_update_keeps_what_creation_told(aws: Stub) -> None:
    client = Client(aws, BUCKET)
    _, made = client.create({"bucket": "images"})
    updated = client.update(made.values, {"bucket": "images", "tags": {"a": "b"}})
    assert updated.values["tagsAll"] == {"owner": "us", "a": "b"}
    assert updated.values["hostedZoneId"] == made.values["hostedZoneId"]


def test_a_policy_document_is_built_as_iam_writes_it(aws: Stub) -> None:
    statement = {
        "sid": "TlsOnly",
        "effect": "Deny",
        "actions": ["s3:*"],
        "resources": ["arn:aws:s3:::b/*", "arn:aws:s3:::b"],
        "principals": [{"type": "*", "identifiers": ["*"]}],
        "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]}],
    }
    outputs = _invoke(aws, "aws:iam/getPolicyDocument:getPolicyDocument", {"statements": [statement, {"actions": ["s3:GetObject"]}]}).values
    assert json.loads(outputs["json"]) == json.loads(outputs["minifiedJson"])
    assert json.loads(outputs["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
                "Principal": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
            {"Effect": "Allow", "Action": "s3:GetObject"},
        ],
    }


def test_functions_answer_for_the_configured_region_and_account(aws: Stub) -> None:
    assert _invoke(aws, "aws:index/getRegion:getRegion", {}).values["region"] == "eu-central-1"
    assert _invoke(aws, "aws:index/getCallerIdentity:getCallerIdentity", {}).values["accountId"] == "123456789012"
    zones = _invoke(aws, "aws:index/getAvailabilityZones:getAvailabilityZones", {"state": "available"}).values
    assert zones["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert _invoke(aws, "aws:ec2/getVpc:getVpc", {"default": True}).values["id"].startswith("vpc-")
    subnets = _invoke(aws, "aws:ec2/getSubnets:getSubnets", {"filters": [{"name": "vpc-id", "values": ["vpc-1"]}]})
    assert len(set(subnets.values["ids"])) == 3
    assert _invoke(aws, "aws:s3/getBucket:getBucket", {"bucket": "b"}).values["arn"] == "arn:aws:s3:::b"
    assert ("value",) in _invoke(aws, "aws:ssm/getParameter:getParameter", {"name": "/a"}).secrets


def test_storage_account_keys_are_secret(azure: Stub) -> None:
    answer = _invoke(azure, "azure-native:storage:listStorageAccountKeys", {"accountName": "a", "resourceGroupName": "g"})
    assert [key["keyName"] for key in answer.values["keys"]] == ["key1", "key2"]
    assert answer.secrets == (("keys",),)
    found = _invoke(azure, "azure-native:storage:getStorageAccount", {"accountName": "a", "resourceGroupName": "g"}).values
    assert found["primaryEndpoints"]["blob"] == "https://a.blob.core.windows.net/"
    config = _invoke(azure, "azure-native:authorization:getClientConfig", {}).values
    assert SUBSCRIPTION.endswith(config["subscriptionId"])


@pytest.mark.parametrize(
    ("token", "arguments", "reason"),
    [
        ("aws:ec2/getInstance:getInstance", {}, "does not answer this function, only: aws:ec2/getAmi"),
        ("aws:s3/getBucket:getBucket", {}, "bucket: is required"),
        ("aws:s3/getBucket:getBucket", {"bucket": "b", "reegion": "x"}, "reegion: no such property; did you mean region?"),
    ],
)
def test_function_calls_that_make_no_sense_say_so(aws: Stub, token: str, arguments: Properties, reason: str) -> None:
    assert reason in call_error(lambda: _invoke(aws, token, arguments)).details()


def test_without_being_asked_for_nothing_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUEST, raising=False)
    with served(preview_plugin(AzureNative())) as stub:
        client = Client(stub, ACCOUNT)
        for call in (
            lambda: client.check(ACCOUNT_INPUTS),
            lambda: client.create(ACCOUNT_INPUTS),
            lambda: client.delete({}),
            lambda: stub.Configure(provider_pb2.ConfigureRequest()),
            lambda: stub.CheckConfig(provider_pb2.CheckRequest()),
            lambda: _invoke(stub, "azure-native:authorization:getClientConfig", {}),
        ):
            details = call_error(call).details()
            assert re.fullmatch(
                r"this azure-native plugin only shows the plan of a stack that has nothing in the cloud yet \(make preview\), and creates "
                r"nothing; install the vendor's plugin to deploy: pulumi plugin install resource azure-native v\d+\.\d+\.\d+",
                details,
            )


def test_for_a_plan_it_pretends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUEST, PLAN)
    with served(preview_plugin(AzureNative())) as stub:
        client = Client(stub, ACCOUNT)
        client.check(ACCOUNT_INPUTS)
        for call in (lambda: client.create(ACCOUNT_INPUTS), lambda: client.delete({})):
            assert "this azure-native plugin only previews" in str(call_error(call).details()), "a real stack would believe it"


def test_an_installed_vendor_plugin_is_found_where_the_cli_puts_it(tmp_path: Path) -> None:
    environment = {"PULUMI_HOME": str(tmp_path)}
    assert installed_vendor_plugin("aws", "7.0.0", environment) is None
    program = tmp_path / "plugins" / "resource-aws-v7.0.0" / "pulumi-resource-aws"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert installed_vendor_plugin("aws", "7.0.0", environment) == program
    assert installed_vendor_plugin("aws", "7.0.1", environment) is None


def test_the_plugin_hands_over_to_an_installed_vendor_plugin(tmp_path: Path) -> None:
    program = tmp_path / "plugins" / f"resource-aws-v{version('pulumi-aws')}" / "pulumi-resource-aws"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "the vendor\'s: $@"\n')
    program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != REQUEST} | {"PULUMI_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "offline.plugins.aws", "127.0.0.1:1"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == "the vendor's: 127.0.0.1:1\n"


def test_no_connection_is_opened(aws: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    Client(aws, BUCKET).create({"bucket": "images"})
    _invoke(aws, "aws:index/getCallerIdentity:getCallerIdentity", {})
