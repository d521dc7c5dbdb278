"""The settings of a host in a fleet, as the bundle renders them."""

import json
from typing import cast

import pytest

from bundle.build import build
from bundle.markers import MARKED
from bundle.model import FleetSpec
from ops.errors import OpsError
from ops.fleet import setup
from ops.fleet.heart import margin
from ops.settings import FleetSettings, RedisAddress, parse
from tests.bundle.specs import VARIANTS

REDIS: dict[str, object] = {"host": "redis.example.com", "port": 6379, "tls": True, "database": 1}
FLEET: dict[str, object] = {"host": "i-0123", "redis": REDIS, "leaseSeconds": 15}
SMALL: dict[str, object] = {
    "replicas": ["http://registry-1:5000"],
    "registryMajor": 3,
    "storage": {"driver": "s3", "root": ""},
    "cache": "none",
    "fleet": FLEET,
}


def test_what_a_host_is_told() -> None:
    assert parse(SMALL).fleet == FleetSettings("i-0123", RedisAddress("redis.example.com", 6379, tls=True, database=1), 15)
    assert parse({key: value for key, value in SMALL.items() if key != "fleet"}).fleet is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"host": "@@host@@"}, "settings.fleet.host must be the host's name"),
        ({"host": ""}, "settings.fleet.host"),
        ({"leaseSeconds": 5}, "settings.fleet.leaseSeconds must be at least 6, not 5"),
        ({"redis": None}, "settings.fleet.redis is missing"),
        ({"redis": {**REDIS, "tls": "yes"}}, "settings.fleet.redis.tls must be of type bool"),
        ({"redis": {**REDIS, "password": "x"}}, "unknown settings in settings.fleet.redis: password"),
        ({"colour": 1}, "unknown settings in settings.fleet: colour"),
    ],
)
def test_wrong_settings(change: dict[str, object], message: str) -> None:
    with pytest.raises(OpsError, match=message):
        parse({**SMALL, "fleet": {**FLEET, **change}})


def test_what_the_bundle_renders_is_understood_once_the_host_is_known() -> None:
    rendered = cast("dict[str, object]", json.loads(build(VARIANTS["fleet"]).file("ops/ops.json").text(MARKED)))
    with pytest.raises(OpsError, match=r"settings\.fleet\.host"):
        parse(rendered)
    fleet = {**FLEET, "leaseSeconds": FleetSpec().lease_seconds}
    assert parse({**rendered, "fleet": fleet}).fleet is not None


@pytest.mark.parametrize("lease", [6, 15, 60])
def test_an_edge_that_looks_late_is_still_in_time(lease: int) -> None:
    fleet = FleetSettings("i-0123", RedisAddress("redis", 6379), lease)
    # Half a second between two looks, and as much as four looks that were held up.
    assert margin(lease) > 2.5
    assert lease - margin(lease) > 2 * max(0.5, lease / 10), "one heartbeat that is lost fences nobody"
    assert setup.settle_seconds(parse(SMALL), fleet) > lease + 5 + 2 + 1.5
