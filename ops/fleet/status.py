"""What `ops status` says of a fleet."""

from ops import output
from ops.fleet.agreement import HostRecord, Snapshot


def _journal(host: HostRecord, snapshot: Snapshot) -> str:
    problem, complete = host.state.get("problem"), host.state.get("complete")
    if problem:
        return str(problem)
    if not isinstance(complete, int | float) or complete > snapshot.now:
        return "not read yet"
    return "whole" if complete <= 0 else f"whole for {snapshot.now - complete:.0f} s: {host.state.get('hole')}"


def _gate(host: HostRecord, snapshot: Snapshot) -> str:
    record = snapshot.gate
    if record is None or not record.closed:
        return "open"
    if host.ack.get("epoch") != record.epoch:
        return "no answer yet"
    return "idle" if host.ack.get("writes") is True else str(host.ack.get("busy") or "closed")


def hosts(snapshot: Snapshot) -> list[dict[str, object]]:
    """One record a host that joined and did not leave."""
    found: list[dict[str, object]] = []
    for name, host in sorted(snapshot.hosts.items()):
        live = host.live(snapshot.now)
        found.append(
            {
                "host": name,
                "state": "live" if live else "lost",
                "heardSecondsAgo": round(snapshot.now - host.seen, 1),
                "leaseSeconds": host.lease,
                "leads": name == snapshot.leader,
                "gate": _gate(host, snapshot) if live else "takes no writes",
                "journal": _journal(host, snapshot) if live else "what it served last is not known",
            }
        )
    return found


def data(snapshot: Snapshot) -> dict[str, object]:
    """For --json."""
    record = snapshot.gate
    return {
        "hosts": hosts(snapshot),
        "leader": snapshot.leader or None,
        "gateEpoch": record.epoch if record else None,
        "redisSeconds": round(snapshot.now - snapshot.born, 1),
        "jobs": dict(snapshot.jobs),
    }


def text(snapshot: Snapshot) -> str:
    """For people."""
    rows = [
        (
            host["host"],
            f"{host['state']}{', leads' if host['leads'] else ''}",
            f"{host['heardSecondsAgo']} of {host['leaseSeconds']}",
            host["gate"],
            host["journal"],
        )
        for host in hosts(snapshot)
    ]
    epoch = snapshot.gate.epoch if snapshot.gate else "none recorded"
    lines = output.table(("HOST", "STATE", "HEARD (S)", "GATE", "JOURNAL"), rows)
    return f"{lines}\n\ngate epoch: {epoch}\nRedis has everything since {snapshot.now - snapshot.born:.0f} s"
