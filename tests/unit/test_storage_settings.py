"""Rules of the object storage settings."""

from typing import Any

import pytest

from components.settings.model import Settings
from components.settings.object_storage import is_private
from tests.certificates import make_ca
from tests.unit.test_settings import HOST, good, one_problem, problems_of

ENDPOINT = {"bucket": "images", "endpoint": "https://s3.example.com", "accessKeyId": "AK", "secretAccessKey": "canary-secret"}
KEY = "arn:aws:kms:us-east-1:123456789012:key/0f0e"
AZURITE = {"account": "devstoreaccount1", "endpoint": "http://azurite:10000/devstoreaccount1", "accountKey": "canary-secret"}


def s3(**values: object) -> dict[str, Any]:
    return {"storage": "s3", "s3": {"bucket": "team-images", **values}}


def azure(**values: object) -> dict[str, Any]:
    return {"storage": "azure", "azureBlob": {"account": "teamimages", "location": "westeurope", **values}}


@pytest.mark.parametrize(
    "values",
    [
        s3(),
        s3(region="eu-central-1", prefix="registry/prod", createBucket=False),
        s3(createBucket=False, accessKeyId="AK", secretAccessKey="a-secret"),
        s3(kmsKey=KEY, accessLogBucket="logs-of-team"),
        s3(kmsKey=KEY, createBucket=False),
        s3(kmsKey=KEY, createBucket=False, accessKeyId="AK", secretAccessKey="a-secret"),
        s3(kmsKey=KEY, kmsKeysOfOldImages=[f"{KEY}1", f"{KEY}2"]),
        s3(kmsKeysOfOldImages=[KEY]),
        s3(accessKeys=["2", "1"]),
        {**s3(), "images": {"registry": "registry:3.1.10"}},
        {"images": {"registry": "registry:3.1.1"}},
        {"storage": "s3", "s3": ENDPOINT},
        {"storage": "s3", "s3": {**ENDPOINT, "redirect": True}},
        {"storage": "s3", "s3": {**ENDPOINT, "caCertificate": make_ca().certificate}},
        {"storage": "s3", "s3": {**ENDPOINT, "bucket": "with.dots"}},
        azure(),
        azure(createAccount=False, resourceGroup="rg"),
        azure(createAccount=False, accountKey="a-secret"),
        {"storage": "azure", "azureBlob": AZURITE},
    ],
)
def test_good_storages_are_taken(values: dict[str, Any]) -> None:
    assert isinstance(good(**values), Settings)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"storage": "s3"}, "storage s3 needs the group s3"),
        ({**s3(), "images": {"registry": "registry:3.1.1"}}, "set it to registry:3.1.2 or newer"),
        (
            {**s3(), "images": {"registry": "example.com:5000/registry:v3.1.0-alpine@sha256:" + "a" * 64}},
            "leaves tags and repositories out",
        ),
        ({"storage": "azure"}, "storage azure needs the group azureBlob"),
        ({"s3": {"bucket": "team-images"}}, "s3 would be ignored with storage filesystem"),
        ({"azureBlob": {"account": "teamimages", "location": "x"}}, "azureBlob would be ignored with storage filesystem"),
        (s3(bucket="Team"), "s3.bucket = Team: must be 3 to 63 lower-case"),
        (s3(bucket="ab"), "s3.bucket = ab: must be 3 to 63"),
        (s3(bucket="a..b"), "must be 3 to 63"),
        (s3(bucket="192.168.1.1"), "must not look like an IP address"),
        (s3(bucket="xn--images"), "something that S3 keeps for itself"),
        (s3(bucket="images-s3alias"), "something that S3 keeps for itself"),
        (s3(bucket="with.dots"), "has a dot: AWS's certificate does not cover such a name"),
        (s3(region="Frankfurt"), "s3.region = Frankfurt: must be an AWS region such as eu-central-1"),
        (s3(prefix="/registry"), "s3.prefix = /registry: must be a path"),
        (s3(endpoint="s3.example.com"), "s3.endpoint = s3.example.com: must be a URL"),
        (s3(endpoint="https://user@s3.example.com"), "without account"),
        (s3(endpoint="https://s3.example.com"), "endpoint needs accessKeyId and secretAccessKey"),
        (s3(createBucket=False, accessKeyId="AK"), "accessKeyId and secretAccessKey belong together"),
        (s3(accessKeyId="AK", secretAccessKey="a-secret"), "accessKeyId is for an existing bucket"),
        ({"storage": "s3", "s3": {**ENDPOINT, "createBucket": True}}, "createBucket: true does nothing with endpoint"),
        (
            {"storage": "s3", "s3": {**ENDPOINT, "endpoint": "http://10.0.0.5:9000", "redirect": True}},
            "which they can't reach: remove redirect",
        ),
        ({"storage": "s3", "s3": {**ENDPOINT, "endpoint": "http://minio:9000", "redirect": True}}, "which they can't reach"),
        ({"storage": "s3", "s3": {**ENDPOINT, "kmsKey": KEY}}, "kmsKey is a thing of AWS"),
        (
            {"storage": "s3", "s3": {**ENDPOINT, "endpoint": "http://s3.example.com", "caCertificate": make_ca().certificate}},
            "would be ignored",
        ),
        ({"storage": "s3", "s3": {**ENDPOINT, "caCertificate": "x"}}, "s3.caCertificate = x: is no PEM certificate"),
        (s3(caCertificate=make_ca().certificate), "caCertificate belongs to endpoint"),
        (s3(kmsKey="alias/images"), "s3.kmsKey = alias/images: must be the ARN"),
        (s3(kmsKey=KEY.replace("key/", "alias/")), "not of an alias, which no IAM policy takes; `aws kms describe-key --key-id"),
        (s3(kmsKeysOfOldImages=["x"]), "s3.kmsKeysOfOldImages[0] = x: must be the ARN"),
        (s3(kmsKey=KEY, region="eu-west-1"), "kmsKey has a key in us-east-1, but region is eu-west-1"),
        (s3(kmsKeysOfOldImages=[KEY], region="eu-west-1"), "kmsKeysOfOldImages[0] has a key in us-east-1, but region is eu-west-1"),
        (s3(kmsKey=KEY, kmsKeysOfOldImages=[KEY]), "kmsKeysOfOldImages must be different keys, and none of them kmsKey"),
        (s3(kmsKeysOfOldImages=[KEY, KEY]), "kmsKeysOfOldImages must be different keys"),
        (
            s3(kmsKeysOfOldImages=[KEY], createBucket=False, accessKeyId="AK", secretAccessKey="a-secret"),
            "kmsKeysOfOldImages would be ignored with accessKeyId: allow kms:Decrypt",
        ),
        ({"storage": "s3", "s3": {**ENDPOINT, "kmsKeysOfOldImages": [KEY]}}, "kmsKeysOfOldImages is a thing of AWS"),
        (s3(createBucket=False, accessLogBucket="logs-of-team"), "accessLogBucket would change an existing bucket"),
        (s3(accessKeys=[]), "accessKeys must be one or two different labels"),
        (s3(accessKeys=["1", "2", "3"]), "accessKeys must be one or two"),
        (s3(accessKeys=["1", "1"]), "accessKeys must be one or two different"),
        (s3(noncurrentDays=0), "s3.noncurrentDays = 0: must be greater than or equal to 1"),
        (azure(account="Team-Images"), "azureBlob.account = Team-Images: must be 3 to 24 lower-case letters and digits"),
        (azure(container="a--b"), "azureBlob.container = a--b: must be 3 to 63"),
        (azure(location=None), "azureBlob: location is needed"),
        (azure(accountKey="a-secret"), "accountKey is for an existing account"),
        (azure(createAccount=False), "an existing account needs resourceGroup"),
        (azure(key="key3"), "azureBlob.key = key3: must be key1 or key2"),
        ({"storage": "azure", "azureBlob": {**AZURITE, "accountKey": None}}, "endpoint needs accountKey"),
        ({"storage": "azure", "azureBlob": {**AZURITE, "redirect": True}}, "which they can't reach"),
        ({"storage": "azure", "azureBlob": {**AZURITE, "createAccount": True}}, "createAccount: true does nothing with endpoint"),
        (
            {"storage": "azure", "azureBlob": AZURITE, "images": {"registry": "registry:2.8.3"}},
            "azureBlob.endpoint needs registry 3",
        ),
        ({**azure(prefix="a"), "images": {"registry": "registry:2"}}, "azureBlob.prefix needs registry 3"),
    ],
)
def test_a_bad_storage_is_named_with_its_rule(values: dict[str, Any], expected: str) -> None:
    assert expected in one_problem(values)


def test_no_message_shows_a_storage_secret() -> None:
    for values in ({"storage": "s3", "s3": ENDPOINT}, {"storage": "azure", "azureBlob": AZURITE}):
        lines = problems_of({**HOST, **values, "port": "no"}, encrypted=frozenset())
        assert any("is a secret but stands in the stack file in plain text" in line for line in lines)
        assert "canary" not in "".join(lines)


@pytest.mark.parametrize(
    ("endpoint", "private"),
    [
        ("http://10.1.2.3:9000", True),
        ("http://127.0.0.1", True),
        ("http://[fd00::1]:9000", True),
        ("http://minio:9000", True),
        ("https://s3.local", True),
        ("https://s3.example.com", False),
        ("https://8.8.8.8", False),
    ],
)
def test_which_endpoints_clients_elsewhere_cannot_reach(endpoint: str, private: bool) -> None:
    assert is_private(endpoint) is private


@pytest.mark.parametrize(("values", "redirects"), [(s3(), True), ({"storage": "s3", "s3": ENDPOINT}, False), (s3(redirect=False), False)])
def test_clients_are_redirected_only_where_they_can_reach_the_storage(values: dict[str, Any], redirects: bool) -> None:
    settings = good(**values)
    assert settings.s3 is not None
    assert settings.s3.redirects is redirects
