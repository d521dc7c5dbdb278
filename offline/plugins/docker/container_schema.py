"""The properties of `docker:index/container:Container`, as pulumi-docker 5.2.0 has them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from offline.plugins.docker.labels import LABELS, OBJECT_NAME
from offline.plugins.docker.schema import NO_NAME, Effect, Property, Schema
from offline.plugins.docker.values import (
    Capability,
    DecimalText,
    Duration,
    Flag,
    ListOf,
    OpenSet,
    Part,
    Record,
    SetOf,
    Text,
    Texts,
    Whole,
)

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104  # what the vendor's plugin binds a published port to by default


@dataclass(frozen=True)
class Address(Text):
    """The host address of a published port; an empty one means all addresses."""

    def plain(self, value: object) -> str:
        return super().plain(value) or EVERY_ADDRESS


@dataclass(frozen=True)
class Ports:
    """Published ports. Their order does not count, and a missing `external` (0) matches whichever port the engine chose."""

    record: Record

    def problems(self, path: str, value: object) -> list[str]:
        return ListOf(self.record).problems(path, value)

    def plain(self, value: object) -> list[Any]:
        return ListOf(self.record).plain(value)

    def canonical(self, value: object) -> Hashable:
        return OpenSet(tuple((port["ip"], port["protocol"], port["internal"], port.get("external", 0)) for port in self.plain(value)))


_HOSTS = SetOf(Record({"host": Part(Text(), required=True), "ip": Part(Text(), required=True)}))
_ULIMITS = SetOf(Record({"name": Part(Text(), required=True), "soft": Part(Whole(), required=True), "hard": Part(Whole(), required=True)}))
_PORTS = Ports(
    Record(
        {
            "internal": Part(Whole(1), required=True),
            "external": Part(Whole(0)),
            "ip": Part(Address(), default=EVERY_ADDRESS),
            "protocol": Part(Text(choices=("tcp", "udp", "sctp")), default="tcp"),
        }
    )
)
_PROPAGATION = Text(choices=("private", "rprivate", "shared", "rshared", "slave", "rslave"))
_MOUNTS = SetOf(
    Record(
        {
            "type": Part(Text(choices=("bind", "volume", "tmpfs")), required=True),
            "source": Part(Text()),
            "target": Part(Text(pattern=r"/.*", form="an absolute path"), required=True),
            "readOnly": Part(Flag()),
            "bindOptions": Part(Record({"propagation": Part(_PROPAGATION)})),
            "volumeOptions": Part(
                Record(
                    {
                        "noCopy": Part(Flag()),
                        "labels": Part(LABELS),
                        "driverName": Part(Text()),
                        "driverOptions": Part(Texts()),
                        "subpath": Part(Text()),
                    }
                )
            ),
            "tmpfsOptions": Part(Record({"sizeBytes": Part(Whole(0)), "mode": Part(Whole(0))})),
        }
    )
)
_VOLUMES = SetOf(
    Record(
        {
            "fromContainer": Part(Text()),
            "containerPath": Part(Text()),
            "hostPath": Part(Text(pattern=r"/.*", form="an absolute path")),
            "volumeName": Part(Text()),
            "readOnly": Part(Flag()),
            "selinuxRelabel": Part(Text(choices=("z", "Z"))),
        }
    )
)
_NETWORKS = SetOf(
    Record(
        {
            "name": Part(Text(), required=True),
            "aliases": Part(SetOf(Text())),
            "ipv4Address": Part(Text()),
            "ipv6Address": Part(Text()),
            "linkLocalIps": Part(SetOf(Text())),
            "macAddress": Part(Text()),
            "driverOpts": Part(SetOf(Text(pattern=r"[^=]+=.*", form="of the form name=value", quoted=False))),
            "gwPriority": Part(Whole(0)),
        }
    )
)
_UPLOADS = SetOf(
    Record(
        {
            "file": Part(Text(pattern=r"/.+", form="an absolute path"), required=True),
            "content": Part(Text()),
            "contentBase64": Part(Text()),
            "source": Part(Text()),
            "sourceHash": Part(Text()),
            "executable": Part(Flag(), default=False),
            "permissions": Part(Text(pattern=r"0[0-7]{3}", form="four octal digits such as 0640")),
            "owner": Part(Text()),
            "group": Part(Text()),
        }
    )
)
_HEALTHCHECK = Record(
    {
        "tests": Part(ListOf(Text())),
        "interval": Part(Duration(), default="0s"),
        "timeout": Part(Duration(), default="0s"),
        "startPeriod": Part(Duration(), default="0s"),
        "startInterval": Part(Duration(), default="0s"),
        "retries": Part(Whole(0), default=0),
    }
)
_ANYTHING_LIST = SetOf(Text())
_RATES = SetOf(Record({"path": Part(Text(), required=True), "rate": Part(Whole(0), required=True)}))

CONTAINER: Schema = {
    "image": Property(Text(), missing="is missing: name an image, or the imageId of a RemoteImage"),
    "name": Property(OBJECT_NAME, missing=NO_NAME),
    "command": Property(ListOf(Text(pattern=r"[\s\S]+", form="a non-empty string")), computed=True),
    "entrypoints": Property(ListOf(Text()), computed=True),
    "envs": Property(SetOf(Text()), computed=True),
    "user": Property(Text(), computed=True),
    "workingDir": Property(Text(), computed=True),
    "hostname": Property(Text(), computed=True),
    "domainname": Property(Text()),
    "labels": Property(LABELS, computed=True),
    # life
    "start": Property(Flag(), Effect.UPDATE, default=True),
    "mustRun": Property(Flag(), Effect.UPDATE, default=True),
    "wait": Property(Flag(), Effect.UPDATE, default=False),
    "waitTimeout": Property(Whole(0), Effect.UPDATE, default=60),
    "rm": Property(Flag(), default=False),
    "restart": Property(Text(choices=("no", "on-failure", "always", "unless-stopped")), Effect.UPDATE, default="no"),
    "maxRetryCount": Property(Whole(0), Effect.UPDATE),
    "healthcheck": Property(_HEALTHCHECK, computed=True),
    "init": Property(Flag(), computed=True),
    "stopSignal": Property(Text(), computed=True),
    "stopTimeout": Property(Whole(0), computed=True),
    "destroyGraceSeconds": Property(Whole(0), Effect.UPDATE),
    "removeVolumes": Property(Flag(), Effect.UPDATE, default=True),
    "containerReadRefreshTimeoutMilliseconds": Property(Whole(0), Effect.UPDATE, default=15000),
    # files
    "uploads": Property(_UPLOADS),
    "mounts": Property(_MOUNTS),
    "volumes": Property(_VOLUMES),
    "tmpfs": Property(Texts()),
    "readOnly": Property(Flag(), default=False),
    # network
    "ports": Property(_PORTS),
    "publishAllPorts": Property(Flag()),
    "networkMode": Property(Text(), default="bridge"),
    "networksAdvanced": Property(_NETWORKS),
    "hosts": Property(_HOSTS),
    "dns": Property(SetOf(Text())),
    "dnsOpts": Property(SetOf(Text())),
    "dnsSearches": Property(SetOf(Text())),
    # rights
    "capabilities": Property(Record({"adds": Part(SetOf(Capability())), "drops": Part(SetOf(Capability()))})),
    "securityOpts": Property(SetOf(Text()), computed=True),
    "privileged": Property(Flag()),
    "groupAdds": Property(SetOf(Text())),
    "usernsMode": Property(Text()),
    "pidMode": Property(Text()),
    "ipcMode": Property(Text(), computed=True),
    "sysctls": Property(Texts()),
    "ulimits": Property(_ULIMITS),
    # resources
    "memory": Property(Whole(0), Effect.UPDATE),
    "memoryReservation": Property(Whole(0), Effect.UPDATE, default=0),
    "memorySwap": Property(Whole(-1), Effect.UPDATE),
    "shmSize": Property(Whole(0), computed=True),
    "cpus": Property(DecimalText()),
    "cpuShares": Property(Whole(0), Effect.UPDATE),
    "cpuSet": Property(Text(pattern=r"\d+([,-]\d+)*", form="CPU numbers such as 0-2,4"), Effect.UPDATE),
    "cpuPeriod": Property(Whole(0), Effect.UPDATE),
    "cpuQuota": Property(Whole(0), Effect.UPDATE),
    # logs and terminal
    "logDriver": Property(Text(), computed=True),
    "logOpts": Property(Texts()),
    "tty": Property(Flag(), default=False),
    "stdinOpen": Property(Flag(), default=False),
    "runtime": Property(Text(), computed=True),
    # not done here
    "attach": Property(Flag(), default=False, refused="run one-off commands outside the stack"),
    "logs": Property(Flag(), default=False, refused="read them with `docker logs`"),
    "platform": Property(Text(), computed=True, refused="name an image that is built for the engine's platform"),
    "gpus": Property(Text(), refused="use the vendor's plugin for GPUs"),
    "devices": Property(_ANYTHING_LIST, refused="use the vendor's plugin for devices"),
    "deviceCgroupRules": Property(_ANYTHING_LIST, refused="use the vendor's plugin for devices"),
    "deviceRequests": Property(_ANYTHING_LIST, refused="use the vendor's plugin for devices"),
    "deviceReadBps": Property(_RATES, refused="use the vendor's plugin for device rates"),
    "deviceReadIops": Property(_RATES, refused="use the vendor's plugin for device rates"),
    "deviceWriteBps": Property(_RATES, refused="use the vendor's plugin for device rates"),
    "deviceWriteIops": Property(_RATES, refused="use the vendor's plugin for device rates"),
    "storageOpts": Property(Texts(), refused="use the vendor's plugin for storage options"),
    "cgroupnsMode": Property(Text(), refused="use the vendor's plugin for cgroup settings"),
    "cgroupParent": Property(Text(), refused="use the vendor's plugin for cgroup settings"),
}
"""Deviations from the vendor's table, each because its in-place update changes nothing in the engine: `healthcheck`, `init`, `tmpfs` and
`rm` replace the container here."""

COMPUTED_ONLY = ("bridge", "containerLogs", "exitCode", "networkDatas")
"""Outputs that are no inputs."""

NETWORK_DATAS = "networkDatas"
"""Present in every state of a container that came up. A state without it is half-created, as with the vendor's plugin, and is replaced."""
