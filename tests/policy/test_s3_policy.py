"""The IAM policy: free of mistakes that a linter knows, enough for the registry, and enough for nothing else."""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from bundle.model import RegistryMajor
from components.hosts.aws.role_policy import host_policy
from components.settings.object_storage import S3Settings
from components.storage.s3 import s3_spec
from components.storage.s3_policy import identity_policy, tls_only_policy
from offline.kit import gobuild
from offline.servers.process import ServerProcess
from tests.blackbox.images import MIB, GeneratedBlob, build_image
from tests.blackbox.oci import RegistryClient, StatusError
from tests.ports import free_port
from tests.servers.moto import Moto

BUCKET, OTHER, PREFIX = "images", "other", "registry/prod"
ARN = f"arn:aws:s3:::{BUCKET}"
KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
LOCAL = "127.0.0.1"
MOTO_ONLY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": ARN}]}
"""moto asks for s3:DeleteObject on the bucket before it deletes several objects at once. In AWS that action has objects as its resources
only, so this statement would mean nothing there: it allows nothing that the tests below show to be refused."""


def _issues(document: dict[str, object]) -> set[str]:
    # Half a second to import.
    from parliament import analyze_policy_string  # noqa: PLC0415

    findings: list[Any] = analyze_policy_string(json.dumps(document)).findings
    return {f"{finding.issue}: {finding.detail}" for finding in findings}


@pytest.mark.parametrize("prefix", [None, PREFIX], ids=["whole bucket", "prefix"])
@pytest.mark.parametrize("kms_key", [None, KMS_KEY], ids=["no key", "key"])
@pytest.mark.parametrize("old", [(), (KMS_KEY.replace("1111", "2222"), KMS_KEY.replace("1111", "3333"))], ids=["no old keys", "old keys"])
def test_a_linter_finds_no_mistake_in_the_identitys_policy(prefix: str | None, kms_key: str | None, old: tuple[str, ...]) -> None:
    assert not _issues(identity_policy(ARN, prefix, kms_key, old))


@pytest.mark.parametrize("kms_key", [None, KMS_KEY], ids=["no key", "key"])
def test_a_linter_finds_no_mistake_in_the_hosts_policy(kms_key: str | None) -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-prod-hosts-0f0e0d-AbCdEf"
    assert not _issues(host_policy(f"{ARN}/bundles/*", secret, kms_key))


def test_the_linter_finds_a_mistake() -> None:
    wrong = identity_policy(ARN, PREFIX, None)
    statements = wrong["Statement"]
    assert isinstance(statements, list)
    statements[0]["Action"] = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    assert [issue for issue in _issues(wrong) if "s3:prefix" in issue]


def test_a_linter_finds_no_mistake_in_the_buckets_policy() -> None:
    """But for s3:TlsVersion: parliament takes only whole numbers for numbers, and does not know that every action has this key."""
    assert not [issue for issue in _issues(tls_only_policy(ARN)) if "s3:TlsVersion" not in issue]


@dataclass(frozen=True)
class Aws:
    """An AWS that checks every request, and the registry's user in it."""

    moto: Moto
    access_key_id: str
    secret_access_key: str

    @property
    def s3(self) -> Any:  # noqa: ANN401 - boto3 has no types
        """A client that is the registry's user."""
        return self.moto.client("s3", self.access_key_id, self.secret_access_key)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    moto = Moto(tmp_path_factory.mktemp("moto"), LOCAL, free_port())
    moto.start()
    try:
        s3, iam = moto.client("s3"), moto.client("iam")
        for bucket in (BUCKET, OTHER):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=BUCKET, Key="elsewhere/there", Body=b"x")
        s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}-neighbour/there", Body=b"x")
        s3.put_object(Bucket=OTHER, Key=f"{PREFIX}/there", Body=b"x")
        iam.create_user(UserName="registry")
        document = json.dumps(identity_policy(ARN, PREFIX, None))
        iam.put_user_policy(UserName="registry", PolicyName="registry-storage", PolicyDocument=document)
        iam.put_user_policy(UserName="registry", PolicyName="moto-only", PolicyDocument=json.dumps(MOTO_ONLY))
        key = iam.create_access_key(UserName="registry")["AccessKey"]
        moto.enforce()
        yield Aws(moto, key["AccessKeyId"], key["SecretAccessKey"])
    finally:
        moto.stop()


def _refused(call: Callable[..., object], **arguments: object) -> bool:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("AccessDenied", "403"):
            return True
        raise
    return False


def test_what_the_registry_does_is_allowed(aws: Aws) -> None:
    s3, key = aws.s3, f"{PREFIX}/docker/registry/v2/blobs/data"
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"content")
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"content"
    assert s3.head_object(Bucket=BUCKET, Key=key)["ContentLength"] == 7
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/docker")["KeyCount"] == 1
    # The root of everything, which the storage check asks for.
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX, MaxKeys=1)["KeyCount"] == 1
    s3.copy_object(Bucket=BUCKET, Key=f"{key}-copy", CopySource=f"{BUCKET}/{key}")
    deleted = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}, {"Key": f"{key}-copy"}]})
    assert not deleted.get("Errors")
    s3.get_bucket_location(Bucket=BUCKET)


def test_uploads_in_parts_are_allowed(aws: Aws) -> None:
    s3, key = aws.s3, f"{PREFIX}/docker/registry/v2/repositories/a/_uploads/b/data"
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=b"p" * 5 * MIB)["ETag"]
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=BUCKET, Prefix=key)["Uploads"]] == [upload]
    assert len(s3.list_parts(Bucket=BUCKET, Key=key, UploadId=upload)["Parts"]) == 1
    parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
    s3.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload=parts)
    second = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=second)


@pytest.mark.parametrize(
    ("bucket", "key"),
    [(BUCKET, "elsewhere/there"), (BUCKET, f"{PREFIX}-neighbour/there"), (OTHER, f"{PREFIX}/there")],
    ids=["another prefix", "a prefix that begins alike", "another bucket"],
)
def test_other_objects_are_out_of_reach(aws: Aws, bucket: str, key: str) -> None:
    s3 = aws.s3
    assert _refused(s3.get_object, Bucket=bucket, Key=key)
    assert _refused(s3.put_object, Bucket=bucket, Key=f"{key}-new", Body=b"x")
    assert _refused(s3.delete_object, Bucket=bucket, Key=key)
    assert _refused(s3.create_multipart_upload, Bucket=bucket, Key=f"{key}-new")


def test_another_bucket_cannot_be_listed(aws: Aws) -> None:
    """That another prefix of the same bucket can't be listed is not shown here: moto does not look at s3:prefix."""
    assert _refused(aws.s3.list_objects_v2, Bucket=OTHER, Prefix=PREFIX)
    assert _refused(aws.s3.list_multipart_uploads, Bucket=OTHER)
    assert _refused(aws.s3.list_buckets)


def test_nothing_else_is_allowed(aws: Aws) -> None:
    s3, key = aws.s3, f"{PREFIX}/x"
    public = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}
    calls: list[tuple[Callable[..., object], dict[str, object]]] = [
        (s3.put_bucket_policy, {"Policy": "{}"}),
        (s3.delete_bucket_policy, {}),
        (s3.get_bucket_policy, {}),
        (s3.put_object_acl, {"Key": key, "ACL": "public-read"}),
        (s3.put_bucket_acl, {"ACL": "public-read"}),
        (s3.put_public_access_block, {"PublicAccessBlockConfiguration": public}),
        (s3.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Suspended"}}),
        (s3.put_bucket_lifecycle_configuration, {"LifecycleConfiguration": {"Rules": []}}),
        (s3.delete_bucket, {}),
    ]
    allowed = [call.__name__ for call, arguments in calls if not _refused(call, Bucket=BUCKET, **arguments)]
    assert not allowed
    iam = aws.moto.client("iam", aws.access_key_id, aws.secret_access_key)
    assert _refused(iam.create_access_key, UserName="registry")
    assert _refused(iam.list_users)


@pytest.fixture
def registry(aws: Aws, tmp_path: Path) -> Iterator[RegistryClient]:
    """The real registry 3.1.2 as the registry's user."""
    yield from _registry(aws, tmp_path, PREFIX)


def _registry(aws: Aws, folder: Path, prefix: str) -> Iterator[RegistryClient]:
    port = free_port()
    settings = S3Settings.model_validate(
        {
            "bucket": BUCKET,
            "prefix": prefix,
            "endpoint": aws.moto.endpoint,
            "accessKeyId": aws.access_key_id,
            "secretAccessKey": aws.secret_access_key,
        }
    )
    keys = {"accesskey": aws.access_key_id, "secretkey": aws.secret_access_key}
    config = {
        "version": 0.1,
        "storage": {
            "s3": {**s3_spec(settings, RegistryMajor.V3).parameters, **keys},
            "delete": {"enabled": True},
            "redirect": {"disable": True},
        },
        "http": {"addr": f"{LOCAL}:{port}", "secret": secrets.token_hex(16)},
    }
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    client = RegistryClient(f"http://{LOCAL}:{port}")

    def answers() -> bool:
        try:
            return client.request("GET", "/v2/").status == 200
        except ConnectionError:
            client.close()
            return False

    process = ServerProcess("registry", folder)
    program = gobuild.build(gobuild.REGISTRY)
    process.start([program, "serve", folder / "config.yml"], {"OTEL_TRACES_EXPORTER": "none"}, answers)
    try:
        yield client
    finally:
        process.stop()


@pytest.mark.engine
def test_the_real_registry_can_do_its_work(registry: RegistryClient) -> None:
    image = build_image("policy", (6 * MIB, 1000))
    registry.push("policy/image", "v1", image)
    assert registry.pull("policy/image", "v1") == image.digest
    large = registry.push_generated("policy/large", GeneratedBlob("policy", 80 * MIB))
    assert registry.pull_blob("policy/large", large) == 80 * MIB
    in_chunks = registry.push_blob_in_chunks("policy/chunks", image.layers[0], 5 * MIB)
    assert registry.pull_blob("policy/chunks", in_chunks) == len(image.layers[0])
    assert registry.tags("policy/image") == ["v1"]
    assert "policy/image" in registry.repositories()
    registry.delete_manifest("policy/image", image.digest)
    assert registry.manifest_status("policy/image", "v1") == 404


@pytest.mark.engine
def test_the_real_registry_can_do_nothing_below_another_prefix(aws: Aws, tmp_path: Path) -> None:
    for client in _registry(aws, tmp_path, "elsewhere"):
        with pytest.raises(StatusError, match="answered 5"):
            client.push("policy/image", "v1", build_image("policy"))
