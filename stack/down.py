"""`make down`: removes what a stack made, but never what is protected."""

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from offline.kit import prepared
from offline.kit.progress import say, warn
from stack import last_deployment, passphrase
from stack.session import Session, create_if_missing, open_session
from stack.up import ca_folder


def kept(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the protected resources among these, as the platform knows them."""
    found = []
    for resource in resources:
        if resource.get("protect") and resource.get("custom"):
            outputs: Mapping[str, Any] = resource.get("outputs") or {}
            kind = str(resource["type"]).rpartition(":")[2].lower()
            found.append(f"{kind} {outputs.get('name') or str(resource['urn']).rpartition('::')[2]}")
    return sorted(found)


def down(stack: str, arguments: Sequence[str]) -> int:
    """Destroys the stack's resources but protected ones; removes the stack when none is left. Returns pulumi's exit code."""
    session = open_session(stack)
    if not session.exists():
        say(f"stack {stack} does not exist; nothing to do")
        _forget(session)
        return 0
    create_if_missing(session)
    code = session.perform("destroy", "--yes", "--skip-preview", "--exclude-protected", *arguments)
    if code:
        say(f"pulumi destroy failed with code {code}; once its cause is gone, run make down again")
        return code
    left = session.resources()
    if left:
        names = kept(left)
        warn(f"kept, because they are protected: {', '.join(names) or f'{len(left)} resources'}")
        say(
            f"`make up STACK={stack}` uses them again, with a new CA and new generated passwords. To delete them for good: "
            f"set private-registry:allowDestroy: true in Pulumi.{stack}.yaml, then make up STACK={stack}, then make down STACK={stack}"
        )
        return 0
    session.ask("stack", "rm", "--yes", "--preserve-config", "--remove-backups", "--stack", stack)
    _forget(session)
    say(f"stack {stack} is gone; nothing of it is left")
    return 0


def _forget(session: Session) -> None:
    """Removes this checkout's own files of a stack that is gone."""
    session.config.unlink(missing_ok=True)
    prepared.forget(session.stack)
    last_deployment.forget(session.state, session.stack)
    passphrase.forget(session.state, session.stack)
    folder = ca_folder(session.stack)
    if folder.exists():
        shutil.rmtree(folder)
    if folder.parent.exists() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()
