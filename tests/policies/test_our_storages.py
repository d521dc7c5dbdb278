"""What this project creates in the clouds today passes the rules; mocks stand in for the engine. tests/engine runs the pack on it."""

from collections.abc import Mapping
from typing import Any

import pytest

from policies.catalog import RULES
from policies.rule import Level
from tests.policies.recorded import resources_of, said_about
from tests.unit.test_storage_settings import AZURITE, ENDPOINT, azure, s3

CLOUD_RULES = [rule for rule in RULES if rule.id.startswith(("aws-", "azure-"))]

STACKS: dict[str, dict[str, Any]] = {
    "s3": s3(region="eu-central-1", prefix="prod"),
    "s3 with a key of one's own": s3(
        region="eu-central-1",
        kmsKey="arn:aws:kms:eu-central-1:123456789012:key/0f0e",
        kmsKeysOfOldImages=["arn:aws:kms:eu-central-1:123456789012:key/0f0d"],
    ),
    "s3 with an access log": s3(accessLogBucket="logs-of-team"),
    "s3 with two access keys": s3(accessKeys=["2026-11", "2025-11"]),
    "a bucket that exists, in China": s3(createBucket=False, region="cn-north-1"),
    "s3-compatible": {"storage": "s3", "s3": ENDPOINT},
    "azure": azure(infrastructureEncryption=True),
    "azure in a resource group that exists": azure(resourceGroup="rg"),
    "an account that exists": azure(createAccount=False, resourceGroup="rg"),
    "azurite": {"storage": "azure", "azureBlob": AZURITE},
    "filesystem": {},
}


def _findings(values: Mapping[str, Any]) -> dict[Level, list[str]]:
    """What the rules on clouds say about a stack with these settings, by level."""
    return said_about(resources_of(values), CLOUD_RULES)


@pytest.mark.parametrize("name", STACKS)
def test_no_rule_on_clouds_has_anything_to_say(name: str) -> None:
    assert _findings(STACKS[name]) == {Level.MANDATORY: [], Level.ADVISORY: []}


@pytest.mark.parametrize("values", [s3(), azure()])
def test_a_short_lived_stack_is_advised_and_not_refused(values: Mapping[str, Any]) -> None:
    found = _findings({**values, "allowDestroy": True})
    assert found[Level.MANDATORY] == []
    assert found[Level.ADVISORY] and all("-deletion: " in line for line in found[Level.ADVISORY])
