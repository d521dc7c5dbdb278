"""What a command needs, made from the settings when it is first asked for."""

import contextlib
import time
from collections.abc import Iterator
from functools import cached_property

from ops import in_use
from ops import settings as settings_module
from ops.api import Registry
from ops.cache import Cache
from ops.delete import Deleter
from ops.fleet import setup as fleet_setup
from ops.fleet.agreement import Agreement, connect
from ops.fleet.claims import Claims
from ops.fleet.host import Host
from ops.gate import Gate
from ops.gc import setup
from ops.gc.run import Parts
from ops.journal import Journal
from ops.lock import Lease, Lock
from ops.moments import Moments, closed_moments
from ops.output import Progress
from ops.pushes import Pushes
from ops.settings import Settings, places
from ops.slipped import Slipped
from ops.tag_changes import JournalTagChanges


class Context:
    """One command's surroundings."""

    def __init__(self) -> None:
        self.places = places()

    @cached_property
    def settings(self) -> Settings:
        """ops.json."""
        return settings_module.load()

    @cached_property
    def registry(self) -> Registry:
        """The registry through its replicas, past the edge."""
        return Registry(self.settings.replicas, settings_module.load_account())

    @cached_property
    def cache(self) -> Cache:
        """Manifests and configs on disk."""
        return Cache(self.places.state / "manifests")

    @cached_property
    def progress(self) -> Progress:
        """Where long work shows how far it is."""
        return Progress()

    @cached_property
    def host(self) -> Host | None:
        """This host as a member of its fleet; None where it is the only one."""
        fleet = self.settings.fleet
        return fleet_setup.host(self.settings, fleet, self.places) if fleet else None

    @cached_property
    def claims(self) -> Claims | None:
        """Which host of the fleet runs a job; None where there is one."""
        fleet = self.settings.fleet
        return fleet_setup.claims(fleet, self.places) if fleet else None

    @cached_property
    def agreement(self) -> Agreement | None:
        """What the hosts agree on; None where there is one."""
        fleet = self.settings.fleet
        return connect(fleet, self.places) if fleet else None

    @cached_property
    def lock(self) -> Lock:
        """The lock that every changing command holds."""
        return self.gate.lock

    @cached_property
    def gate(self) -> Gate:
        """The write gate. Before it opens, a collection that died is settled."""
        return setup.gate(lambda: self.settings, self.places)

    def gc_parts(self) -> Parts:
        """What a garbage collection works with."""
        return setup.parts(self.settings, self.places, self.registry, self.progress)

    @cached_property
    def journal(self) -> Journal:
        """The edge's journal."""
        return self.gc_parts().journal

    @cached_property
    def pushes(self) -> Pushes:
        """When images were pushed, as far as it is known."""
        return setup.pushes(self.settings, self.places)

    @contextlib.contextmanager
    def changing(self, name: str, wait_seconds: float) -> Iterator[tuple[Lease, Moments]]:
        """Holds the lock for the block; gives the closed moments that belong to it."""
        with self.gate.job(name, wait_seconds) as lease:
            slipped = Slipped(self.registry, self.cache, JournalTagChanges(self.journal))
            drain = setup.drain(self.settings, self.places, self.gate)
            yield lease, closed_moments(self.gate, lease, drain, self.settings.gc.max_gate_seconds, slipped.put_back)

    def deleter(self, moments: Moments, *, permanently: bool) -> Deleter:
        """What deletes, into the recycle bin or for good."""
        return Deleter(
            self.registry,
            self.settings.registry_major,
            moments,
            bin_time=None if permanently else time.time(),
            cache=self.cache,
            progress=self.progress,
            changes=JournalTagChanges(self.journal),
            in_use=lambda: in_use.load(self.settings),
            for_good=setup.for_good(self.settings, self.places) if permanently else None,
        )

    def close(self) -> None:
        """Ends connections and bounds the cache."""
        if "registry" in self.__dict__:
            self.registry.close()
        if "cache" in self.__dict__:
            self.cache.trim()
