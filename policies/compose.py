"""A service of a compose file as the container that the rules know: the same facts under the names of the docker provider's properties."""

import re
from collections.abc import Iterable, Mapping

_SIZE = re.compile(r"(?P<number>\d+)(?P<unit>[bkmg]?)b?", re.IGNORECASE)
_MIB = {"b": 1 / 1048576, "": 1 / 1048576, "k": 1 / 1024, "m": 1.0, "g": 1024.0}
_SAME = ("image", "user", "privileged", "restart")
_RENAMED = {
    "network_mode": "networkMode",
    "pid": "pidMode",
    "ipc": "ipcMode",
    "userns_mode": "usernsMode",
    "read_only": "readOnly",
    "security_opt": "securityOpts",
    "entrypoint": "entrypoints",
    "command": "command",
}


def container(service: Mapping[str, object]) -> dict[str, object]:
    """The container's properties. What is missing is missing there too; what is no compose file's is left out."""
    found: dict[str, object] = {key: service[key] for key in _SAME if key in service}
    for key, name in _RENAMED.items():
        if key in service:
            value = service[key]
            found[name] = value.split() if isinstance(value, str) and key in ("entrypoint", "command") else value
    found["envs"] = _environment(service.get("environment"))
    found["capabilities"] = {"adds": _texts(service.get("cap_add")), "drops": _texts(service.get("cap_drop"))}
    found["mounts"] = [mount for entry in _list(service.get("volumes")) if (mount := _mount(entry))]
    found["ports"] = [port for entry in _list(service.get("ports")) if (port := _port(entry))]
    memory = _SIZE.fullmatch(str(service.get("mem_limit", "")))
    if memory:
        found["memory"] = int(memory["number"]) * _MIB[memory["unit"].lower()]
    health = service.get("healthcheck")
    if isinstance(health, Mapping) and not health.get("disable"):
        test = health.get("test")
        found["healthcheck"] = {"tests": ["CMD-SHELL", test] if isinstance(test, str) else _texts(test)}
    return found


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [str(item) for item in _list(value)]


def _environment(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{key}={'' if inner is None else inner}" for key, inner in value.items()]
    return _texts(value)


def _mount(entry: object) -> dict[str, object] | None:
    """Both notations: `source:target[:ro]`, and an object."""
    if isinstance(entry, str):
        source, _, rest = entry.partition(":")
        target, _, mode = rest.partition(":")
        return {
            "type": "bind" if source.startswith("/") else "volume",
            "source": source,
            "target": target,
            "readOnly": "ro" in mode.split(","),
        }
    if not isinstance(entry, Mapping):
        return None
    return {key: entry[name] for name, key in (("type",) * 2, ("source",) * 2, ("target",) * 2, ("read_only", "readOnly")) if name in entry}


def _port(entry: object) -> dict[str, object] | None:
    """Both notations: `[address:][published:]target[/protocol]`, and an object."""
    if isinstance(entry, str | int):
        target = str(entry).partition("/")[0]
        head, _, inside = target.rpartition(":")
        address, _, outside = head.rpartition(":")
        return {"internal": _number(inside), "external": _number(outside), "ip": address}
    if not isinstance(entry, Mapping):
        return None
    return {"internal": _number(entry.get("target")), "external": _number(entry.get("published")), "ip": str(entry.get("host_ip") or "")}


def _number(value: object) -> int:
    """The first port of a range; 0 for none."""
    digits = re.match(r"\d+", str(value))
    return int(digits[0]) if digits else 0


def sources(properties: Mapping[str, object]) -> Iterable[tuple[str, str]]:
    """Source and target of each mount."""
    for mount in _list(properties.get("mounts")):
        if isinstance(mount, Mapping):
            yield str(mount.get("source", "")), str(mount.get("target", ""))


def without(properties: Mapping[str, object], dropped: set[str]) -> list[object]:
    """The mounts but those of these sources."""
    return [mount for mount in _list(properties.get("mounts")) if not (isinstance(mount, Mapping) and mount.get("source") in dropped)]
