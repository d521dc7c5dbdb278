"""Runs the agent: `python3 -m host start|refresh|stop`, inside the unpacked bundle. The boot script calls it and holds the lock."""

import sys
from collections.abc import Sequence
from pathlib import Path

from host.agent import Agent
from host.boot import ACTIONS, HostError, Places, read_boot, say
from host.manifest import read_manifest


def main(arguments: Sequence[str]) -> int:
    """Runs one action; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in ACTIONS:
        say(f"usage: python3 -m host {'|'.join(ACTIONS)}")
        return 64
    action = arguments[0]
    bundle = Path(__file__).resolve().parent.parent
    try:
        places = Places()
        agent = Agent(places, read_boot(places.boot), read_manifest(bundle), bundle)
        {"start": agent.start, "refresh": agent.refresh, "stop": agent.stop}[action]()
    except (HostError, OSError) as error:
        say(f"{action} FAILED: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
