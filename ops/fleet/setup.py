"""Puts the parts of a fleet together from the settings."""

from collections.abc import Callable
from pathlib import Path

from ops.fleet.agreement import connect, connection_seconds
from ops.fleet.claims import Claims
from ops.fleet.drain import FleetDrain
from ops.fleet.follower import Follower
from ops.fleet.for_good import FleetForGood
from ops.fleet.gate import FleetGate
from ops.fleet.heart import Heart
from ops.fleet.host import Host
from ops.fleet.journal import FleetJournal
from ops.fleet.local_gate import LocalGate
from ops.fleet.lock import RedisLock
from ops.fleet.publisher import Publisher
from ops.fleet.pushes import FleetPushes
from ops.gc.database import Database
from ops.pushes import Pushes
from ops.retention import rules
from ops.settings import DAY_SECONDS, FleetSettings, Places, Settings
from ops.sweep import SLACK_SECONDS, TAKE_SECONDS

_SYNC_SECONDS = 2.0
"""For a host to publish what is left of its journal: it looks ten times a second, and the gate may be closed meanwhile."""


def settle_seconds(settings: Settings, fleet: FleetSettings) -> float:
    """After how long nothing can be running any more that a holder of the lock had begun whom Redis forgot.

    He may have extended his lease on a server that is none any more as long as his connection was used, and believes in it for its length;
    the last order that he gave then is taken and ends within its own time.
    """
    return (
        fleet.lease_seconds + connection_seconds(fleet.lease_seconds) + settings.gc.max_gate_seconds + TAKE_SECONDS + 1 + 2 * SLACK_SECONDS
    )


def _linger_seconds(fleet: FleetSettings) -> float:
    return float(fleet.lease_seconds)


def _keep_seconds(settings: Settings) -> float:
    return max(settings.gc.blob_grace_seconds, settings.gc.untagged_grace_seconds)


def gate(settings: Settings, fleet: FleetSettings, places: Places, settle: Callable[[], None], flush: Callable[[], None]) -> FleetGate:
    """The gate of the fleet, with its lock. The lock has a connection of its own: nothing else holds up its heartbeat."""
    lock = RedisLock(connect(fleet, places), settle_seconds(settings, fleet))
    return FleetGate(places.gate, lock, settle, agreement=connect(fleet, places), flush=flush, linger_seconds=_linger_seconds(fleet))


def drain(fleet: FleetSettings, places: Places, of: FleetGate) -> FleetDrain:
    """What waits for the writes of all hosts."""
    return FleetDrain(connect(fleet, places), of)


def journal(settings: Settings, fleet: FleetSettings, places: Places, database: Database) -> FleetJournal:
    """The journal of all hosts."""
    return FleetJournal(
        places.journal,
        database,
        _keep_seconds(settings),
        agreement=connect(fleet, places),
        sync_seconds=_SYNC_SECONDS,
        linger_seconds=_linger_seconds(fleet),
    )


def pushes(settings: Settings, fleet: FleetSettings, places: Places, database: Database) -> FleetPushes:
    """The record of pushes through all hosts."""
    ask = journal(settings, fleet, places, database).ask
    return FleetPushes(database, rules.parse(settings.retention.rules), connect(fleet, places), ask)


def for_good(fleet: FleetSettings, places: Places, database: Database) -> FleetForGood:
    """The record of permanent deletions on all hosts."""
    return FleetForGood(database, connect(fleet, places))


def claims(fleet: FleetSettings, places: Places) -> Claims:
    """Which host runs a job."""
    return Claims(connect(fleet, places))


def host(settings: Settings, fleet: FleetSettings, places: Places) -> Host:
    """This host as a member: heartbeat, follower and publisher, each with a connection of its own."""
    own = Database(_own_file(places))
    local = LocalGate(places.gate)
    publisher = Publisher(places.journal, own, connect(fleet, places))
    keep_pushes = 2 * Pushes(own, rules.parse(settings.retention.rules)).keep_seconds
    follower = Follower(
        connect(fleet, places),
        local,
        publisher,
        settings.debug,
        keep_seconds=_keep_seconds(settings) + DAY_SECONDS,
        keep_pushes=keep_pushes,
    )
    heart = Heart(connect(fleet, places), local, places.lease, settle_seconds(settings, fleet))
    return Host(heart, follower, publisher, places.lease, fleet.lease_seconds)


def _own_file(places: Places) -> Path:
    return places.state / "own-journal.sqlite"
