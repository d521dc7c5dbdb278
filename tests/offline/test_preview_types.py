"""How the preview plugins read an SDK and check values against it; no CLI."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offline.plugins.aws.vendor import Aws
from offline.plugins.azure_native.vendor import AzureNative
from offline.plugins.framework import UNKNOWN, CheckFailure, Properties, ResourceError
from offline.plugins.preview import Vendor
from offline.plugins.preview.kind import PreviewKind

BUCKET = "aws:s3/bucket:Bucket"
STORAGE = "azure-native:storage"
ACCOUNT = f"{STORAGE}:StorageAccount"
ACCOUNT_INPUTS = {"resourceGroupName": "g", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
ROLE = "azure-native:authorization:RoleAssignment"


def _vendor(token: str) -> Vendor:
    vendor = Aws() if token.startswith("aws:") else AzureNative()
    vendor.configure({"region": "eu-central-1"} if isinstance(vendor, Aws) else {"location": "westeurope"})
    return vendor


def _kind(token: str, name: str = "it") -> PreviewKind:
    vendor = _vendor(token)
    return PreviewKind(vendor, vendor.sdk.resource(token), f"urn:pulumi:dev::project::{token}::{name}")


def _failures(token: str, inputs: Properties) -> dict[str, str]:
    _, failures = _kind(token).check({}, inputs)
    return {failure.property: failure.reason for failure in failures}


def _registered(module: Any) -> tuple[str, dict[str, str]]:  # noqa: ANN401 - a class that each SDK has of its own
    return module.mod_info["fqn"], module.mod_info["classes"]


@pytest.mark.parametrize("vendor", [Aws(), AzureNative()], ids=["aws", "azure-native"])
def test_every_registered_resource_is_where_the_plugin_looks_for_it(vendor: Vendor) -> None:
    __import__(vendor.sdk.root)
    from pulumi.runtime import rpc  # noqa: PLC0415 - after the SDK registered its resources

    misplaced = {
        token: fqn
        for key, modules in rpc._RESOURCE_MODULES.items()
        if key.startswith(f"{vendor.sdk.package}:")
        for module in modules
        for fqn, classes in [_registered(module)]
        for token in classes
        if vendor.sdk.module_name(token) != fqn
    }
    assert not misplaced


def test_a_type_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ResourceError, match=r"pulumi_aws.s3 has no resource Buket; did you mean Bucket\?"):
        _kind("aws:s3/buket:Buket")
    with pytest.raises(ResourceError, match="the SDK has no module pulumi_aws"):
        _kind("aws:s4/bucket:Bucket")


@pytest.mark.parametrize(
    ("token", "inputs", "expected"),
    [
        (BUCKET, {"buckett": "abc"}, {"buckett": "no such property; did you mean bucket?"}),
        (BUCKET, {"tags": {"a": 1}}, {"tags.a": "must be text, is a number"}),
        (BUCKET, {"forceDestroy": "yes"}, {"forceDestroy": "must be true or false, is text"}),
        (BUCKET, {"tags": ["a"]}, {"tags": "must be an object, is a list"}),
        ("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "abc"}, {"policy": "is required"}),
        (
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            {"bucket": "abc", "rules": [{"id": "a", "status": "Enabled", "abortIncompleteMultipartUpload": {"days": 7}}]},
            {"rules[0].abortIncompleteMultipartUpload.days": "no such property; there are: daysAfterInitiation"},
        ),
        (
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            {"bucket": "abc", "rules": [{"status": "Enabled"}]},
            {"rules[0].id": "is required"},
        ),
        (ACCOUNT, {"resourceGroupName": "g", "kind": "StorageV2"}, {"sku": "is required"}),
    ],
)
def test_inputs_have_to_fit_the_sdks_classes(token: str, inputs: Properties, expected: dict[str, str]) -> None:
    assert _failures(token, inputs) == expected


def test_azure_values_have_to_be_among_those_of_the_sdk_even_beside_plain_text() -> None:
    failures = _failures(ACCOUNT, {"resourceGroupName": "g", "kind": "StorageV3", "sku": {"name": "Standard_LRZ"}})
    assert failures["kind"] == (
        "'StorageV3' is not one of: Storage, StorageV2, BlobStorage, FileStorage, BlockBlobStorage; did you mean StorageV2?"
    )
    assert failures["sku.name"].endswith("; did you mean Standard_LRS?")


def test_aws_takes_values_that_are_newer_than_the_sdk() -> None:
    assert not _failures("aws:s3/bucketAcl:BucketAcl", {"bucket": "abc", "acl": "some-day", "region": "mars-north-1"})


def test_what_is_not_known_yet_passes_at_any_depth() -> None:
    assert not _failures("aws:s3/bucketPolicy:BucketPolicy", {"bucket": UNKNOWN, "policy": UNKNOWN})
    assert not _failures(ACCOUNT, {"resourceGroupName": UNKNOWN, "kind": "StorageV2", "sku": {"name": UNKNOWN}, "tags": {"a": UNKNOWN}})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ab", "3 to 63"),
        ("a" * 64, "3 to 63"),
        ("Images", "lower-case"),
        ("images-", "begins and ends"),
        ("a..b", "two dots"),
        ("10.0.0.1", "IP address"),
        ("xn--images", "reserves"),
    ],
)
def test_bucket_names_follow_awss_rules(name: str, reason: str) -> None:
    assert reason in _failures(BUCKET, {"bucket": name})["bucket"]


def _policy(**changes: object) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::images/*"} | changes
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("token", "inputs", "property_", "reason"),
    [
        ("aws:iam/userPolicy:UserPolicy", {"user": "u", "policy": _policy() + "}"}, "policy", "is not valid JSON"),
        ("aws:iam/userPolicy:UserPolicy", {"user": "u", "policy": "[]"}, "policy", "JSON object"),
        ("aws:iam/userPolicy:UserPolicy", {"user": "u", "policy": _policy(Effect="Permit")}, "policy", "Allow or Deny"),
        ("aws:iam/userPolicy:UserPolicy", {"user": "u", "policy": _policy(Actions="x")}, "policy", "there is no Actions"),
        ("aws:iam/userPolicy:UserPolicy", {"user": "u", "policy": _policy(Principal="*")}, "policy", "has no Principal"),
        ("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "abc", "policy": _policy()}, "policy", "Principal is missing"),
        ("aws:iam/role:Role", {"assumeRolePolicy": _policy()}, "assumeRolePolicy", "Principal is missing"),
        ("aws:iam/accessKey:AccessKey", {"user": "u", "status": "active"}, "status", "is not one of: Active, Inactive"),
        ("aws:iam/user:User", {"name": "a b"}, "name", "an IAM name"),
        ("aws:iam/userPolicyAttachment:UserPolicyAttachment", {"user": "u", "policyArn": "mine"}, "policyArn", "is no ARN"),
        (ACCOUNT, ACCOUNT_INPUTS | {"accountName": "my-images"}, "accountName", "3 to 24"),
        (f"{STORAGE}:BlobContainer", {"resourceGroupName": "g", "accountName": "a", "containerName": "a--b"}, "containerName", "hyphens"),
        (ROLE, {"principalId": "p", "roleDefinitionId": "Owner", "scope": "/s"}, "roleDefinitionId", "no role"),
        (ROLE, {"principalId": "p", "roleDefinitionId": UNKNOWN, "scope": "subscriptions/s"}, "scope", "no resource id"),
    ],
)
def test_what_the_clouds_refuse_is_refused(token: str, inputs: Properties, property_: str, reason: str) -> None:
    assert reason in _failures(token, inputs)[property_]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"region": "eu-central-1", "defaultTags": {"tags": {"a": "b"}}, "maxRetries": "3", "skipRegionValidation": "true"}, []),
        ({"region": UNKNOWN}, []),
        ({"region": "eu-central-1", "regoin": "x"}, [CheckFailure("regoin", "no such property; did you mean region?")]),
        ({"region": "eu-central-1", "maxRetries": "many"}, [CheckFailure("maxRetries", "must be a whole number, is text")]),
    ],
)
def test_provider_settings_are_those_of_the_sdk(
    settings: Properties, expected: list[CheckFailure], monkeypatch: pytest.MonkeyPatch
) -> None:
    from offline.plugins.aws import PLUGIN  # noqa: PLC0415
    from offline.plugins.preview import REQUEST  # noqa: PLC0415

    monkeypatch.setenv(REQUEST, "1")
    assert list(PLUGIN.check_config(settings)) == expected


def test_aws_needs_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert "config set aws:region" in Aws().check_settings({})[0].reason
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert not Aws().check_settings({})
