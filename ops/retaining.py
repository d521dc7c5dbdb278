"""`retention plan` and `retention apply`."""

import json
import time
from argparse import Namespace
from pathlib import Path
from typing import cast

from ops import in_use, output
from ops.context import Context
from ops.errors import FAILED, OK, STOPPED, USAGE, OpsError
from ops.journal import JournalError
from ops.recycle_name import is_bin
from ops.retention import rules
from ops.retention.apply import apply
from ops.retention.collect import collect
from ops.retention.plan import Plan, deletions_of, make, to_data, to_table


def current_plan(context: Context, now: float | None = None) -> Plan:
    """The plan for what is in the registry now; ages are counted at `now` (Unix seconds)."""
    setting = context.settings.retention
    parsed = rules.parse(setting.rules)
    in_use.load(context.settings)  # a list that cannot be read ends it before the long look at the registry
    images = collect(
        context.registry, context.cache, lambda name: not is_bin(name) and bool(rules.matching(parsed, name)), context.progress
    )
    try:
        context.journal.collect()
    except JournalError as error:
        output.log("journal not usable", why=str(error), then="images pushed lately that are not on record yet go by their creation time")
    context.pushes.collect()
    return make(context.pushes.add_to(images), parsed, time.time() if now is None else now, in_use.load(context.settings))


def _limit(context: Context, options: Namespace) -> int:
    limit = options.max_delete_percent
    return context.settings.retention.max_delete_percent if limit is None else cast(int, limit)


def plan(context: Context, options: Namespace) -> int:
    """The command `retention plan`, and `retention apply --dry-run`. STOPPED when `apply` would refuse the plan."""
    made = current_plan(context)
    output.write(output.to_json(to_data(made)) if options.json else to_table(made, everything=not options.deletions))
    if made.percent > _limit(context, options):
        output.log("plan over the limit", percent=round(made.percent, 1), maxDeletePercent=_limit(context, options))
        return STOPPED
    return OK


def _reviewed(path: str | None) -> frozenset[tuple[str, str]] | None:
    if path is None:
        return None
    try:
        return deletions_of(cast(object, json.loads(Path(path).read_text(encoding="utf-8"))))
    except (OSError, ValueError) as error:
        raise OpsError(f"cannot read the plan {path}: {error}", USAGE) from error


def carry_out(context: Context, options: Namespace) -> int:
    """The command `retention apply`."""
    if options.dry_run:
        return plan(context, options)
    only = _reviewed(options.plan)
    with context.changing("retention", options.wait) as (_, moments):
        made = current_plan(context)
        deleter = context.deleter(moments, permanently=options.permanently)
        outcomes = apply(made, deleter, _limit(context, options), only)
    failed = [outcome for outcome in outcomes if not outcome.done]
    if options.json:
        output.write(output.to_json({"plan": to_data(made), "outcomes": [outcome.to_data() for outcome in outcomes]}))
    else:
        output.write(to_table(made, everything=False))
        output.write(f"{len(outcomes) - len(failed)} deleted" + "".join(f"\nleft: {one.target.digest}: {one.message}" for one in failed))
    return FAILED if failed else OK
