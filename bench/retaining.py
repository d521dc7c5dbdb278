"""What `ops retention plan` costs for a repository with very many tags."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import cast

from bench import ops_run
from bench.figures import Figure, require, seconds_of
from bench.layout import Filled, with_tags
from bench.registries import Bare, bare_registry, filled_registry
from ops.output import size
from tests.ops.gc.client import Client
from tests.ops.gc.fleet import Fleet, Options

RULES = [{"repositories": ["team/**"], "keepLast": 500}]
WORKERS = 8
"""As many as ops uses."""


@dataclass(frozen=True)
class Case:
    """One repository on a registry of this major version."""

    tags: int = 10_000
    digests: int = 3_000
    major: int = 3

    def __str__(self) -> str:
        return f"{self.tags:,} tags on {self.digests:,} digests, registry {self.major}"

    @property
    def bound(self) -> int:
        """HEAD and GET requests: one for each tag, each manifest and each config."""
        return self.tags + 2 * self.digests


def _plan(fleet: Fleet) -> ops_run.OpsRun:
    # 5: it would delete more than maxDeletePercent, and says so.
    return ops_run.run(fleet, "retention", "plan", codes=(0, 5))


def _bare_seconds(bare: Bare, filled: Filled) -> float:
    """The same requests to a bare registry by a client that does nothing else."""
    paths = [("HEAD", f"/v2/{one.repository}/manifests/{tag}") for one in filled.stored for tag in one.tags]
    paths += [("GET", f"/v2/{one.repository}/manifests/{one.digest}") for one in filled.stored]
    config_of = [next(digest for digest, data in one.blobs().items() if data == one.image.config) for one in filled.stored]
    paths += [("GET", f"/v2/{one.repository}/blobs/{config}") for one, config in zip(filled.stored, config_of, strict=True)]

    def ask(share: list[tuple[str, str]]) -> None:
        client = Client(bare.url)
        for method, path in share:
            status, _, _ = client.request(method, path)
            require(status == 200, f"{method} {path} at the bare registry: {status}")

    with ThreadPoolExecutor(WORKERS) as pool:
        return seconds_of(lambda: list(pool.map(ask, [paths[start::WORKERS] for start in range(WORKERS)])))


def measure(case: Case) -> Iterator[Figure]:
    """Makes the plan twice: with nothing in the cache, and again."""
    options = Options(major=case.major, cache="redis", replicas=1)
    with filled_registry("disk", options, with_tags(case.tags, case.digests)) as (fleet, filled, _):
        places = fleet.places.settings
        places.write_text(json.dumps({**fleet.ops_json(), "retention": {"rules": RULES}}))
        small = ops_run.run(fleet, "list")
        with bare_registry(fleet) as bare:
            bare_seconds = _bare_seconds(bare, filled)
        first, again = _plan(fleet), _plan(fleet)
        # Shown before the files are removed, which takes its time.
        yield from _figures(case, first, again, small, bare_seconds)


def _figures(case: Case, first: ops_run.OpsRun, again: ops_run.OpsRun, small: ops_run.OpsRun, bare_seconds: float) -> list[Figure]:
    images = cast(list[object], first.data["images"])
    require(len(images) == case.digests, f"the plan is about {len(images)} images")
    lists = sum(count for (handler, _), count in first.requests.items() if handler in ("catalog", "tags"))
    return [
        Figure("list requests", f"{lists:,}", "one walk of the list"),
        *(
            Figure(f"  {method} {handler}", f"{count:,}")
            for (handler, method), count in sorted(first.requests.items())
            if handler not in ("catalog", "tags")
        ),
        Figure("HEAD and GET requests in all", f"{first.all_requests - lists:,}", f"at most {case.bound:,}"),
        Figure("  the second time", f"{again.all_requests - lists:,}", f"at most {case.tags:,}"),
        Figure("seconds", f"{first.seconds:.1f} s"),
        Figure("  to the same requests to a bare registry", f"{first.seconds / bare_seconds:.2f}"),
        Figure("  the second time", f"{again.seconds:.1f} s"),
        Figure("most memory of ops", size(max(first.peak_bytes, again.peak_bytes))),
        Figure("  of an ops that only lists", size(small.peak_bytes)),
    ]
