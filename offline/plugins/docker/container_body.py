"""From container settings to the engine's own forms: the body of the create call, of an update, and of a network connection. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from offline.plugins.docker.labels import label_map
from offline.plugins.docker.values import parse_duration

Body = dict[str, Any]
MEBIBYTE = 1024 * 1024


def create_body(settings: Mapping[str, Any]) -> Body:
    """The body of POST /containers/create for plain settings with defaults (`schema.settings`)."""
    body: Body = {
        "Image": settings["image"],
        "Hostname": settings.get("hostname", ""),
        "Domainname": settings.get("domainname", ""),
        "User": settings.get("user", ""),
        "WorkingDir": settings.get("workingDir", ""),
        "Tty": settings["tty"],
        "OpenStdin": settings["stdinOpen"],
        "Env": settings.get("envs", []),
        "Labels": label_map(settings.get("labels", [])),
        "HostConfig": _host_config(settings),
    }
    if settings.get("command"):
        body["Cmd"] = settings["command"]
    if settings.get("entrypoints"):
        body["Entrypoint"] = settings["entrypoints"]
    if settings.get("stopSignal"):
        body["StopSignal"] = settings["stopSignal"]
    if settings.get("stopTimeout"):
        body["StopTimeout"] = settings["stopTimeout"]
    if settings.get("healthcheck"):
        body["Healthcheck"] = _healthcheck(settings["healthcheck"])
    if settings.get("ports"):
        body["ExposedPorts"] = {_port_key(port): {} for port in settings["ports"]}
    anonymous = [volume["containerPath"] for volume in settings.get("volumes", []) if volume.get("containerPath")]
    if anonymous:
        body["Volumes"] = {path: {} for path in anonymous}
    return body


def _host_config(settings: Mapping[str, Any]) -> Body:
    capabilities = settings.get("capabilities", {})
    options, unconfined = _security_options(settings.get("securityOpts", []))
    config: Body = {
        "RestartPolicy": restart_policy(settings),
        "AutoRemove": settings["rm"],
        "ReadonlyRootfs": settings["readOnly"],
        "Privileged": settings.get("privileged", False),
        "PublishAllPorts": settings.get("publishAllPorts", False),
        "NetworkMode": settings["networkMode"],
        "CapAdd": capabilities.get("adds", []),
        "CapDrop": capabilities.get("drops", []),
        "SecurityOpt": options,
        "Init": settings.get("init", False),
        "LogConfig": {"Type": settings.get("logDriver", ""), "Config": settings.get("logOpts", {})},
        "Mounts": [_mount(mount) for mount in settings.get("mounts", [])],
        "Binds": _binds(settings.get("volumes", [])),
        "VolumesFrom": [volume["fromContainer"] for volume in settings.get("volumes", []) if volume.get("fromContainer")],
        "Tmpfs": settings.get("tmpfs", {}),
        "PortBindings": _port_bindings(settings.get("ports", [])),
        "ExtraHosts": [f"{host['host']}:{host['ip']}" for host in settings.get("hosts", [])],
        "Dns": settings.get("dns", []),
        "DnsOptions": settings.get("dnsOpts", []),
        "DnsSearch": settings.get("dnsSearches", []),
        "GroupAdd": settings.get("groupAdds", []),
        "Sysctls": settings.get("sysctls", {}),
        "Ulimits": [{"Name": limit["name"], "Soft": limit["soft"], "Hard": limit["hard"]} for limit in settings.get("ulimits", [])],
        "ShmSize": settings.get("shmSize", 0) * MEBIBYTE,
        **_limits(settings),
    }
    if unconfined:
        config |= {"MaskedPaths": [], "ReadonlyPaths": []}
    if settings.get("cpus"):
        config["NanoCpus"] = int(Decimal(settings["cpus"]) * 10**9)
    for name, key in (("usernsMode", "UsernsMode"), ("pidMode", "PidMode"), ("ipcMode", "IpcMode"), ("runtime", "Runtime")):
        if settings.get(name):
            config[key] = settings[name]
    return config


def _security_options(options: Sequence[str]) -> tuple[list[str], bool]:
    """Security options without `systempaths=unconfined`, which the engine wants as two empty lists, and whether it was there."""
    unconfined = "systempaths=unconfined"
    return [option for option in options if option != unconfined], unconfined in options


def restart_policy(settings: Mapping[str, Any]) -> Body:
    """The engine's restart policy."""
    return {"Name": settings["restart"], "MaximumRetryCount": settings.get("maxRetryCount", 0)}


def _limits(settings: Mapping[str, Any]) -> Body:
    limits: Body = {
        "Memory": settings.get("memory", 0) * MEBIBYTE,
        "MemoryReservation": settings.get("memoryReservation", 0) * MEBIBYTE,
        "CpuShares": settings.get("cpuShares", 0),
        "CpusetCpus": settings.get("cpuSet", ""),
    }
    swap = settings.get("memorySwap", 0)
    if swap:
        limits["MemorySwap"] = swap * MEBIBYTE if swap > 0 else swap
    if not settings.get("cpus"):
        limits |= {"CpuPeriod": settings.get("cpuPeriod", 0), "CpuQuota": settings.get("cpuQuota", 0)}
    return limits


def update_body(settings: Mapping[str, Any]) -> Body:
    """The body of POST /containers/{id}/update: what can change while the container lives.

    Without `memorySwap` the engine keeps the old swap limit, and refuses a memory limit above it; its own default at creation, twice
    the memory, is set again here.
    """
    body: Body = _limits(settings) | {"RestartPolicy": restart_policy(settings)}
    if body["Memory"] and "MemorySwap" not in body:
        body["MemorySwap"] = 2 * body["Memory"]
    return body


def _healthcheck(check: Mapping[str, Any]) -> Body:
    body: Body = {
        "Test": check.get("tests", []),
        "Interval": parse_duration(check.get("interval", "")) or 0,
        "Timeout": parse_duration(check.get("timeout", "")) or 0,
        "StartPeriod": parse_duration(check.get("startPeriod", "")) or 0,
        "Retries": check.get("retries", 0),
    }
    start_interval = parse_duration(check.get("startInterval", "")) or 0
    return body | ({"StartInterval": start_interval} if start_interval else {})


def _port_key(port: Mapping[str, Any]) -> str:
    return f"{port['internal']}/{port['protocol']}"


def _port_bindings(ports: Sequence[Mapping[str, Any]]) -> Body:
    bindings: dict[str, list[Body]] = {}
    for port in ports:
        bindings.setdefault(_port_key(port), []).append({"HostIp": port["ip"], "HostPort": str(port.get("external", 0))})
    return bindings


def _binds(volumes: Sequence[Mapping[str, Any]]) -> list[str]:
    binds: list[str] = []
    for volume in volumes:
        source = volume.get("hostPath") or volume.get("volumeName")
        if source and volume.get("containerPath"):
            options = ",".join(filter(None, ("ro" if volume.get("readOnly") else "rw", volume.get("selinuxRelabel", ""))))
            binds.append(f"{source}:{volume['containerPath']}:{options}")
    return binds


def _mount(mount: Mapping[str, Any]) -> Body:
    body: Body = {
        "Type": mount["type"],
        "Source": mount.get("source", ""),
        "Target": mount["target"],
        "ReadOnly": mount.get("readOnly", False),
    }
    if mount["type"] == "bind" and mount.get("bindOptions", {}).get("propagation"):
        body["BindOptions"] = {"Propagation": mount["bindOptions"]["propagation"]}
    if mount["type"] == "volume" and any(mount.get("volumeOptions", {}).values()):
        body["VolumeOptions"] = _volume_options(mount["volumeOptions"])
    if mount["type"] == "tmpfs" and any(mount.get("tmpfsOptions", {}).values()):
        options = mount["tmpfsOptions"]
        body["TmpfsOptions"] = {"SizeBytes": options.get("sizeBytes", 0), "Mode": options.get("mode", 0)}
    return body


def _volume_options(options: Mapping[str, Any]) -> Body:
    body: Body = {"NoCopy": options.get("noCopy", False), "Labels": label_map(options.get("labels", []))}
    if options.get("driverName") or options.get("driverOptions"):
        body["DriverConfig"] = {"Name": options.get("driverName", ""), "Options": options.get("driverOptions", {})}
    if options.get("subpath"):
        body["Subpath"] = options["subpath"]
    return body


def endpoint(network: Mapping[str, Any]) -> Body:
    """The endpoint part of POST /networks/{id}/connect for one entry of `networksAdvanced`."""
    addresses = {
        key: network[name]
        for name, key in (("ipv4Address", "IPv4Address"), ("ipv6Address", "IPv6Address"), ("linkLocalIps", "LinkLocalIPs"))
        if network.get(name)
    }
    body: Body = {"Aliases": network.get("aliases", []), "IPAMConfig": addresses}
    if network.get("macAddress"):
        body["MacAddress"] = network["macAddress"]
    if network.get("driverOpts"):
        body["DriverOpts"] = dict(option.split("=", 1) for option in network["driverOpts"])
    if network.get("gwPriority"):
        body["GwPriority"] = network["gwPriority"]
    return body
