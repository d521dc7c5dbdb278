"""What stands between a container's state and the program, and whether it takes a new container. Pure."""

from __future__ import annotations

from offline.plugins.docker.container_schema import CONTAINER, NETWORK_DATAS
from offline.plugins.docker.container_state import is_half_created, is_swap_default
from offline.plugins.docker.schema import diff_result, differences
from offline.plugins.framework.resource import Change, DiffResult
from offline.plugins.framework.values import Properties

_LIMITS = ("memory", "memoryReservation", "cpuShares", "cpuSet", "cpuPeriod", "cpuQuota")


def container_diff(olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
    """Compare the state (`olds`: outputs) with the inputs `news`.

    A replaced container always goes before its successor comes: the two share name, ports and addresses.
    """
    changes = differences(CONTAINER, olds, old_inputs, news)
    if news.get("memorySwap") is None and is_swap_default(olds.get("memorySwap"), CONTAINER["memory"].kind.plain(olds.get("memory"))):
        changes.pop("memorySwap", None)
    if is_half_created(olds):
        changes[NETWORK_DATAS] = Change.ADD
    # The engine takes a zero for "leave it", so a limit cannot be lifted in place.
    also_replaces = [name for name in _LIMITS if name in changes and not CONTAINER[name].kind.canonical(news.get(name))]
    # A container that stopped by itself begins anew: that is safer than to start what failed.
    if "mustRun" in changes and _has_stopped(olds, old_inputs):
        also_replaces.append("mustRun")
    return diff_result(CONTAINER, changes, old_inputs=old_inputs, news=news, delete_first=True, also_replaces=also_replaces)


def _has_stopped(olds: Properties, old_inputs: Properties) -> bool:
    return olds.get("mustRun") is False and old_inputs.get("mustRun", True) is not False
