"""`python -m stack.ci affected | preview | drift | deploy | comment | issue`: what the workflows run, through make."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from offline.kit import places
from offline.kit.errors import KitError
from offline.kit.progress import fail, say
from stack.ci import publish
from stack.ci.affected import affected, changed_files, check_name, chosen, stacks_in
from stack.ci.github import GitHub
from stack.ci.outcome import Kind, load_all

_RUNS = ("preview", "drift", "deploy")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack.ci", description="What continuous integration does with stacks.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    which = commands.add_parser("affected", help="print the stacks that a change touches, as JSON")
    which.add_argument("--since", default="", help="the commit to compare with (default: count everything as changed)")
    which.add_argument("--since-deployed", action="store_true", help="compare with each stack's last deployment instead")
    which.add_argument("--head", default="HEAD", help="the commit of the change (default: HEAD)")
    which.add_argument("--only", default="", help="the stacks to look after (default: the variable CI_STACKS, else all with a file)")
    for name, text in (
        ("preview", "preview with the policy pack and write the report; further arguments go to pulumi"),
        ("drift", "check for drift and write the report; further arguments go to pulumi"),
        ("deploy", "deploy with the policy pack; further arguments go to pulumi up"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--stack", default="dev", help="the stack (default: dev)")
    for name, text in (("comment", "write the previews' reports on a pull request"), ("issue", "write the drift reports as issues")):
        command = commands.add_parser(name, help=text)
        command.add_argument("--reports", type=Path, required=True, help="folder of the reports")
        if name == "comment":
            command.add_argument("--number", type=int, required=True, help="the pull request")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command not in _RUNS:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    try:
        return _run(options, rest)
    except KitError as error:
        fail(str(error))
        return 1


def _run(options: argparse.Namespace, rest: Sequence[str]) -> int:
    if options.command in _RUNS:
        # Local import: these need the virtual environment, the others a plain Python.
        from stack.ci import run  # noqa: PLC0415

        run.drop_empty_passphrase()
        return {"preview": run.preview, "drift": run.drift, "deploy": run.deploy}[options.command](options.stack, rest)
    match options.command:
        case "affected":
            return _affected(options, os.environ)
        case "comment":
            # From the environment and not from an argument, which would pass through a shell: a pull request's code made the list.
            expected = _names(os.environ.get("STACKS", ""))
            done = publish.previews(
                GitHub.from_environment(os.environ),
                options.number,
                expected,
                load_all(options.reports, Kind.PREVIEW),
                publish.footer(os.environ),
            )
        case _:
            done = publish.drift(GitHub.from_environment(os.environ), load_all(options.reports, Kind.DRIFT), publish.footer(os.environ))
    for line in done:
        say(line)
    return 0


def _names(text: str) -> tuple[str, ...]:
    """A JSON list of names. Raises KitError for anything else. Empty text, as of a job that did not run, is an empty list."""
    try:
        content: object = json.loads(text or "[]")
    except ValueError as error:
        raise KitError(f"STACKS={text!r} is no JSON list") from error
    if not isinstance(content, list):
        raise KitError(f"STACKS={text!r} is no JSON list")
    return tuple(check_name(str(name)) for name in content)


def _affected(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Prints the list, and hands it to the workflow as the output `stacks`."""
    known = stacks_in(places.REPO)
    only = options.only or environment.get("CI_STACKS", "")
    looked_after = chosen(known, only)
    if not looked_after and environment.get("GITHUB_ACTIONS") == "true":
        # The stack files that come with this repository are examples: nobody's CI may deploy them unasked.
        say("the variable CI_STACKS is not set: no stack is looked after (docs/ci.md)")
        found: tuple[str, ...] = ()
    elif options.since_deployed:
        github = GitHub.from_environment(environment)
        found = tuple(stack for stack in looked_after or known if _touched(stack, publish.last_deployed(github, stack), options.head))
    else:
        candidates = looked_after or known
        changed = changed_files(places.REPO, options.since, options.head)
        found = candidates if changed is None else affected(changed, candidates)
    listed = json.dumps(found)
    print(listed)
    output = environment.get("GITHUB_OUTPUT")
    if output:
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"stacks={listed}\n")
    return 0


def _touched(stack: str, since: str, head: str) -> bool:
    changed = changed_files(places.REPO, since, head)
    return changed is None or bool(affected(changed, (stack,)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
