"""Read-only commands: outputs, one password, the environment for a pulumi of one's own."""

import json
import os
import shlex
from collections.abc import Mapping
from typing import Any

from offline.kit.errors import KitError
from stack.session import Session, open_session

MASK = "[secret]"


def masked(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs with every password hidden: the names of the accounts are no secret."""
    accounts = outputs.get("accounts")
    hidden = {"accounts": dict.fromkeys(accounts, MASK)} if isinstance(accounts, dict) else {}
    return {**outputs, **hidden}


def table(outputs: Mapping[str, Any]) -> str:
    """The outputs for people: short values in columns, long ones below their name."""
    width = max((len(name) for name in outputs), default=0)
    lines: list[str] = []
    for name, value in outputs.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key}: {entry}" for key, entry in value.items())  # noqa: PLW2901
        text = "" if value is None else str(value).rstrip("\n")
        if "\n" in text:
            lines += ["", f"{name}:", *(f"  {line}" for line in text.splitlines()), ""]
        else:
            lines.append(f"{name.ljust(width)}  {text}")
    return "\n".join(lines).strip("\n")


def outputs(stack: str, *, as_json: bool, show_secrets: bool) -> int:
    """Prints the stack's outputs."""
    found = open_session(stack).outputs()
    shown = found if show_secrets else masked(found)
    print(json.dumps(shown, indent=2) if as_json else table(shown))
    return 0


def password(stack: str, account: str) -> int:
    """Prints one account's password and nothing else. Raises KitError for an account that does not exist."""
    accounts: dict[str, str] = open_session(stack).outputs().get("accounts") or {}
    if account not in accounts:
        raise KitError(f"stack {stack} has no account {account!r}; it has: {', '.join(accounts) or 'none'}")
    print(accounts[account])
    return 0


def environment_lines(session: Session) -> list[str]:
    """Shell lines that make a plain `pulumi` work on this stack."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in session.environment.items()]
    return [*lines, f"# pulumi up --stack {session.stack} --config-file {shlex.quote(str(session.config))}"]


def environment(stack: str) -> int:
    """Prints these lines, for `eval "$(make -s env)"`."""
    print("\n".join(environment_lines(open_session(stack))))
    if os.isatty(1):
        print('# use it like this: eval "$(make -s env)"')
    return 0
