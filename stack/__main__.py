"""`python -m stack up | preview | down | outputs | password | ops | env | s3-server`.

Runs inside the virtual environment, after `python3 -m offline prepare`.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from offline.kit import places
from offline.kit.errors import KitError
from offline.kit.progress import fail
from stack import show
from stack.cloud_plan import plan_environment
from stack.down import down
from stack.failures import preflight
from stack.operations import ops
from stack.policy_pack import policy_arguments
from stack.session import VERBOSE, create_if_missing, open_session
from stack.up import up


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description="Works on one stack of the private registry.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
        ("up", "deploy; further arguments go to pulumi up"),
        ("preview", "show what up would do; further arguments go to pulumi preview"),
        ("down", "remove all but protected resources; further arguments go to pulumi destroy"),
        ("outputs", "print the outputs, secrets masked"),
        ("password", "print one account's password"),
        ("ops", "run the ops tool of the deployed stack; further arguments go to it"),
        ("env", "print shell lines for a pulumi of your own"),
        ("s3-server", "start or stop a local S3 server for the stack"),
    ):
        command = commands.add_parser(name, help=text, add_help=name != "ops")
        command.add_argument("--stack", default="dev", help="the stack (default: dev)")
        if name in {"up", "preview", "down"}:
            command.add_argument(VERBOSE, nargs="?", const="", help="show all that pulumi says (with a number: pulumi's own option)")
        if name == "outputs":
            command.add_argument("--json", action="store_true", help="as JSON")
            command.add_argument("--show-secrets", action="store_true", help="with passwords in the clear")
        if name == "s3-server":
            command.add_argument("action", choices=["start", "stop", "delete"], help="delete: stop, and remove every object")
        if name == "password":
            command.add_argument("--account", default="admin", help="the account (default: admin)")
    return parser


def preview(stack: str, arguments: Sequence[str]) -> int:
    """Runs `pulumi preview`; returns its exit code."""
    session = open_session(stack)
    preflight.check(session.config.read_text(encoding="utf-8"), stack, os.environ, refuse=False)
    create_if_missing(session)
    more = plan_environment(session, os.environ)
    return session.perform("preview", *policy_arguments(places.REPO, stack), *arguments, more=more)


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command not in {"up", "preview", "down", "ops"}:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    if getattr(options, "verbose", None) is not None:
        rest += [VERBOSE, *([f"{VERBOSE}={options.verbose}"] if options.verbose else [])]
    try:
        return _run(options, rest)
    except KitError as error:
        fail(str(error))
        return 1


def _run(options: argparse.Namespace, rest: Sequence[str]) -> int:  # noqa: PLR0911 - one a command
    match options.command:
        case "up":
            return up(options.stack, rest)
        case "preview":
            return preview(options.stack, rest)
        case "down":
            return down(options.stack, rest)
        case "outputs":
            return show.outputs(options.stack, as_json=options.json, show_secrets=options.show_secrets)
        case "ops":
            return ops(options.stack, rest)
        case "password":
            return show.password(options.stack, options.account)
        case "s3-server":
            # Local import: the others need no server, and its client takes a moment to load.
            from stack import s3_server  # noqa: PLC0415

            return s3_server.perform(options.stack, options.action)
        case _:
            return show.environment(options.stack)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
