"""Which tests run in one worker, and in which order workers take them up.

Tests that share something deployed must share a worker: it is a fixture of a process. The longest groups come first, so that no worker
is left with one at the end while the others have nothing to do.
"""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent

SHARED = {"live": "deployment", "storage": "running"}
"""Folder -> the parametrized fixture of the whole session that holds its stacks: one group a stack, whatever modules use it."""

LONGEST_FIRST = (
    "fleet/test_fleet.py",
    "fleet/test_boot.py",
    "live/registry-3",
    "storage/s3-tls-registry-3",
    "live/registry-2.8",
    "storage/s3-registry-2.8",
    "storage/azure-registry-3",
)
"""Groups by measured time. Those that are not named follow: first what needs a stack or servers, then what needs nothing."""


CHEAP = frozenset({"images", "rounds"})
"""Fixtures of the session that each worker may have for itself."""


def group_of(folder: str, module: str, parameters: dict[str, object]) -> str:
    """Name of a test's group: its module, or the stack that it shares with other modules of its folder.

    `folder` is the first one below tests/, `module` the path below tests/; `parameters` are those of the test.
    """
    shared = parameters.get(SHARED.get(folder, ""))
    return f"{folder}/{shared}" if shared else module


def rank(group: str, *, waits: bool) -> int:
    """Where a group stands: the smaller, the earlier. `waits` says whether its tests need an engine, pulumi or servers."""
    if group in LONGEST_FIRST:
        return LONGEST_FIRST.index(group)
    return len(LONGEST_FIRST) + (0 if waits else 1)


def _waits(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in ("docker", "engine", "live"))


def _shares(item: pytest.Item) -> bool:
    """Whether the test uses a fixture of ours that lives longer than it."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = [one for found in info.name2fixturedefs.values() for one in found] if info else []
    return any(one.scope != "function" and one.baseid.startswith(TESTS.name) and one.argname not in CHEAP for one in definitions)


def _group(item: pytest.Item) -> str:
    place = item.path.relative_to(TESTS)
    callspec = getattr(item, "callspec", None)
    return group_of(place.parts[0], place.as_posix(), callspec.params if callspec else {})


def mark(item: pytest.Item) -> None:
    """Marks a test that shares something with its group. To be called as soon as it is collected: pytest-xdist takes the group into the
    test's id before any conftest file sees the whole list."""
    if _shares(item):
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def arrange(items: list[pytest.Item]) -> None:
    """Sorts the list in place; tests of a group keep their order."""
    order: dict[pytest.Item, tuple[int, int]] = {}
    first: dict[str, tuple[int, int]] = {}
    for number, item in enumerate(items):
        group = _group(item)
        order[item] = first.setdefault(group, (rank(group, waits=_waits(item)), number))
    items.sort(key=order.__getitem__)
