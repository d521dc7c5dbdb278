"""`docker:index/network:Network`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from offline.plugins.docker.client import Engine
from offline.plugins.docker.engine_errors import CONFLICT, NOT_FOUND, EngineRefusedError
from offline.plugins.docker.in_use import containers_with, remove_when_free
from offline.plugins.docker.labels import LABELS, OBJECT_NAME, label_list, label_map, version_mark
from offline.plugins.docker.schema import (
    NO_NAME,
    Property,
    Schema,
    check_inputs,
    diff_result,
    differences,
    preview_outputs,
    refreshed,
    refreshed_inputs,
    settings,
)
from offline.plugins.docker.values import Flag, ListOf, OpenSet, Part, Record, Text, Texts
from offline.plugins.framework.resource import CheckFailure, DiffResult, ResourceError, ResourceKind
from offline.plugins.framework.values import Properties

_STATE_VERSION = 1  # of the vendor's network state


@dataclass(frozen=True)
class AddressPools:
    """Address pools of a network; what is left out of one is chosen by the engine."""

    pool: Record

    def problems(self, path: str, value: object) -> list[str]:
        return ListOf(self.pool).problems(path, value)

    def plain(self, value: object) -> list[Any]:
        return ListOf(self.pool).plain(value)

    def canonical(self, value: object) -> Hashable:
        return OpenSet(
            tuple(
                (pool.get("subnet", ""), pool.get("ipRange", ""), pool.get("gateway", ""), frozenset(pool.get("auxAddress", {}).items()))
                for pool in self.plain(value)
            )
        )


_POOLS = AddressPools(Record({"subnet": Part(Text()), "ipRange": Part(Text()), "gateway": Part(Text()), "auxAddress": Part(Texts())}))

NETWORK: Schema = {
    "name": Property(OBJECT_NAME, missing=NO_NAME),
    "driver": Property(Text(), computed=True),
    "options": Property(Texts(), computed=True),
    "internal": Property(Flag(), computed=True),
    "attachable": Property(Flag()),
    "ingress": Property(Flag()),
    "ipv6": Property(Flag()),
    "ipamDriver": Property(Text(), default="default"),
    "ipamOptions": Property(Texts()),
    "ipamConfigs": Property(_POOLS, computed=True),
    "labels": Property(LABELS),
}


class Network(ResourceKind):
    """A network of the engine. Its id is the engine's."""

    def __init__(self, engine: Callable[[], Engine], cancelled: threading.Event) -> None:
        self._engine = engine
        self._cancelled = cancelled

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        return check_inputs(NETWORK, news)

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        changes = differences(NETWORK, olds, old_inputs, news)
        return diff_result(NETWORK, changes, old_inputs=old_inputs, news=news, delete_first="name" not in changes)

    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        if preview:
            return "", preview_outputs(NETWORK, inputs, ("scope",))
        engine, wanted = self._engine(), settings(NETWORK, inputs)
        name = wanted["name"]
        try:
            made = engine.post(f"create network {name!r}", "/networks/{0}", "create", network_body(wanted))
        except EngineRefusedError as error:
            raise ResourceError(_creation_failure(name, error)) from error
        found = _find(engine, made["Id"])
        if found is None:
            raise ResourceError(f"network {name!r} was removed right after its creation; run this again")
        return made["Id"], network_state(found, wanted)

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties] | None:
        found = _find(self._engine(), resource_id)
        if found is None:
            return None
        fresh = network_state(found, outputs)
        return found["Id"], refreshed_inputs(NETWORK, inputs or {"name": fresh["name"]}, fresh), fresh

    def delete(self, resource_id: str, outputs: Properties, *, timeout: float) -> None:
        engine = self._engine()
        name = outputs.get("name", resource_id)

        def remove() -> None:
            with engine.asked(f"remove network {name!r}") as api:
                api.remove_network(resource_id)

        remove_when_free(
            f"network {name!r}",
            remove,
            lambda: containers_with(engine, network=resource_id),
            lambda error: "active endpoints" in error.explanation,
            self._cancelled,
        )


def network_body(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The body of POST /networks/create. Pure."""
    pools = [
        {
            key: pool[name]
            for name, key in (("subnet", "Subnet"), ("ipRange", "IPRange"), ("gateway", "Gateway"), ("auxAddress", "AuxiliaryAddresses"))
            if pool.get(name)
        }
        for pool in wanted.get("ipamConfigs", [])
    ]
    return {
        "Name": wanted["name"],
        "CheckDuplicate": True,  # engines before 25 make a second network of the same name otherwise
        "Driver": wanted.get("driver") or "bridge",
        "Options": wanted.get("options", {}),
        "Internal": wanted.get("internal", False),
        "Attachable": wanted.get("attachable", False),
        "Ingress": wanted.get("ingress", False),
        "EnableIPv6": wanted.get("ipv6", False),
        "Labels": label_map(wanted.get("labels", [])),
        "IPAM": {"Driver": wanted["ipamDriver"], "Options": wanted.get("ipamOptions", {}), "Config": pools},
    }


def network_state(inspect: Mapping[str, Any], prior: Properties) -> Properties:
    """All outputs of a network from the engine's `inspect`; `prior` is the state before, or the settings after a creation. Pure."""
    pools = [
        {
            name: pool[key]
            for name, key in (("subnet", "Subnet"), ("ipRange", "IPRange"), ("gateway", "Gateway"), ("auxAddress", "AuxiliaryAddresses"))
            if pool.get(key)
        }
        for pool in inspect["IPAM"].get("Config") or []
    ]
    fresh: Properties = {
        "name": inspect["Name"],
        "driver": inspect["Driver"],
        "options": inspect.get("Options") or {},
        "internal": inspect["Internal"],
        "attachable": inspect["Attachable"],
        "ingress": inspect["Ingress"],
        "ipv6": inspect["EnableIPv6"],
        "ipamDriver": inspect["IPAM"]["Driver"],
        "ipamOptions": inspect["IPAM"].get("Options") or {},
        "ipamConfigs": pools,
        "labels": label_list(inspect.get("Labels")),
        "scope": inspect["Scope"],
    }
    return refreshed(NETWORK, prior, fresh) | version_mark(_STATE_VERSION)


def _find(engine: Engine, network_id: str) -> dict[str, Any] | None:
    try:
        with engine.asked(f"look at network {network_id!r}") as api:
            return api.inspect_network(network_id)
    except EngineRefusedError as error:
        if error.status == NOT_FOUND:
            return None
        raise


def _creation_failure(name: str, error: EngineRefusedError) -> str:
    text = error.explanation
    if error.status == CONFLICT or "already exists" in text:
        return (
            f"network {name!r} already exists outside this stack. Remove it (`docker network rm {name}`), or take it over "
            f"(`pulumi import docker:index/network:Network <resource name> $(docker network inspect -f '{{{{.Id}}}}' {name})`)"
        )
    if "Pool overlaps" in text:
        return f"network {name!r}: another network of the engine's host already uses these addresses. Choose another subnet in ipamConfigs"
    if "non-overlapping" in text or "fully subnetted" in text:
        return (
            f"network {name!r}: the engine has no addresses left for another network. "
            "Remove unused ones (`docker network prune`), or give a subnet in ipamConfigs"
        )
    return str(error)
