"""The bench on small registries: what it wrote can be pulled, what had to go went, and its bounds on requests hold."""

from collections.abc import Iterable

import pytest

from bench import collection, ops_run, retaining
from bench.figures import Figure
from bench.layout import with_tags
from bench.registries import DISK, S3, filled_registry
from tests.ops.gc.fleet import Options

pytestmark = pytest.mark.live


def _values(figures: Iterable[Figure]) -> dict[str, str]:
    return {figure.name.strip(): figure.value for figure in figures}


@pytest.mark.parametrize("storage", [DISK, S3])
def test_a_collection_is_measured(storage: str) -> None:
    values = _values(collection.measure(collection.Case(storage, images=30, per_repository=10, pulls=5, grace=2)))
    assert values["blobs swept"] == "12"
    assert values["untagged manifests deleted"] == "3"
    assert values["images pulled afterwards, lost"].endswith(", 0")
    assert values["pushes meanwhile, failed"].endswith(", 0")


@pytest.mark.parametrize("major", [3, 2])
def test_a_plan_asks_once_for_each_tag_and_digest(major: int) -> None:
    case = retaining.Case(tags=40, digests=12, major=major)
    values = _values(retaining.measure(case))
    assert values["list requests"] == "2", "catalog and tags, one page each"
    assert values["HEAD and GET requests in all"] == str(case.bound) == "64"


def test_memory_is_that_of_ops_alone() -> None:
    ballast = bytearray(200 << 20)
    with filled_registry(DISK, Options(replicas=1), with_tags(2, 1)) as (fleet, _, _):
        peak = ops_run.run(fleet, "list").peak_bytes
    assert 5 << 20 < peak < 100 << 20, f"not with the {len(ballast) >> 20} MiB of this process"
