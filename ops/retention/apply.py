"""Carrying out a plan."""

from collections.abc import Sequence

from ops.delete import Deleter, Outcome, Target
from ops.retention.plan import Plan


def targets(plan: Plan, only: frozenset[tuple[str, str]] | None = None) -> list[Target]:
    """What the plan deletes; with `only`, what a reviewed plan (repository, digest) deletes too."""
    return [
        Target(decision.repository, decision.digest, decision.tags, f"retention: {decision.reason}", decision.parts, decision.runs_as)
        for decision in plan.deletions
        if only is None or (decision.repository, decision.digest) in only
    ]


def apply(plan: Plan, deleter: Deleter, max_delete_percent: int, only: frozenset[tuple[str, str]] | None = None) -> Sequence[Outcome]:
    """Deletes what the plan says. Raises OpsError before anything is deleted when it is more than `max_delete_percent`."""
    plan.check(max_delete_percent)
    return deleter.delete(targets(plan, only))
