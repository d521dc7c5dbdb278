"""Rules of garbage collection, retention and verification settings, and what the tool is told."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bundle.build import build
from bundle.model import Cache
from bundle.operations import ops_settings, rclone_config
from components.registry import bundle_spec
from components.settings.model import Settings
from components.storage.azure_blob import azure_spec
from components.storage.filesystem import filesystem_storage
from components.storage.s3 import s3_spec
from ops.retention import rules
from ops.settings import Settings as OpsSettings
from ops.settings import parse as parse_ops
from tests.bundle.specs import DEFAULT, SNAPSHOT_VALUES
from tests.unit.test_settings import good, one_problem
from tests.unit.test_storage_settings import AZURITE, ENDPOINT

RULE = {"repositories": ["team/**"], "keepLast": 3, "keepWithin": "30d", "keepTags": r"v\d+"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"gc": {"schedule": "every night"}}, "gc.schedule = every night: must be five crontab fields"),
        ({"gc": {"schedule": "99 3 * * *"}}, "gc.schedule = 99 3 * * *: must be five crontab fields"),
        ({"gc": {"blobGrace": "a day"}}, "gc.blobGrace = a day: must be a number and a unit"),
        ({"gc": {"quarantineDays": 0}}, "gc.quarantineDays = 0: must be greater than or equal to 1"),
        ({"gc": {"maxGateSeconds": 61}}, "gc.maxGateSeconds = 61: must be less than or equal to 60"),
        ({"cache": "inmemory", "replicas": 1, "gc": {"schedule": "17 3 * * *"}}, "cache inmemory with gc.schedule would believe in blobs"),
        ({"retention": {"rules": [{"repositories": ["a"]}]}}, "keeps nothing: set keepLast, keepWithin, keepTags or protect"),
        ({"retention": {"rules": [{**RULE, "keepTags": "("}]}}, "keepTags is no regular expression"),
        ({"retention": {"rules": [{**RULE, "keepLast": 0}]}}, "retention.rules[0].keepLast = 0: must be greater than or equal to 1"),
        ({"retention": {"rules": [{**RULE, "keeplast": 3}]}}, "did you mean retention.rules[0].keepLast?"),
        ({"retention": {"maxDeletePercent": 101}}, "retention.maxDeletePercent = 101: must be less than or equal to 100"),
        ({"retention": {"inUse": "/srv/running"}}, "retention.inUse = /srv/running: must be an http(s) URL or a file below /var/lib/ops/"),
        ({"auth": {"users": [{"name": "ops"}]}}, "is the name of the stack's own account for its operations"),
    ],
)
def test_a_bad_value_is_named_with_its_rule(values: dict[str, Any], expected: str) -> None:
    assert expected in one_problem(values)


def test_an_account_in_the_address_of_the_list_is_refused_and_not_shown() -> None:
    problem = one_problem({"retention": {"inUse": "https://me:hunter2@example.com/x"}})
    assert "inUse must be an address without an account in it" in problem
    assert "hunter2" not in problem


def _told(settings: Settings) -> object:
    return json.loads(ops_settings(bundle_spec(settings, filesystem_storage())))


def test_the_tool_reads_what_the_settings_say() -> None:
    settings = good(
        gc={"schedule": "17 3 * * *", "blobGrace": "2h", "untaggedGrace": "3d", "quarantineDays": 9, "maxGateSeconds": 4},
        retention={"rules": [RULE], "maxDeletePercent": 12, "undoDays": 5, "inUse": "https://example.com/running"},
        verify={"deepSchedule": "0 5 * * 0"},
    )
    told = parse_ops(_told(settings))
    assert (told.gc.schedule, told.gc.blob_grace_seconds, told.gc.untagged_grace_seconds) == ("17 3 * * *", 7200, 3 * 86400)
    assert (told.gc.quarantine_days, told.gc.max_gate_seconds) == (9, 4)
    assert (told.retention.max_delete_percent, told.retention.undo_days, told.retention.in_use) == (12, 5, "https://example.com/running")
    assert told.verify.deep_schedule == "0 5 * * 0"
    rule = rules.parse(told.retention.rules)[0]
    assert (rule.keep_last, rule.keep_within, rule.matches("team/a/b"), rule.matches("other")) == (3, 30 * 86400, True, False)


def test_nothing_is_scheduled_and_nothing_retained_away_by_default() -> None:
    told = parse_ops(_told(good()))
    assert (told.gc.schedule, told.retention.schedule, told.verify.schedule) == ("", "", "")
    assert told.retention.rules == []


def test_the_tool_has_the_same_defaults_as_the_settings() -> None:
    told = parse_ops(_told(good()))
    own = OpsSettings(told.replicas, told.registry_major, told.storage, told.cache)
    assert (told.gc, told.verify) == (own.gc, own.verify)
    assert told.retention == replace(own.retention, rules=[])


@pytest.mark.parametrize("cache", list(Cache))
def test_the_tool_knows_the_cache_and_flushes_only_redis(cache: Cache) -> None:
    told = parse_ops(_told(good(cache=cache.value, replicas=1)))
    assert told.cache == cache
    assert (told.redis is not None) is (cache is Cache.REDIS)


def test_the_collector_can_only_look_at_the_images() -> None:
    service = build(DEFAULT).service("collector")
    storage = next(mount for mount in service.mounts if mount.volume == "storage")
    assert storage.read_only, "its dry run needs no more"


def test_only_the_sweeper_may_move_what_is_stored_besides_the_replicas() -> None:
    writers = {s.name for s in build(DEFAULT).services if any(m.volume == "storage" and not m.read_only for m in s.mounts)}
    assert writers == {"config", "registry-1", "registry-2", "sweeper"}


def _rclone(storage: Any, credentials: dict[str, str]) -> str:  # noqa: ANN401 - any kind of storage
    return rclone_config(replace(DEFAULT, storage=storage), replace(SNAPSHOT_VALUES, storage=credentials))


def test_rclone_reaches_the_same_place_as_the_registry() -> None:
    s3 = good(storage="s3", s3={**ENDPOINT, "prefix": "prod"}).s3
    azure = good(storage="azure", azureBlob=AZURITE).azure_blob
    assert s3 is not None and azure is not None
    text = _rclone(s3_spec(s3, DEFAULT.registry_major), {"accesskey": "AK", "secretkey": "SK"})
    assert "secret_access_key = SK" in text and "endpoint = https://s3.example.com" in text and "force_path_style = true" in text
    assert s3_spec(s3, DEFAULT.registry_major).sweeper.root == "images/prod"
    text = _rclone(azure_spec(azure, DEFAULT.registry_major), {"accountkey": "KEY"})
    assert "key = KEY" in text and "account = devstoreaccount1" in text and f"endpoint = {azure.endpoint}\n" in text
    assert "remote = /var/lib/registry" in _rclone(filesystem_storage(), {})
