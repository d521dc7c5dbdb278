"""Puts the parts of the garbage collection together from the settings: those of one host alone, or of one in a fleet."""

from collections.abc import Callable

from ops.api import Registry
from ops.cache import Cache
from ops.drain import Drain, ReplicaDrain
from ops.errors import OpsError
from ops.fleet import setup as fleet_setup
from ops.fleet.gate import FleetGate
from ops.for_good import ForGood
from ops.gate import Gate
from ops.gc.database import Database
from ops.gc.run import Parts
from ops.gc.settle import Settlement
from ops.journal import Journal
from ops.lock import FileLock
from ops.output import Progress
from ops.pushes import Pushes
from ops.redis import Redis
from ops.retention import rules
from ops.settings import FleetSettings, Places, Settings, redis_login
from ops.spool import Spool
from ops.sweep import Sweeper


def flusher(settings: Callable[[], Settings], places: Places) -> Callable[[], None]:
    """A function that empties the registry's cache in Redis; one that does nothing where there is no such cache."""

    def flush() -> None:
        address = settings().redis
        if address is None:
            return
        password, ca = redis_login(places)
        with Redis(address.host, address.port, password, tls=address.tls, ca=ca, database=address.database) as redis:
            redis.flush()

    return flush


def database(places: Places) -> Database:
    """What the collection remembers."""
    return Database(places.state / "gc.sqlite")


def sweeper(places: Places, announce: Callable[[float], None] = lambda _: None) -> Sweeper:
    """The way to the sweeper and to what is in quarantine."""
    return Sweeper(Spool(places.spool / "sweeper"), database(places), announce)


def fleet_of(settings: Callable[[], Settings]) -> FleetSettings | None:
    """The fleet that this host belongs to; None where it is the only one.

    Also None while the settings are refused. Then the gate's file is all that is known, and a fleet's own file is opened by nobody here.
    """
    try:
        return settings().fleet
    except OpsError:
        return None


def gate(settings: Callable[[], Settings], places: Places) -> Gate:
    """The write gate with the one lock of all jobs; before it opens, an unfinished sweep is settled.

    Settings that are refused matter only when there is one.
    """
    flush = flusher(settings, places)
    settle = Settlement(sweeper(places), flush, database(places))
    fleet = fleet_of(settings)
    if fleet:
        return fleet_setup.gate(settings(), fleet, places, settle, flush)
    return Gate(places.gate, FileLock(places.state), settle)


def pushes(settings: Settings, places: Places) -> Pushes:
    """When images were pushed, as far as it is known."""
    if settings.fleet:
        return fleet_setup.pushes(settings, settings.fleet, places, database(places))
    return Pushes(database(places), rules.parse(settings.retention.rules))


def for_good(settings: Settings, places: Places) -> ForGood:
    """What was deleted without the recycle bin."""
    return fleet_setup.for_good(settings.fleet, places, database(places)) if settings.fleet else ForGood(database(places))


def parts(settings: Settings, places: Places, registry: Registry, progress: Progress | None = None) -> Parts:
    """Everything that `GarbageCollection` and `watch` need."""
    base = database(places)
    keep = max(settings.gc.blob_grace_seconds, settings.gc.untagged_grace_seconds)
    made = gate(lambda: settings, places)
    fleet = settings.fleet
    return Parts(
        settings=settings,
        registry=registry,
        cache=Cache(places.state / "manifests"),
        lock=made.lock,
        gate=made,
        journal=fleet_setup.journal(settings, fleet, places, base) if fleet else Journal(places.journal, base, keep),
        collector=Spool(places.spool / "collector"),
        sweeper=sweeper(places, made.announce),
        database=base,
        flush=flusher(lambda: settings, places),
        drain=drain(settings, places, made),
        for_good=for_good(settings, places),
        progress=progress,
    )


def drain(settings: Settings, places: Places, of: Gate) -> Drain:
    """What waits until writes have ended behind this gate."""
    if settings.fleet and isinstance(of, FleetGate):
        return fleet_setup.drain(settings.fleet, places, of)
    return ReplicaDrain(settings.debug)
