"""Brings a stack up to date. Where nothing has changed since the last time, one look is enough; else pulumi previews and updates."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from offline.kit import places
from stack import last_deployment
from stack.ci import event_log
from stack.policy_pack import policy_arguments, up_arguments
from stack.session import VERBOSE, Session
from stack.stack_outputs import outputs_of


@dataclass(frozen=True)
class Deployed:
    """pulumi's exit code, the stack's outputs without secrets (None where its log has none), and what pulumi complained about."""

    code: int
    outputs: Mapping[str, Any] | None
    messages: Sequence[event_log.Message] = ()


def nothing_to_do(report: event_log.Report) -> bool:
    """Whether a preview found the stack as it should be. A warning is a reason to run the update too, whatever it is about."""
    return report.finished and not (report.changes or report.outside or report.messages)


def deploy(session: Session, arguments: Sequence[str]) -> Deployed:
    """Deploys. With the same program, settings and state as after the last success a preview tells whether there is anything to do."""
    # The log has values among its events: it does not stay.
    with tempfile.TemporaryDirectory(prefix="private-registry-") as folder:
        log = Path(folder) / "events.jsonl"
        # pulumi has the option only with this variable.
        logged = replace(session, environment={**session.environment, "PULUMI_DEBUG_COMMANDS": "true"})
        policies = policy_arguments(places.REPO, session.stack)
        # What options such as --target leave out would count as deployed.
        whole = set(arguments) <= {VERBOSE}
        if policies and whole and last_deployment.is_current(session):
            code = logged.perform("preview", "--event-log", str(log), *policies, *arguments)
            report, outputs = event_log.read(log), outputs_of(log)
            if code or (nothing_to_do(report) and not (outputs and outputs.changed)):
                return Deployed(code, outputs.values if outputs else None, report.messages)
            log.unlink()
            # The policies have just had their say on the same program, settings and state.
            code = logged.perform("up", "--yes", "--skip-preview", "--event-log", str(log), *policies, *arguments)
        else:
            code = logged.perform("up", "--yes", "--event-log", str(log), *up_arguments(places.REPO, session.stack), *arguments)
        if code == 0 and whole:
            last_deployment.remember(session)
        outputs = outputs_of(log)
        return Deployed(code, outputs.values if outputs else None, event_log.read(log).messages if code else ())
