"""Commands on a fake registry, without an edge and with a gate that is only counted."""

import contextlib
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ops import removing, retaining
from ops.api import Registry
from ops.context import Context
from ops.delete import Deleter, Target
from ops.lock import Lease
from ops.moments import Moment, Moments
from ops.retention.apply import targets
from ops.retention.plan import Plan
from ops.settings import RetentionSettings, Settings, Storage
from tests.ops.fake_registry import Content


@dataclass
class Stage(Context):
    """A context whose gate is only counted: `moments` is how often it closed, each time for `seconds`."""

    content: Content
    url: str
    seconds: float = 5
    moments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.__dict__["settings"] = Settings([self.url], 3, Storage("filesystem", ""), "none")
        self.__dict__["registry"] = Registry([self.url], None)

    @contextlib.contextmanager
    def _moment(self, reason: str) -> Iterator[Moment]:
        self.moments.append(reason)
        yield Moment(lambda: None, time.monotonic() + self.seconds)

    @contextlib.contextmanager
    def changing(self, name: str, wait_seconds: float) -> Iterator[tuple[Lease, Moments]]:
        del wait_seconds
        with self.lock.hold(name) as lease:
            yield lease, self._moment

    def delete(self, *targets: Target, at: float | None = None) -> None:
        outcomes = Deleter(self.registry, 3, self._moment, bin_time=at or time.time(), cache=self.cache).delete(targets)
        assert all(outcome.done for outcome in outcomes)
        self.moments.clear()

    def retain(self, *rules: dict[str, object], now: float | None = None) -> Plan:
        """The plan for these rules, as of `now`."""
        self.__dict__["settings"] = replace(self.settings, retention=RetentionSettings(rules))
        self.__dict__.pop("pushes", None)
        return retaining.current_plan(self, now)

    def targets(self, *rules: dict[str, object]) -> list[Target]:
        """What these rules delete."""
        return targets(self.retain(*rules))

    def undo(self, *names: str) -> int:
        return removing.undo(self, Namespace(images=list(names), wait=0, overwrite=False, dry_run=False, json=False))
