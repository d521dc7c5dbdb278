"""What rules have to say beside violations: what they could not see yet, and what the policy config exempts."""

import threading
from collections.abc import Iterable

from policies.rule import AnyRule, Resource

_SHOWN_PATHS = 3


class Notes:
    """The notes of one call of the engine: about one resource, or about the finished stack."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, list[str]]] = {}
        self._exempted: list[tuple[str, str]] = []

    def wait(self, rule: AnyRule, resource: Resource, paths: Iterable[str]) -> None:
        """A rule can't decide before the values at these paths are known."""
        paths = tuple(paths)
        if paths:
            known = self._waiting.setdefault(resource.reported, {}).setdefault(rule.id, [])
            known += [path for path in paths if path not in known]

    def exempt(self, rule: AnyRule, resource: Resource, finding: str, reason: str) -> None:
        """A violation that the policy config accepts."""
        self._exempted.append((resource.reported, f"{rule.id} on {resource.name} is exempted ({reason}): {finding}"))

    def take_undecided(self) -> list[tuple[str, str]]:
        """URN and message of each resource that a rule waits for; each is given once."""
        taken, self._waiting = self._waiting, {}
        return [(urn, f"Decided when the update runs: {'; '.join(_waits(rules))}") for urn, rules in taken.items()]

    def take_exempted(self) -> list[tuple[str, str]]:
        """URN and message of each accepted violation; each is given once."""
        taken, self._exempted = self._exempted, []
        return taken


def _waits(rules: dict[str, list[str]]) -> list[str]:
    """One piece a set of paths: the rules, and what they wait for."""
    by_paths: dict[tuple[str, ...], list[str]] = {}
    for rule, paths in rules.items():
        by_paths.setdefault(tuple(paths), []).append(rule)
    return [f"{', '.join(waiting)} (not known yet: {_shortened(paths)})" for paths, waiting in by_paths.items()]


def _shortened(paths: tuple[str, ...]) -> str:
    more = len(paths) - _SHOWN_PATHS
    return ", ".join(paths[:_SHOWN_PATHS]) + (f" and {more} more" if more > 0 else "")


class NotesByThread(threading.local):
    """The SDK runs all policies on one resource in one thread, one after the other, and other resources in other threads."""

    def __init__(self) -> None:
        self.notes = Notes()
