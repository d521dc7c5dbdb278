"""The engine kit's command: `python3 -m offline prepare | venv | image | status | clean`.

Starts with the system's Python, before anything is installed.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from offline.kit import venv
from offline.kit.errors import KitError
from offline.kit.progress import fail, say


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m offline", description="Provides what a machine without the vendor's downloads lacks.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    prepare = commands.add_parser("prepare", help="make everything ready that a stack needs (CLI, plugins, engine, images)")
    prepare.add_argument("--stack", default="dev", help="stack whose file Pulumi.<stack>.yaml is read (default: dev)")
    prepare.add_argument("--dev", action="store_true", help="also what the tests need")
    prepare.add_argument("--no-engine", action="store_true", help="leave Docker and images alone")
    environment = commands.add_parser("venv", help="make the virtual environment only")
    environment.add_argument("--dev", action="store_true", help="with the tools for checks and tests")
    image = commands.add_parser("image", help="build one image of the kit and print its name")
    image.add_argument("role", help="registry, registry-2.8, edge, redis or config")
    commands.add_parser("status", help="show what is there and what the kit would provide")
    commands.add_parser("clean", help="remove the virtual environment, caches and builds; never the state of a living stack")
    return parser


def _prepare(options: argparse.Namespace) -> None:
    # Before the import, which an older Python does not understand.
    venv.check_python()
    from offline.kit.prepare import Request, prepare  # noqa: PLC0415

    # An order to end, as from continuous integration, ends in the same way as Ctrl-C: builds under way are ended, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    prepare(Request(options.stack, engine=not options.no_engine, tests=options.dev))


def _image(role: str) -> None:
    from offline.images.choice import provide  # noqa: PLC0415
    from offline.images.recipe import ALL  # noqa: PLC0415
    from offline.kit import engine_start  # noqa: PLC0415
    from offline.kit.engine_api import DEFAULT_HOST, Address  # noqa: PLC0415

    if role not in ALL:
        raise KitError(f"no image {role!r}; there are: {', '.join(ALL)}")
    engine = engine_start.ensure(Address(os.environ.get("DOCKER_HOST") or DEFAULT_HOST), "up")
    print(provide(engine, ALL[role]))


def _run(arguments: Sequence[str]) -> None:
    options = _parser().parse_args(arguments)
    match options.command:
        case "prepare":
            _prepare(options)
        case "venv":
            venv.ensure(development=options.dev)
        case "image":
            _image(options.role)
        case "status":
            from offline.kit.status import lines  # noqa: PLC0415

            for line in lines():
                print(line)
        case "clean":
            from offline.kit.clean import clean  # noqa: PLC0415

            clean()


def main(arguments: Sequence[str]) -> int:
    """Runs one command; returns the exit code."""
    try:
        _run(arguments)
    except KitError as error:
        fail(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
