"""From the engine's `inspect` of a container to its properties. Pure.

What is read and what is left as the state has it follows the vendor's plugin: environment, labels, volumes, networks and uploads are
not read, because the engine mixes the image's own into them or does not report them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from offline.plugins.docker.container_body import MEBIBYTE
from offline.plugins.docker.container_schema import CONTAINER, NETWORK_DATAS
from offline.plugins.docker.labels import label_list, version_mark
from offline.plugins.docker.schema import refreshed
from offline.plugins.docker.values import format_duration
from offline.plugins.framework.values import Properties

_STATE_VERSION = 2  # of the vendor's container state
_UNLIMITED = -1


def container_state(inspect: Mapping[str, Any], prior: Properties) -> Properties:
    """All outputs of a container. `prior` is the state before, or the settings after a creation; empty for an import."""
    fresh = _read(inspect, prior)
    state = inspect["State"]
    if state["Running"] or not prior.get("start", True):
        prior = {name: value for name, value in prior.items() if name != "exitCode"}  # of an earlier life
    else:
        fresh["exitCode"] = state["ExitCode"]
        if prior.get("mustRun", True):
            fresh["mustRun"] = False  # differs from what the program wants, so the next update sees it
    return refreshed(CONTAINER, prior, fresh) | version_mark(_STATE_VERSION)


def half_created(outputs: Properties) -> Properties:
    """Outputs that say that the container did not come up, so that the next update replaces it."""
    return {name: value for name, value in outputs.items() if name != NETWORK_DATAS}


def is_half_created(outputs: Properties) -> bool:
    """Whether the state is that of a container which never came up."""
    return outputs.get(NETWORK_DATAS) is None


def _read(inspect: Mapping[str, Any], prior: Properties) -> Properties:
    config, host, network = inspect["Config"], inspect["HostConfig"], inspect["NetworkSettings"]
    fresh: Properties = {
        "name": inspect["Name"].lstrip("/"),
        "image": inspect["Image"] if str(prior.get("image", "")).startswith("sha256:") else config["Image"],
        "platform": inspect.get("Platform", ""),
        "bridge": network.get("Bridge", ""),
        NETWORK_DATAS: _network_datas(network.get("Networks") or {}),
        "hostname": config["Hostname"],
        "domainname": config.get("Domainname", ""),
        "command": config.get("Cmd") or [],
        "entrypoints": config.get("Entrypoint") or [],
        "user": config.get("User", ""),
        "workingDir": config.get("WorkingDir", ""),
        "tty": config["Tty"],
        "stdinOpen": config["OpenStdin"],
        "stopSignal": config.get("StopSignal") or "",
        "rm": host["AutoRemove"],
        "readOnly": host["ReadonlyRootfs"],
        "privileged": host["Privileged"],
        "publishAllPorts": host["PublishAllPorts"],
        "restart": host["RestartPolicy"]["Name"] or "no",
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "init": bool(host.get("Init")),
        "networkMode": _network_mode(host["NetworkMode"], prior),
        "securityOpts": _security_options(host, prior),
        "capabilities": {"adds": host.get("CapAdd") or [], "drops": host.get("CapDrop") or []},
        "groupAdds": host.get("GroupAdd") or [],
        "usernsMode": host.get("UsernsMode", ""),
        "ipcMode": host.get("IpcMode", ""),
        "runtime": host.get("Runtime", ""),
        "sysctls": host.get("Sysctls") or {},
        "hosts": [_extra_host(entry) for entry in host.get("ExtraHosts") or []],
        "dns": host.get("Dns") or [],
        "dnsOpts": host.get("DnsOptions") or [],
        "dnsSearches": host.get("DnsSearch") or [],
        "tmpfs": host.get("Tmpfs") or {},
        "mounts": [_mount(mount) for mount in host.get("Mounts") or []],
        "logDriver": host["LogConfig"]["Type"],
        **_limits(host, prior),
    }
    if config.get("StopTimeout") is not None:
        fresh["stopTimeout"] = config["StopTimeout"]
    if config.get("Healthcheck"):
        fresh["healthcheck"] = _healthcheck(config["Healthcheck"])
    fresh |= _when_set(inspect, prior)
    return fresh


def _when_set(inspect: Mapping[str, Any], prior: Properties) -> Properties:
    """What is only read when the state has it, because the engine or the image has values of its own, or when it says something."""
    config, host = inspect["Config"], inspect["HostConfig"]
    fresh: Properties = {}
    if prior.get("ports") and inspect["State"]["Running"]:
        fresh["ports"] = _ports(inspect["NetworkSettings"].get("Ports") or {})
    if prior.get("ulimits"):
        fresh["ulimits"] = [{"name": limit["Name"], "soft": limit["Soft"], "hard": limit["Hard"]} for limit in host.get("Ulimits") or []]
    if prior.get("logOpts"):
        fresh["logOpts"] = host["LogConfig"].get("Config") or {}
    if prior.get("pidMode"):
        fresh["pidMode"] = host.get("PidMode", "")
    if host.get("NanoCpus"):
        fresh["cpus"] = f"{host['NanoCpus'] / 10**9:.9f}".rstrip("0").rstrip(".")
    if not prior:  # an import: nothing else knows them
        fresh["envs"] = config.get("Env") or []
        fresh["labels"] = label_list(config.get("Labels"))
        fresh["ports"] = _ports(inspect["NetworkSettings"].get("Ports") or {})
        fresh["mustRun"] = True
        fresh["start"] = True
    return fresh


def _limits(host: Mapping[str, Any], prior: Properties) -> Properties:
    memory = host["Memory"] // MEBIBYTE
    if memory == 0 and prior.get("memory"):
        memory = CONTAINER["memory"].kind.plain(prior["memory"])  # a kernel without memory limits: as with swap below
    limits: Properties = {
        "memory": memory,
        "memoryReservation": host.get("MemoryReservation", 0) // MEBIBYTE,
        "shmSize": host.get("ShmSize", 0) // MEBIBYTE,
        "cpuShares": host.get("CpuShares", 0),
        "cpuSet": host.get("CpusetCpus", ""),
        "cpuPeriod": host.get("CpuPeriod", 0),
        "cpuQuota": host.get("CpuQuota", 0),
    }
    swap = host.get("MemorySwap", 0)
    swap = swap // MEBIBYTE if swap > 0 else swap
    wanted = prior.get("memorySwap")
    if wanted and swap == _UNLIMITED:
        swap = wanted  # a kernel without swap limits: the engine drops the setting, and no update could bring it back
    if wanted is not None or not is_swap_default(swap, memory):
        limits["memorySwap"] = swap
    return limits


def is_swap_default(swap: object, memory: int) -> bool:
    """Whether a swap limit is what the engine sets when none is asked for: none, unlimited, or twice the memory."""
    return swap is None or swap in (0, _UNLIMITED, 2 * memory)


def _network_mode(mode: str, prior: Properties) -> str:
    """Engines up to 1.43 report `default` for a container that asked for nothing, later ones `bridge`; both are the same network."""
    wanted = prior.get("networkMode", "bridge")
    return wanted if {mode, wanted} == {"default", "bridge"} else mode


def _security_options(host: Mapping[str, Any], prior: Properties) -> list[str]:
    """The engine's options as they were asked for.

    Kept is `systempaths=unconfined`, which the engine turns into two empty lists; left out is the `label=disable` that it adds by itself
    to containers which share a namespace with their host.
    """
    wanted = prior.get("securityOpts") or []
    options = [option for option in host.get("SecurityOpt") or [] if not wanted or option in wanted or option != "label=disable"]
    unconfined = host.get("MaskedPaths") == [] and host.get("ReadonlyPaths") == []
    return [*options, *(option for option in wanted if unconfined and option == "systempaths=unconfined")]


def _network_datas(networks: Mapping[str, Mapping[str, Any]]) -> list[Properties]:
    return [
        {
            "networkName": name,
            "ipAddress": data.get("IPAddress", ""),
            "ipPrefixLength": data.get("IPPrefixLen", 0),
            "gateway": data.get("Gateway", ""),
            "globalIpv6Address": data.get("GlobalIPv6Address", ""),
            "globalIpv6PrefixLength": data.get("GlobalIPv6PrefixLen", 0),
            "ipv6Gateway": data.get("IPv6Gateway", ""),
            "macAddress": data.get("MacAddress", ""),
        }
        for name, data in sorted(networks.items())
    ]


def _ports(bindings: Mapping[str, Sequence[Mapping[str, str]] | None]) -> list[Properties]:
    ports = [
        {"internal": int(number), "external": int(binding["HostPort"] or 0), "ip": binding["HostIp"], "protocol": protocol}
        for key, entries in bindings.items()
        for number, _, protocol in [key.partition("/")]
        for binding in entries or []
    ]
    return sorted(ports, key=lambda port: (port["internal"], port["protocol"], port["ip"]))


def _extra_host(entry: str) -> Properties:
    """`name:address`; the address may be IPv6 and hold colons itself."""
    name, _, address = entry.partition(":")
    return {"host": name, "ip": address}


def _healthcheck(check: Mapping[str, Any]) -> Properties:
    return {
        "tests": check.get("Test") or [],
        "interval": format_duration(check.get("Interval", 0)),
        "timeout": format_duration(check.get("Timeout", 0)),
        "startPeriod": format_duration(check.get("StartPeriod", 0)),
        "startInterval": format_duration(check.get("StartInterval", 0)),
        "retries": check.get("Retries", 0),
    }


def _mount(mount: Mapping[str, Any]) -> Properties:
    result: Properties = {
        "target": mount["Target"],
        "source": mount.get("Source", ""),
        "type": mount["Type"],
        "readOnly": mount.get("ReadOnly", False),
    }
    propagation = (mount.get("BindOptions") or {}).get("Propagation")
    if propagation:
        result["bindOptions"] = {"propagation": propagation}
    if mount.get("VolumeOptions"):
        options = mount["VolumeOptions"]
        driver = options.get("DriverConfig") or {}
        result["volumeOptions"] = {
            "noCopy": options.get("NoCopy", False),
            "labels": label_list(options.get("Labels")),
            "driverName": driver.get("Name", ""),
            "driverOptions": driver.get("Options") or {},
            "subpath": options.get("Subpath", ""),
        }
    if mount.get("TmpfsOptions"):
        options = mount["TmpfsOptions"]
        result["tmpfsOptions"] = {"sizeBytes": options.get("SizeBytes", 0), "mode": options.get("Mode", 0)}
    return result
