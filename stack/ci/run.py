"""Runs a preview, a drift check or a deployment the way continuous integration does; the same on a person's machine."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from offline.kit import places
from offline.kit.errors import KitError
from offline.kit.files import write_if_changed
from offline.kit.progress import say
from stack import config_copy
from stack.backend import Backend, Source
from stack.ci import comment, event_log
from stack.ci.affected import check_name
from stack.ci.masking import mask, secrets_of
from stack.ci.outcome import Kind, Outcome, State, save
from stack.policy_pack import policy_arguments
from stack.session import Session, create_if_missing, open_session
from stack.up import up

_SUMMARY = "GITHUB_STEP_SUMMARY"


def folder(environment: Mapping[str, str]) -> Path:
    """Where reports go: CI_OUT, or a folder in the checkout's state."""
    return Path(environment.get("CI_OUT") or places.STATE / "ci")


def drop_empty_passphrase() -> None:
    """GitHub hands over a secret that isn't set as an empty variable; pulumi would take that for the passphrase."""
    if os.environ.get("PULUMI_CONFIG_PASSPHRASE") == "":
        del os.environ["PULUMI_CONFIG_PASSPHRASE"]


def check_encryption(session: Session, environment: Mapping[str, str]) -> None:
    """Raises KitError when a shared state would be read or written without a word on how its secrets are encrypted."""
    # Pulumi Cloud has keys of its own; the checkout's own state has its passphrase.
    if session.backend.is_local or session.backend.url.startswith(("https://", "http://", "Pulumi Cloud")):
        return
    provider = config_copy.provider_of(session.config.read_text(encoding="utf-8"))
    given = environment.get("PULUMI_CONFIG_PASSPHRASE") or environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if provider in {None, "passphrase", "default"} and not given:
        raise KitError(
            f"stack {session.stack} has no secrets provider, and there is no passphrase: put `secretsprovider:` (awskms://... or "
            f"azurekeyvault://...) into Pulumi.{session.stack}.yaml, or set PULUMI_CONFIG_PASSPHRASE (docs/ci.md)"
        )


def preview(stack: str, arguments: Sequence[str]) -> int:
    """Previews a stack with the policy pack and writes the report; returns pulumi's exit code. Changes nothing in a shared state."""
    return _reported(Kind.PREVIEW, stack, lambda session, log: _preview(session, log, arguments))


def drift(stack: str, arguments: Sequence[str]) -> int:
    """Compares a stack with what really exists and with the code; returns 0 when nothing differs, else pulumi's exit code."""
    return _reported(Kind.DRIFT, stack, lambda session, log: _drift(session, log, arguments))


def deploy(stack: str, arguments: Sequence[str]) -> int:
    """Deploys a stack with the policy pack; returns pulumi's exit code. Raises KitError where its state would be lost."""
    session = open_session(check_name(stack))
    if session.backend.is_local and os.environ.get("GITHUB_ACTIONS") == "true":
        raise KitError("PULUMI_BACKEND_URL is not set: the stack's state would be lost with this runner (docs/ci.md)")
    check_encryption(session, {**os.environ, **session.environment})
    return up(stack, arguments)


_Run = Callable[[Session, Path], tuple[Outcome, int]]


def _reported(kind: Kind, stack: str, run: _Run) -> int:
    """Opens the stack, runs, and writes the report whatever happens. Raises KitError when it could not even start."""
    check_name(stack)
    try:
        session = open_session(stack)
        check_encryption(session, {**os.environ, **session.environment})
        # The log names properties and policies; it also holds values, so it does not stay.
        with tempfile.TemporaryDirectory(prefix="private-registry-") as temporary:
            outcome, code = run(session, Path(temporary))
    except KitError as error:
        problem = mask(str(error), secrets_of(os.environ))
        _write(Outcome(kind, stack, State.FAILED, comment.failed_text(kind, stack, problem)))
        raise
    _write(outcome)
    return code


def _write(outcome: Outcome) -> None:
    text = save(folder(os.environ), outcome)
    summary = os.environ.get(_SUMMARY)
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"{outcome.markdown}\n")
    else:
        # Flushed, so that it stands before the last line where both streams go into one file.
        print(f"\n{outcome.markdown}", flush=True)
    say(f"report: {text}")


def _with_events(session: Session) -> Session:
    """The session with pulumi's flag `--event-log`, which it only has with this variable."""
    return replace(session, environment={**session.environment, "PULUMI_DEBUG_COMMANDS": "true"})


def _report(session: Session, log: Path) -> event_log.Report:
    return comment.masked(event_log.read(log), secrets_of({**os.environ, **session.environment}))


def _preview(session: Session, temporary: Path, arguments: Sequence[str]) -> tuple[Outcome, int]:
    if not session.backend.is_local and not session.exists():
        before = session.config.read_text(encoding="utf-8")
        try:
            note = "This stack is not deployed yet: everything is new."
            return _previewed(_with_empty_state(session, temporary), temporary, arguments, note)
        finally:
            # pulumi has written the salt of the thrown away state into it.
            write_if_changed(session.config, before, mode=0o600)
    lost = session.backend.is_local and os.environ.get("GITHUB_ACTIONS") == "true"
    note = "No shared state (PULUMI_BACKEND_URL is not set): compared with an empty one." if lost else ""
    return _previewed(session, temporary, arguments, note)


def _previewed(session: Session, temporary: Path, arguments: Sequence[str], note: str) -> tuple[Outcome, int]:
    create_if_missing(session)
    log = temporary / "events.jsonl"
    command = ("preview", "--event-log", str(log), *policy_arguments(places.REPO, session.stack), *arguments)
    code = _with_events(session).perform(*command)
    report = _report(session, log)
    state = comment.preview_state(report, code)
    return Outcome(Kind.PREVIEW, session.stack, state, comment.preview_text(session.stack, report, state, note)), code


def _with_empty_state(session: Session, temporary: Path) -> Session:
    """The session on a state of its own that is thrown away: a preview must not create a stack, and may not be allowed to."""
    backend = temporary / "state"
    backend.mkdir()
    url = f"file://{backend}"
    return replace(session, backend=Backend(Source.ENVIRONMENT, url, {}), environment={**session.environment, "PULUMI_BACKEND_URL": url})


def _drift(session: Session, temporary: Path, arguments: Sequence[str]) -> tuple[Outcome, int]:
    if not session.exists():
        text = comment.drift_text(session.stack, event_log.Report(), State.NOT_DEPLOYED)
        return Outcome(Kind.DRIFT, session.stack, State.NOT_DEPLOYED, text), 0
    log = temporary / "events.jsonl"
    code = _with_events(session).perform("preview", "--refresh", "--expect-no-changes", "--event-log", str(log), *arguments)
    report = _report(session, log)
    state = comment.drift_state(report, code)
    # A refresh that only finds differences may count as "no changes" for pulumi; for a drift check it doesn't.
    code = code or int(state is not State.UNCHANGED)
    return Outcome(Kind.DRIFT, session.stack, state, comment.drift_text(session.stack, report, state)), code
