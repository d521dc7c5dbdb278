"""Says on GitHub what previews and drift checks came to: one comment a stack on a pull request, one issue a stack that has drifted.

Both are found again by their first line, and only if GitHub's own bot wrote them: anybody may write such a line.
"""

from collections.abc import Mapping, Sequence

from offline.kit.errors import KitError
from stack.ci.comment import failed_text, marker
from stack.ci.github import GitHub
from stack.ci.outcome import Kind, Outcome, State, missing

_NO_REPORT = "The job ended before there was a report: see the run."


def _by_bot(entry: Mapping[str, object]) -> bool:
    user = entry.get("user")
    return isinstance(user, dict) and user.get("type") == "Bot"


def _stack_of(entry: Mapping[str, object], kind: Kind) -> str | None:
    """The stack that a comment or issue of ours is about."""
    body = entry.get("body")
    first = body.splitlines()[0].strip() if isinstance(body, str) and body.strip() and _by_bot(entry) else ""
    start, end = marker(kind, "\0").split("\0")
    return first[len(start) : -len(end)] if first.startswith(start) and first.endswith(end) else None


def _checked(outcome: Outcome) -> str:
    """The text to post. Raises KitError for one that would not be found again: then it was not written by this program."""
    if not outcome.markdown.startswith(f"{marker(outcome.kind, outcome.stack)}\n"):
        raise KitError(f"the report about {outcome.stack} does not start with its own first line")
    return outcome.markdown


def previews(github: GitHub, number: int, expected: Sequence[str], outcomes: Sequence[Outcome], footer: str) -> list[str]:
    """Writes or updates one comment for each stack; returns what was done, a line each.

    `expected` are the stacks that were to be previewed. A comment about a stack that the change no longer touches says so.
    """
    absent = missing(expected, outcomes)
    texts = {outcome.stack: _checked(outcome) for outcome in outcomes if outcome.stack in expected}
    texts |= {stack: failed_text(Kind.PREVIEW, stack, _NO_REPORT) for stack in absent}
    existing: dict[str, Mapping[str, object]] = {}
    for entry in github.entries(f"issues/{number}/comments"):
        stack = _stack_of(entry, Kind.PREVIEW)
        if stack is not None:
            existing.setdefault(stack, entry)
    for stack in existing:
        texts.setdefault(stack, f"{marker(Kind.PREVIEW, stack)}\n### Preview of `{stack}`: this change no longer touches it\n")
    done: list[str] = []
    for stack, text in sorted(texts.items()):
        body = f"{text}\n{footer}\n"
        if stack in existing:
            github.call("PATCH", f"issues/comments/{existing[stack]['id']}", {"body": body})
            done.append(f"comment about {stack} updated")
        else:
            github.call("POST", f"issues/{number}/comments", {"body": body})
            done.append(f"comment about {stack} written")
    return done


def drift(github: GitHub, outcomes: Sequence[Outcome], footer: str) -> list[str]:
    """Opens or updates the issue of each stack that has drifted, and closes it when the stack is right again; returns what was done.

    A check that failed leaves its issue alone: nothing is known.
    """
    existing: dict[str, Mapping[str, object]] = {}
    for entry in github.entries("issues", {"state": "open", "sort": "created", "direction": "asc"}):
        stack = _stack_of(entry, Kind.DRIFT)
        if stack is not None and "pull_request" not in entry:
            existing.setdefault(stack, entry)
    done: list[str] = []
    for outcome in outcomes:
        issue = existing.get(outcome.stack)
        body = f"{_checked(outcome)}\n{footer}\n"
        if outcome.state is State.CHANGED and issue:
            github.call("PATCH", f"issues/{issue['number']}", {"body": body})
            done.append(f"issue about {outcome.stack} updated")
        elif outcome.state is State.CHANGED:
            github.call("POST", "issues", {"title": f"Drift: stack {outcome.stack}", "body": body})
            done.append(f"issue about {outcome.stack} opened")
        elif outcome.state is State.UNCHANGED and issue:
            github.call("POST", f"issues/{issue['number']}/comments", {"body": f"The stack is what the code says again.\n\n{footer}\n"})
            github.call("PATCH", f"issues/{issue['number']}", {"state": "closed"})
            done.append(f"issue about {outcome.stack} closed")
        else:
            done.append(f"{outcome.stack}: {outcome.state}, no issue touched")
    return done


def last_deployed(github: GitHub, stack: str) -> str:
    """The commit of the stack's last deployment that succeeded, as GitHub keeps it for the environment.

    Empty when none of the last hundred did.
    """
    for deployment in github.entries("deployments", {"environment": f"deploy-{stack}"}, pages=1):
        statuses = github.entries(f"deployments/{deployment.get('id')}/statuses")
        # A newer deployment turns the state of the one before into `inactive`; that it was a success stays in the list.
        if any(status.get("state") == "success" for status in statuses):
            return str(deployment.get("sha", ""))
    return ""


def footer(environment: Mapping[str, str]) -> str:
    """Where the report comes from: commit and run. Empty outside GitHub Actions."""
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    if not all(environment.get(name) for name in names):
        return ""
    server, repository, run = (environment[name] for name in names)
    commit = environment.get("REPORTED_COMMIT") or environment.get("GITHUB_SHA", "")
    return f"<sub>commit {commit[:12]}, [run]({server}/{repository}/actions/runs/{run})</sub>"
