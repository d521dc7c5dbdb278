"""ops.json, the cache of manifests, and tables."""

import json
from pathlib import Path

import pytest

from ops import output, schedule
from ops.api import Manifest, sha256
from ops.cache import Cache
from ops.errors import OpsError
from ops.settings import GcSettings, load_account, parse

SMALL: dict[str, object] = {
    "replicas": ["http://registry-1:5000"],
    "registryMajor": 3,
    "storage": {"driver": "s3", "root": "x"},
    "cache": "none",
}


def test_defaults() -> None:
    found = parse(SMALL)
    assert found.gc == GcSettings()
    assert (found.gc.blob_grace_seconds, found.gc.quarantine_days, found.gc.max_gate_seconds) == (86_400, 7, 5)
    assert found.redis is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": []}, "replicas is empty"),
        ({"replicas": [1]}, "list of texts"),
        ({"registryMajor": 4}, "registryMajor"),
        ({"registryMajor": "3"}, "registryMajor"),
        ({"storage": None}, "storage"),
        ({"cache": "disk"}, "settings.cache must be redis, inmemory or none, not disk"),
        ({"cache": "redis"}, "settings.redis must be there"),
        ({"redis": {"host": "redis", "port": 6379}}, "and only then; settings.cache is none"),
        ({"gc": {"blobGrace": 1}}, "unknown settings in settings.gc: blobGrace"),
        ({"gc": {"blobGraceSeconds": -1}}, "negative"),
        ({"gc": []}, "must be an object"),
        ({"retention": {"undoDays": True}}, "undoDays"),
        ({"colour": 1}, "unknown settings in settings: colour"),
    ],
)
def test_wrong_settings(change: dict[str, object], message: str) -> None:
    with pytest.raises(OpsError, match=message):
        parse({**SMALL, **change})


def test_the_cache_is_told_and_never_guessed() -> None:
    with pytest.raises(OpsError, match=r"settings\.cache is missing"):
        parse({key: value for key, value in SMALL.items() if key != "cache"})


def test_jobs_of_the_schedule() -> None:
    settings = parse({**SMALL, "gc": {"schedule": "0 3 * * *"}, "retention": {"schedule": "@daily"}})
    assert [job.name for job in schedule.jobs(settings)] == ["gc", "retention", "empty-bin"]
    with pytest.raises(OpsError, match=r"settings\.gc\.schedule"):
        schedule.jobs(parse({**SMALL, "gc": {"schedule": "nightly"}}))


def test_account(tmp_path: Path) -> None:
    file = tmp_path / "account"
    file.write_text("ops:pass:word\n")
    assert load_account(file) == ("ops", "pass:word")
    file.write_text("ops")
    with pytest.raises(OpsError, match="name:password"):
        load_account(file)


def test_cache_checks_what_it_reads_and_bounds_its_room(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_entries=3)
    entries = [Manifest(sha256(body), "type", body) for body in (b"1", b"2\n3", b"", b"4", b"5")]
    for entry in entries:
        cache.put(entry)
        assert cache.get(entry.digest) == entry
    cache.put(Manifest(sha256(b"other"), "type", b"not other"))
    assert cache.get(sha256(b"other")) is None
    (file,) = tmp_path.glob(f"*/sha256-{entries[0].digest[7:]}")
    file.write_bytes(b"type\nchanged")
    assert cache.get(entries[0].digest) is None
    assert cache.trim() == 2
    assert len(list(tmp_path.glob("*/*"))) == 3


def test_output() -> None:
    assert output.table(("NAME", "N"), [("a", 10), ("bcdef", 9)]) == "NAME    N\na      10\nbcdef   9"
    assert output.table(("NAME", "N"), []) == "NAME  N"
    assert [output.size(count) for count in (0, 1023, 1024, 3 << 30)] == ["0 B", "1023 B", "1.0 KiB", "3.0 GiB"]
    assert json.loads(output.to_json({"b": 1, "a": [2]})) == {"a": [2], "b": 1}
