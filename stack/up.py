"""`make up`: deploys a stack and says how to use it."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from offline.kit import places
from offline.kit.files import write_if_changed
from offline.kit.progress import fail, say
from offline.kit.stack_file import wishes
from stack.deploy import deploy
from stack.example import Registry, example
from stack.failures import preflight
from stack.session import Session, create_if_missing, open_session


def ca_folder(stack: str) -> Path:
    """Folder that holds a stack's CA certificate as ca.crt, as container clients want it."""
    return places.STATE / "ca" / stack


def up(stack: str, arguments: Sequence[str]) -> int:
    """Deploys the stack; returns pulumi's exit code. Raises KitError when it cannot even start."""
    started = time.monotonic()
    session = open_session(stack)
    preflight.check(session.config.read_text(encoding="utf-8"), stack, os.environ, refuse=True)
    create_if_missing(session)
    done = deploy(session, arguments)
    code = done.code
    seconds = time.monotonic() - started
    if code:
        # Local import: needed after a failure only.
        from stack.failures.gather import explanations  # noqa: PLC0415

        for text in explanations(session.config, stack, done.messages):
            fail(text)
        say(f"pulumi up failed with code {code} after {seconds:.0f} s; once its cause is gone, the same command carries on")
        return code
    # pulumi's log has all that the lines need; asking for the state costs a second.
    outputs = done.outputs or session.outputs()
    if outputs.get("url"):
        # Flushed, so that it stands before the last line where both streams go into one file.
        print(example(_registry(session, outputs)), flush=True)
    say(f"\nstack {stack} is up to date, after {seconds:.0f} s")
    return 0


def _registry(session: Session, outputs: Mapping[str, Any]) -> Registry:
    """Reads what the example needs from the outputs, and writes the CA certificate to its file."""
    folder: Path | None = None
    if outputs.get("caCertificate"):
        folder = ca_folder(session.stack)
        write_if_changed(folder / "ca.crt", str(outputs["caCertificate"]))
    accounts: Mapping[str, object] = outputs.get("accounts") or {"admin": ""}
    chosen = wishes(session.config.read_text(encoding="utf-8"), {}).images
    return Registry(session.stack, str(outputs["url"]), next(iter(accounts)), chosen.get("config") or _default_image(), folder)


def _default_image() -> str:
    # Local import: the settings' models take a moment to load, and only a stack on the vendors' images needs them here.
    from components.settings.model import ImagesSettings  # noqa: PLC0415

    return str(ImagesSettings.model_fields["config"].default)
