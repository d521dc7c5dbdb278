"""A preview's report as Markdown: what would happen, what the policies say, and what went wrong; names only, no values."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from stack.ci.event_log import Change, Message, Report, Violation
from stack.ci.markdown import Section, assemble, block, code
from stack.ci.masking import mask
from stack.ci.outcome import Kind, State

# The order in which changes are shown: what destroys comes first.
_OPERATIONS = ("delete", "replace", "update", "create", "import", "forget")
_WORDS = {"delete": "to delete", "replace": "to replace", "update": "to update", "create": "to create"}
_PROPERTIES = 12


def marker(kind: Kind, stack: str) -> str:
    """The first line of a comment or issue, by which it is found again. It doesn't show."""
    return f"<!-- private-registry {kind}: {stack} -->"


def masked(report: Report, secrets: Iterable[str]) -> Report:
    """The report with secrets taken out of every text in it."""
    known = tuple(secrets)
    return replace(
        report,
        changes=tuple(_masked_change(change, known) for change in report.changes),
        outside=tuple(_masked_change(change, known) for change in report.outside),
        violations=tuple(
            replace(found, resource=mask(found.resource, known), message=mask(found.message, known)) for found in report.violations
        ),
        messages=tuple(replace(found, resource=mask(found.resource, known), text=mask(found.text, known)) for found in report.messages),
    )


def _masked_change(change: Change, secrets: Sequence[str]) -> Change:
    return replace(change, name=mask(change.name, secrets), properties=tuple(mask(name, secrets) for name in change.properties))


def preview_state(report: Report, code_of_pulumi: int) -> State:
    """How a preview ended."""
    if code_of_pulumi or not report.finished:
        return State.FAILED
    return State.CHANGED if report.changes else State.UNCHANGED


def drift_state(report: Report, code_of_pulumi: int) -> State:
    """How a drift check ended. pulumi fails on drift as it does on errors; only a finished run without errors tells of drift."""
    if not report.finished or any(message.severity == "error" for message in report.messages):
        return State.FAILED
    if report.changes or report.outside:
        return State.CHANGED
    return State.FAILED if code_of_pulumi else State.UNCHANGED


def preview_text(stack: str, report: Report, state: State, note: str = "") -> str:
    """The comment of a preview. `report` has been masked; `note` is a sentence to put below the headline."""
    if state is not State.FAILED:
        headline = _counted(report.changes) or "nothing changes"
    elif _mandatory(report):
        headline = "refused by policy"
    else:
        headline = "the preview failed"
    head = "\n".join(
        [marker(Kind.PREVIEW, stack), f"### Preview of {code(stack)}: {headline}", "", *_lines(note), *_lines(_policy(report))]
    )
    return assemble(head, _sections(report, "What would change"))


def drift_text(stack: str, report: Report, state: State) -> str:
    """The issue of a drift check. `report` has been masked."""
    headline = {
        State.CHANGED: "is not what the main branch says",
        State.UNCHANGED: "is what the main branch says",
        State.FAILED: "could not be checked",
        State.NOT_DEPLOYED: "is not deployed yet",
    }[state]
    remedy = (
        f"`make up STACK={stack} ARGS=--refresh`, or the deploy workflow started by hand with `refresh`, takes it back to what the code "
        "says. To keep a change that was made by hand, write it into the code or the stack file."
        if state is State.CHANGED
        else ""
    )
    head = "\n".join(
        [marker(Kind.DRIFT, stack), f"### Stack {code(stack)} {headline}", "", *_lines(remedy), *_lines(_unexplained(report, state))]
    )
    return assemble(head, _sections(report, "What the next deployment would do"))


def failed_text(kind: Kind, stack: str, problem: str) -> str:
    """The text when pulumi wasn't even started. `problem` has been masked."""
    what = "The preview of" if kind is Kind.PREVIEW else "The drift check of"
    head = f"{marker(kind, stack)}\n### {what} {code(stack)} did not run\n"
    return assemble(head, [Section("", [block(problem)])])


def _unexplained(report: Report, state: State) -> str:
    return "pulumi gave no reason: see the job's log." if state is State.FAILED and not (report.messages or report.violations) else ""


def _lines(text: str) -> list[str]:
    return [text, ""] if text else []


def _counted(changes: Sequence[Change]) -> str:
    """Such as `1 to replace, 2 to create`."""
    counts = Counter(change.operation for change in changes)
    return ", ".join(f"{counts[operation]} {_WORDS.get(operation, operation)}" for operation in sorted(counts, key=_rank))


def _rank(operation: str) -> tuple[int, str]:
    return (_OPERATIONS.index(operation) if operation in _OPERATIONS else len(_OPERATIONS), operation)


def _mandatory(report: Report) -> tuple[Violation, ...]:
    return tuple(found for found in report.violations if found.level == "mandatory")


def _policy(report: Report) -> str:
    if not report.packs:
        return "No policy pack ran." if report.finished and not report.violations else ""
    names = ", ".join(code(name) for name in sorted(report.packs))
    mandatory = len(_mandatory(report))
    advisory = len(report.violations) - mandatory
    return f"Policy pack {names}: {mandatory} violations, {advisory} notices."


def _sections(report: Report, title: str) -> list[Section]:
    ordered = sorted(report.violations, key=lambda found: (found.level != "mandatory", found.policy, found.resource))
    errors = [message for message in report.messages if message.severity == "error"]
    warnings = [message for message in report.messages if message.severity != "error"]
    return [
        Section("", [_violation(found) for found in ordered if found.level == "mandatory"]),
        Section("", [_message(message) for message in errors]),
        _table("Changed outside pulumi", report.outside),
        _table(title, report.changes),
        _folded("Notices of the policies", [_violation(found) for found in ordered if found.level != "mandatory"]),
        _folded("Warnings", [_message(message) for message in warnings]),
    ]


def _folded(title: str, pieces: Sequence[str]) -> Section:
    return Section(f"\n<details><summary>{title}</summary>\n", pieces, "\n</details>")


def _violation(found: Violation) -> str:
    where = f" on {code(found.resource)}" if found.resource else ""
    return f"**{found.level}** {code(found.policy)}{where}\n\n{block(found.message)}\n"


def _message(message: Message) -> str:
    where = f" on {code(message.resource)}" if message.resource else ""
    return f"**{message.severity}**{where}\n\n{block(message.text)}\n"


def _table(title: str, changes: Sequence[Change]) -> Section:
    rows = [_row(change) for change in sorted(changes, key=lambda change: (_rank(change.operation), change.type, change.name))]
    return Section(f"\n#### {title}\n\n| | resource | name | properties |\n|---|---|---|---|", rows, "")


def _row(change: Change) -> str:
    shown = ", ".join(code(name) for name in change.properties[:_PROPERTIES])
    more = f" … {len(change.properties) - _PROPERTIES} more" if len(change.properties) > _PROPERTIES else ""
    return f"| {change.operation} | {code(change.type)} | {code(change.name)} | {shown}{more} |"
