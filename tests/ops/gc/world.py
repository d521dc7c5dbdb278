"""Everything around a collection as simple as can be: a fake registry, collector and sweeper, and a journal that the test writes.

What is real: the collection itself, its database, lock, gate and spool folders.
"""

import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ops import settings as ops_settings
from ops.api import Registry, sha256
from ops.cache import Cache
from ops.drain import ReplicaDrain
from ops.for_good import ForGood
from ops.gate import Gate
from ops.gc.database import Database
from ops.gc.report import Report
from ops.gc.run import GarbageCollection, Parts, Timing
from ops.gc.settle import Settlement
from ops.images import OCI_INDEX
from ops.journal import Journal
from ops.lock import FileLock
from ops.spool import Spool
from ops.sweep import Sweeper
from tests.ops.fake_registry import Content, serving

GRACE = 100
TIMING = Timing(close_grace=0, log_grace=0, lookup_grace=0, attempt_pause=0.05, pause=0.02)


class ServedSpool(Spool):
    """A spool whose service answers at once, unless it is `frozen`."""

    def __init__(self, folder: Path, serve: Callable[[Path], tuple[int, str]]) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True)
        self.serve = serve
        self.frozen = False
        self.orders: list[str] = []

    def order(self, files: "dict[str, str]", identity: str = "") -> str:  # type: ignore[override]
        identity = super().order(files, identity)
        self.orders.append(files["command"])
        if not self.frozen:
            work = (self.folder / f"new-{identity}").rename(self.folder / f"run-{identity}")
            code, log = self.serve(work)
            (work / "code").write_text(f"{code}\n")
            (work / "log").write_text(log)
            work.rename(self.folder / f"done-{identity}")
        return identity


@dataclass
class World:
    """A registry with its surroundings. `quarantine`: run -> digest -> data."""

    root: Path
    url: str
    content: Content
    quarantine: dict[str, dict[str, bytes]] = field(default_factory=dict)
    garbage: set[str] = field(default_factory=set)
    """What the collector calls garbage besides what no manifest refers to."""
    flushes: int = 0
    on_unlink: Callable[[str, str], None] = lambda _repository, _digest: None
    """Called before the sweeper removes a manifest."""
    settings: dict[str, object] = field(default_factory=dict)
    """Sections that replace those of ops.json."""

    def __post_init__(self) -> None:
        self.journal_file = self.root / "journal/journal.log"
        self.journal_file.parent.mkdir()
        (self.root / "gate").mkdir()
        mark = {"at": 1000, "marker": "segment", "segment": "00-1", "previous": "", "clean": False}
        self.journal_file.write_text(json.dumps(mark) + "\n")
        # In the future, so that a slow machine does not make the edge look dead.
        self.line(json.dumps({"at": time.time() + 600, "marker": "alive"}))
        self.database = Database(self.root / "gc.sqlite")
        self.lock = FileLock(self.root)
        self.spool = ServedSpool(self.root / "spool/sweeper", self._sweep)
        self.collector = ServedSpool(self.root / "spool/collector", self._collect)
        self.sweeper = Sweeper(self.spool, self.database)
        self.gate = Gate(self.root / "gate/closed", self.lock, Settlement(self.sweeper, self.flush, self.database))
        self.journal = Journal(self.journal_file.parent, self.database, keep_seconds=GRACE)
        self.registry = Registry([self.url], None, workers=2)

    def flush(self) -> None:
        self.flushes += 1

    # What clients do.

    def line(self, text: str) -> None:
        """One line of the journal."""
        with self.journal_file.open("a") as file:
            file.write(text + "\n")

    def journaled(self, method: str, uri: str, status: int = 201, digest: str = "", at: float | None = None) -> None:
        """A request that came through the edge."""
        entry = {"at": at or time.time(), "method": method, "status": status, "uri": uri, "digest": digest, "upstreamDigest": digest}
        self.line(json.dumps({**entry, "upstream": str(status)}))

    def image(self, repository: str, tag: str = "") -> str:
        """An image that was pushed long ago; without a tag when `tag` is empty. Returns its digest."""
        name = tag or f"untagged-{len(self.content.manifests)}"
        digest = self.content.add(repository, name, "2026-01-01T00:00:00Z")
        if not tag:
            self.forget_tag(repository, name)
        return digest

    def index(self, repository: str, children: Collection[str], tag: str = "") -> str:
        """An index of manifests, pushed long ago."""
        entries = [{"mediaType": "x", "digest": child, "size": 1} for child in sorted(children)]
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
        return self.content.store(repository, tag or sha256(body), body)

    def forget_tag(self, repository: str, tag: str) -> None:
        """A tag that moved on to another image."""
        tags = self.content.repositories[repository]
        assert tags is not None
        del tags[tag]

    def blob(self, data: bytes) -> str:
        """A blob that no manifest refers to."""
        self.content.blobs[sha256(data)] = data
        self.garbage.add(sha256(data))
        return sha256(data)

    # The services.

    def _collect(self, _work: Path) -> tuple[int, str]:
        marked = [(repository, digest) for repository, found in self.content.links.items() for digest in sorted(found)]
        lines = [f"{repository}: marking manifest {digest} \n" for repository, digest in marked]
        return 0, "".join([*lines, *(f"blob eligible for deletion: {digest}\n" for digest in sorted(self.garbage))])

    def _sweep(self, work: Path) -> tuple[int, str]:
        command, run = (work / "command").read_text(), (work / "run").read_text()
        paths = (work / "files").read_text().splitlines()
        known = {"sweep": self._move, "restore": self._back, "unlink": self._unlink, "list": self._list, "expire": self._expire}
        return 0, known[command](run, paths) if command in known else ""

    def _move(self, run: str, paths: list[str]) -> str:
        digests = [f"sha256:{path.split('/')[1]}" for path in paths]
        for digest in digests:
            for blobs in (self.content.blobs, self.content.manifests):
                if digest in blobs:
                    self.quarantine.setdefault(run, {})[digest] = blobs.pop(digest)
        self.garbage -= set(digests)
        return ""

    def _back(self, run: str, paths: list[str]) -> str:
        for digest in (f"sha256:{path.split('/')[1]}" for path in paths):
            data = self.quarantine.get(run, {}).pop(digest, None)
            if data is not None:
                manifest = any(digest in linked for linked in self.content.links.values())
                (self.content.manifests if manifest else self.content.blobs)[digest] = data
        return ""

    def _unlink(self, _run: str, paths: list[str]) -> str:
        for path in paths:
            repository, _, rest = path.partition("/_manifests/revisions/sha256/")
            self.on_unlink(repository, f"sha256:{rest.removesuffix('/link')}")
            self.content.links[repository].discard(f"sha256:{rest.removesuffix('/link')}")
        return ""

    def _list(self, run: str, _paths: list[str]) -> str:
        wanted = [run] if run else list(self.quarantine)
        found = [("" if run else f"{name}/", digest, data) for name in wanted for digest, data in self.quarantine.get(name, {}).items()]
        return "".join(f"{folder}{digest[7:9]}/{digest[7:]}/data {len(data)}\n" for folder, digest, data in found)

    def _expire(self, run: str, _paths: list[str]) -> str:
        self.quarantine.pop(run, None)
        return ""

    # Collections.

    def parts(self, step: Callable[[str], None] = lambda _: None, timing: Timing = TIMING) -> Parts:
        """What a collection works with."""
        base: dict[str, object] = {
            "replicas": [self.url],
            "registryMajor": 3,
            "cache": "none",
            "storage": {"driver": "filesystem", "root": "/"},
            "gc": {"blobGraceSeconds": GRACE, "untaggedGraceSeconds": GRACE, "maxGateSeconds": 5},
        }
        return Parts(
            settings=ops_settings.parse({**base, **self.settings}),
            registry=self.registry,
            cache=Cache(self.root / "manifests"),
            lock=self.lock,
            gate=self.gate,
            journal=self.journal,
            collector=self.collector,
            sweeper=self.sweeper,
            database=self.database,
            flush=self.flush,
            drain=ReplicaDrain([]),
            for_good=ForGood(self.database),
            timing=timing,
            step=step,
        )

    def collect(self, step: Callable[[str], None] = lambda _: None, timing: Timing = TIMING) -> Report:
        """One collection."""
        return GarbageCollection(self.parts(step, timing)).run()

    def collect_dry(self) -> Report:
        """A dry run."""
        return GarbageCollection(self.parts()).run(dry_run=True)

    def ripen(self) -> None:
        """A first collection long ago: what is garbage now has been so for longer than the graces."""
        self.collect()
        with self.database.change() as connection:
            connection.execute("UPDATE garbage SET since = since - ?", (2 * GRACE,))


@contextmanager
def world(root: Path) -> Iterator[World]:
    """A world for the block."""
    content = Content()
    with serving(content) as url:
        made = World(root, url, content)
        try:
            yield made
        finally:
            made.registry.close()
