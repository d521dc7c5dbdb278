"""`list` and `status`: looking without changing anything."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from ops import output, recycle
from ops.api import Registry, RegistryError
from ops.context import Context
from ops.errors import OK, UNREACHABLE
from ops.fleet import status as fleet_status
from ops.fleet.agreement import Snapshot
from ops.gate import GateState
from ops.recycle_name import is_bin
from ops.redis import RedisError
from ops.retention.collect import collect
from ops.retention.image import Image
from ops.settings import load_account


def time_text(seconds: float | None) -> str:
    """A time for people."""
    return "unknown" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def repositories(context: Context) -> list[dict[str, object]]:
    """Every repository but the recycle bin, with its number of tags."""
    registry = context.registry
    names = [name for name in registry.repositories() if not is_bin(name)]
    return [{"repository": name, "tags": len(tags)} for name, tags in registry.each(registry.tags, names)]


def images(context: Context, repository: str) -> list[Image]:
    """The images of one repository, newest first."""
    found = collect(context.registry, context.cache, lambda name: name == repository, context.progress)
    return sorted(found, key=lambda image: (-(image.created or 0), image.digest))


def show_list(context: Context, repository: str | None, *, as_json: bool) -> int:
    """The command `list`."""
    if repository is None:
        rows = repositories(context)
        table = output.table(("REPOSITORY", "TAGS"), [(row["repository"], row["tags"]) for row in rows])
        output.write(output.to_json(rows) if as_json else table)
        return OK
    found = images(context, repository)
    if as_json:
        data = [
            {"digest": image.digest, "tags": list(image.tags), "created": image.created, "parts": sorted(image.parts)} for image in found
        ]
        output.write(output.to_json(data))
    else:
        shown = [(",".join(image.tags), image.digest, time_text(image.created), len(image.parts) or "") for image in found]
        output.write(output.table(("TAGS", "DIGEST", "CREATED (UTC)", "PARTS"), shown))
    return OK


def _replicas(context: Context) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    account = load_account()
    for base in context.settings.replicas:
        started = time.monotonic()
        error: str | None = None
        with Registry([base], account, workers=1) as registry:
            try:
                registry.ping()
            except RegistryError as failure:
                error = str(failure)
        found.append({"address": base, "milliseconds": round((time.monotonic() - started) * 1000), "error": error})
    return found


def _jobs(reports: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for path in sorted(reports.glob("*.last.json")):
        value = cast(object, json.loads(path.read_text(encoding="utf-8")))
        if isinstance(value, dict):
            found.append(cast(dict[str, object], value))
    return found


def show_status(context: Context, *, as_json: bool) -> int:
    """The command `status`. UNREACHABLE when a replica does not answer, or the Redis of a fleet."""
    replicas = _replicas(context)
    failed = any(replica["error"] for replica in replicas)
    bin_entries = None if failed else len(recycle.entries(context.registry, context.cache))
    snapshot: Snapshot | None = None
    try:
        gate = context.gate.state()
        owner = context.lock.owner()
        snapshot = context.agreement.read() if context.agreement else None
    except RedisError as error:
        # Where hosts agree through it. The rest is worth seeing all the same.
        gate, owner, failed = GateState(f"not known: {error}", "", time.time()), None, True
    data: dict[str, object] = {
        "replicas": replicas,
        "gate": "open" if gate is None else {"closed": gate.reason, "seconds": round(time.time() - gate.since, 1)},
        "lock": None if owner is None else str(owner),
        "jobs": _jobs(context.places.state / "reports"),
        "recycleBin": bin_entries,
    }
    if snapshot:
        data["fleet"] = fleet_status.data(snapshot)
    if as_json:
        output.write(output.to_json(data))
    else:
        rows = [(replica["address"], replica["error"] or "answers", replica["milliseconds"]) for replica in replicas]
        output.write(output.table(("REPLICA", "STATE", "MS"), rows))
        closed = "open" if gate is None else f"closed for {time.time() - gate.since:.0f} s: {gate.reason}"
        output.write(
            f"\ngate: {closed}\nlock: {owner or 'free'}\nrecycle bin: {'unknown' if bin_entries is None else bin_entries} images\n"
        )
        if snapshot:
            output.write(fleet_status.text(snapshot) + "\n")
        jobs = [(job.get("job"), job.get("code"), job.get("seconds"), job.get("ended")) for job in _jobs(context.places.state / "reports")]
        output.write(output.table(("LAST RUN OF", "CODE", "SECONDS", "ENDED"), jobs) if jobs else "no job has run by schedule yet")
    return UNREACHABLE if failed else OK
