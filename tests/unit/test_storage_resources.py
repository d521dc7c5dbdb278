"""What the storages create, and what the registry is told. Mocks stand in for the clouds; tests/storage runs real servers."""

import json
from typing import Any

import pytest
import yaml

from bundle.build import build
from bundle.model import RegistryMajor, Values
from bundle.registry_config import unknown_keys
from components.registry import bundle_spec
from components.settings.model import Settings
from components.storage.azure_blob import azure_spec
from components.storage.filesystem import filesystem_storage
from components.storage.s3 import s3_spec
from components.storage.s3_policy import registry_policy
from tests.certificates import make_ca
from tests.unit.engine_mocks import Run, is_secret_input, run_program, settings_of
from tests.unit.test_storage_settings import AZURITE, ENDPOINT, KEY, azure, s3


def _s3(run: Run, kind: str) -> dict[str, Any]:
    return run.mocks.one(f"aws:s3/{kind}", "registry-test-images").inputs


@pytest.fixture(scope="module")
def new_bucket() -> Run:
    return run_program(s3(region="eu-central-1", prefix="prod"))


def test_a_new_bucket_is_private(new_bucket: Run) -> None:
    block = _s3(new_bucket, "bucketPublicAccessBlock:BucketPublicAccessBlock")
    assert all(block[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))
    assert _s3(new_bucket, "bucketOwnershipControls:BucketOwnershipControls")["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_a_new_bucket_is_encrypted_versioned_and_cleaned(new_bucket: Run) -> None:
    rule = _s3(new_bucket, "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")["rules"][0]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}
    assert _s3(new_bucket, "bucketVersioning:BucketVersioning")["versioningConfiguration"] == {"status": "Enabled"}
    rules = {rule["id"]: rule for rule in _s3(new_bucket, "bucketLifecycleConfiguration:BucketLifecycleConfiguration")["rules"]}
    assert rules["abort-unfinished-uploads"]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert rules["expire-old-versions"]["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert all("expiration" not in rule for rule in rules.values()), "an expiry of current objects would delete images"


def test_a_new_bucket_takes_tls_only(new_bucket: Run) -> None:
    policy = json.loads(_s3(new_bucket, "bucketPolicy:BucketPolicy")["policy"])
    denied = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert {statement["Effect"] for statement in denied.values()} == {"Deny"}
    assert denied["OnlyOverTls"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied["OnlyTls12OrNewer"]["Condition"] == {"NumericLessThan": {"s3:TlsVersion": "1.2"}}


def test_a_kms_key_encrypts_the_bucket_and_may_be_used_by_the_registry() -> None:
    key = "arn:aws:kms:eu-central-1:123456789012:key/0f0e"
    run = run_program(s3(kmsKey=key, region="eu-central-1"))
    rule = _s3(run, "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")["rules"][0]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": key}
    statements = json.loads(run.mocks.one(":UserPolicy", "registry-test-registry").inputs["policy"])["Statement"]
    assert {"Sid": "UseTheKey", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey"], "Resource": key} in statements


@pytest.mark.parametrize("now", [None, f"{KEY}2"])
def test_images_under_a_former_key_can_still_be_read_and_nothing_is_written_under_it(now: str | None) -> None:
    run = run_program(s3(kmsKeysOfOldImages=[KEY], **({"kmsKey": now} if now else {})))
    statements = json.loads(run.mocks.one(":UserPolicy", "registry-test-registry").inputs["policy"])["Statement"]
    keys = {entry["Sid"]: (entry["Action"], entry["Resource"]) for entry in statements if "kms:" in json.dumps(entry["Action"])}
    assert keys.pop("ReadOldImages") == ("kms:Decrypt", [KEY])
    assert keys == ({"UseTheKey": (["kms:Decrypt", "kms:GenerateDataKey"], now)} if now else {})


def test_an_existing_bucket_with_a_kms_key_can_be_used_and_is_not_touched() -> None:
    values = s3(createBucket=False, kmsKey=KEY)
    run = run_program(values)
    assert not [resource for resource in run.mocks.resources if resource.type.startswith("aws:s3/")]
    statements = json.loads(run.mocks.one(":UserPolicy", "registry-test-registry").inputs["policy"])["Statement"]
    assert [entry["Resource"] for entry in statements if entry["Sid"] == "UseTheKey"] == [KEY]
    settings = settings_of(**values).s3
    assert settings is not None
    parameters = s3_spec(settings, RegistryMajor.V3).parameters
    assert (parameters["encrypt"], parameters["keyid"]) == (True, KEY)


@pytest.mark.parametrize(("allow", "protected"), [(False, True), (True, False)])
def test_a_new_bucket_is_protected_from_deletion(allow: bool, protected: bool) -> None:
    run = run_program({**s3(), "allowDestroy": allow})
    bucket = run.mocks.one("aws:s3/bucket:Bucket", "registry-test-images")
    assert bucket.protect is protected
    assert bucket.inputs["forceDestroy"] is allow


def test_a_bucket_that_is_kept_stays_as_closed_as_it_was(new_bucket: Run) -> None:
    settings = [found for found in new_bucket.mocks.resources if found.type.startswith("aws:s3/bucket") and not found.protect]
    assert len(settings) == 6, "ownership, public access block, encryption, versioning, lifecycle, policy"
    for found in settings:
        assert found.retain_on_delete, f"`make down` keeps the bucket and would take its {found.type.rpartition(':')[2]} away"


def test_an_access_log_is_a_setting() -> None:
    assert _s3(run_program(s3(accessLogBucket="logs-of-team")), "bucketLogging:BucketLogging")["targetBucket"] == "logs-of-team"
    assert not run_program(s3()).mocks.of_type(":BucketLogging")


def test_an_existing_bucket_is_not_touched() -> None:
    run = run_program(s3(createBucket=False, region="cn-north-1"))
    assert not [resource for resource in run.mocks.resources if resource.type.startswith("aws:s3/")]
    policy = run.mocks.one(":UserPolicy", "registry-test-registry").inputs["policy"]
    assert "arn:aws-cn:s3:::team-images" in policy


def test_the_registrys_user_may_use_its_prefix_and_nothing_else() -> None:
    statements = registry_policy("arn:aws:s3:::b", "prod")["Statement"]
    assert isinstance(statements, list)
    for statement in statements:
        assert "*" not in json.dumps(statement["Action"]), "an action with a wildcard grants what nobody listed"
        assert statement["Resource"] in ("arn:aws:s3:::b", "arn:aws:s3:::b/prod/*")
    listing = next(statement for statement in statements if "s3:ListBucket" in statement["Action"])
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["prod", "prod/*"]}}


def test_two_access_keys_overlap_while_they_are_rotated() -> None:
    run = run_program(s3(accessKeys=["2026-11", "2025-11"]))
    assert [key.name for key in run.mocks.of_type(":AccessKey")] == ["registry-test-registry-2026-11", "registry-test-registry-2025-11"]
    renamed = run_program(s3(accessKeys=["2026-11"]))
    assert [key.name for key in renamed.mocks.of_type(":AccessKey")] == ["registry-test-registry-2026-11"], "the new key must stay the same"


@pytest.mark.parametrize("values", [{"storage": "s3", "s3": ENDPOINT}, {"storage": "azure", "azureBlob": AZURITE}])
def test_nothing_is_created_for_an_endpoint(values: dict[str, Any]) -> None:
    run = run_program(values)
    clouds = [resource for resource in run.mocks.resources if resource.type.startswith(("aws:", "azure-native:", "pulumi:providers:a"))]
    assert clouds == [], "a compatible server needs no cloud account"


@pytest.mark.parametrize(
    "values",
    [s3(), {"storage": "s3", "s3": ENDPOINT}, s3(createBucket=False, accessKeyId="AK", secretAccessKey="canary-secret"), azure()],
)
def test_storage_secrets_reach_the_engine_only_as_secrets(values: dict[str, Any]) -> None:
    run = run_program(values)
    generated = [*run.mocks.generated, "canary-secret"]
    for resource in run.mocks.resources:
        text = json.dumps(_without_secrets(resource.inputs))
        assert not [secret for secret in generated if secret in text], f"{resource.type} {resource.name} has a secret in plain text"
    config = run.mocks.one(":Container", "registry-test-config").inputs["uploads"]
    assert next(is_secret_input(upload["content"]) for upload in config if upload["file"].endswith("config.yml"))


def _without_secrets(value: object) -> object:
    if is_secret_input(value):
        return None
    if isinstance(value, dict):
        return {key: _without_secrets(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner) for inner in value]
    return value


def test_object_storage_needs_no_volume_for_images() -> None:
    run = run_program(s3())
    assert "registry-test-storage" not in [volume.name for volume in run.mocks.of_type(":Volume")]


def _azure(run: Run, kind: str) -> dict[str, Any]:
    return run.mocks.one(f"azure-native:storage:{kind}", "registry-test-images").inputs


def test_a_new_storage_account_is_private_and_forgives_deletion() -> None:
    run = run_program(azure(infrastructureEncryption=True))
    account = _azure(run, "StorageAccount")
    assert account["enableHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["allowBlobPublicAccess"] is False
    assert account["encryption"]["requireInfrastructureEncryption"] is True
    service = _azure(run, "BlobServiceProperties")
    assert service["isVersioningEnabled"] is True
    assert service["deleteRetentionPolicy"] == service["containerDeleteRetentionPolicy"] == {"enabled": True, "days": 30}
    assert _azure(run, "BlobContainer")["publicAccess"] == "None"


@pytest.mark.parametrize(("allow", "expected"), [(False, 3), (True, 0)])
def test_group_account_and_container_are_protected(allow: bool, expected: int) -> None:
    run = run_program({**azure(), "allowDestroy": allow})
    assert len([resource for resource in run.mocks.resources if resource.protect and resource.type.startswith("azure-native")]) == expected


def test_an_existing_account_is_not_touched() -> None:
    run = run_program(azure(createAccount=False, resourceGroup="rg"))
    assert not [resource for resource in run.mocks.resources if resource.type.startswith("azure-native:storage")]


def test_an_existing_resource_group_is_used() -> None:
    run = run_program(azure(resourceGroup="rg"))
    assert not run.mocks.of_type(":ResourceGroup")
    assert _azure(run, "StorageAccount")["resourceGroupName"] == "rg"


STORAGES = {
    "filesystem": ({}, {}),
    "s3": (s3(prefix="prod", kmsKey=KEY), {"accesskey": "AK", "secretkey": "SK"}),
    "s3-endpoint": ({"storage": "s3", "s3": {**ENDPOINT, "caCertificate": make_ca().certificate}}, {"accesskey": "AK", "secretkey": "SK"}),
    "azure": (azure(), {"accountkey": "KEY"}),
    "azure-endpoint": ({"storage": "azure", "azureBlob": {**AZURITE, "prefix": "prod"}}, {"accountkey": "KEY"}),
}


def _config(settings: Settings, major: RegistryMajor, credentials: dict[str, str]) -> dict[str, Any]:
    """What the registry of this version is told for these settings."""
    storage = (
        s3_spec(settings.s3, major)
        if settings.s3
        else azure_spec(settings.azure_blob, major)
        if settings.azure_blob
        else filesystem_storage()
    )
    spec = bundle_spec(settings, storage)
    values = Values("CERT", "KEY", "", "HTTP", "REDIS", "OPS", storage=credentials)
    return yaml.safe_load(build(spec).file("registry/config.yml").text(values))


@pytest.mark.parametrize("image", ["registry:3.1.2", "registry:2.8.3"])
@pytest.mark.parametrize("name", STORAGES)
def test_every_storage_is_told_in_keys_that_the_version_reads(name: str, image: str) -> None:
    values, credentials = STORAGES[name]
    if name == "azure-endpoint" and image.startswith("registry:2"):
        return  # refused by the settings: test_storage_settings
    settings = settings_of(**values, images={"registry": image})
    config = _config(settings, settings.registry_major, credentials)
    assert unknown_keys(config, settings.registry_major) == []
    assert config["storage"]["delete"] == {"enabled": True}
    assert set(config["storage"]["maintenance"]["uploadpurging"]) == {"enabled", "age", "interval", "dryrun"}
    assert ("tag" in config["storage"]) is (settings.registry_major == RegistryMajor.V3)


def test_path_style_is_forced_for_compatible_servers_on_version_3() -> None:
    settings = settings_of(storage="s3", s3=ENDPOINT)
    driver = _config(settings, RegistryMajor.V3, {})["storage"]["s3"]
    assert driver["forcepathstyle"] is True and driver["regionendpoint"] == "https://s3.example.com"
    assert "forcepathstyle" not in _config(settings, RegistryMajor.V2, {})["storage"]["s3"]


def test_a_private_ca_of_the_endpoint_reaches_the_replicas() -> None:
    run = run_program({"storage": "s3", "s3": {**ENDPOINT, "caCertificate": make_ca().certificate}})
    uploads = [upload["file"] for upload in run.mocks.one(":Container", "registry-test-config").inputs["uploads"]]
    assert "/bundle/registry/storage-ca.crt" in uploads
    assert "SSL_CERT_FILE=/etc/distribution/storage-ca.crt" in run.mocks.one(":Container", "registry-test-registry-1").inputs["envs"]


@pytest.mark.parametrize(("name", "disabled"), [("s3", False), ("s3-endpoint", True), ("azure", False), ("azure-endpoint", True)])
def test_redirects_follow_the_settings(name: str, disabled: bool) -> None:
    values, credentials = STORAGES[name]
    assert _config(settings_of(**values), RegistryMajor.V3, credentials)["storage"]["redirect"] == {"disable": disabled}


def test_azure_names_its_kind_of_credentials_on_version_3_only() -> None:
    settings = settings_of(**azure())
    assert _config(settings, RegistryMajor.V3, {})["storage"]["azure"]["credentials"] == {"type": "shared_key"}
    assert "credentials" not in _config(settings, RegistryMajor.V2, {})["storage"]["azure"]
