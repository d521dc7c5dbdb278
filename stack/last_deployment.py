"""What a stack was last deployed from: as long as that is the same, a preview that finds nothing says all.

pulumi records more of a resource than a preview compares, such as what it depends on and how long it may take. A changed program can
change that alone; then the update has to run, although its preview is empty.
"""

import hashlib
from pathlib import Path

from offline.kit import places
from offline.kit.files import write_if_changed
from stack import backend
from stack.policy_pack import config_file
from stack.session import PROJECT, Session

# Whatever the program, the policies and the kit's plugins are made of.
_FILES = ("Pulumi.yaml", "__main__.py", "requirements.txt", "constraints.txt", "offline/requirements.txt")
_FOLDERS = ("components", "bundle", "host", "ops", "policies", "offline/language_host", "offline/plugins")


def _path(state: Path, stack: str) -> Path:
    return state / "deployed" / stack


def is_current(session: Session) -> bool:
    """Whether program, settings and state are those that the last deployment from here left. Never for a shared backend's state, which
    others change too."""
    if not session.backend.is_local or not session.exists():
        return False
    try:
        return _path(session.state, session.stack).read_text(encoding="utf-8") == _fingerprint(session)
    except FileNotFoundError:
        return False


def remember(session: Session) -> None:
    """Writes down what has just been deployed, for the next `is_current`."""
    if session.backend.is_local and session.exists():
        write_if_changed(_path(session.state, session.stack), _fingerprint(session))


def forget(state: Path, stack: str) -> None:
    """Removes that, for a stack that is gone."""
    _path(state, stack).unlink(missing_ok=True)


def _fingerprint(session: Session) -> str:
    """A hash over names and contents of the files."""
    repo = places.REPO
    files = [repo / name for name in (*_FILES, config_file(session.stack))]
    for folder in _FOLDERS:
        files += sorted(path for path in (repo / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    files += [session.config, backend.state_file(session.state, PROJECT, session.stack)]
    found = hashlib.sha256(f"kit: {session.prepared.kit_cli}\0".encode())
    for file in files:
        content = file.read_bytes() if file.exists() else b"none"
        found.update(f"{file}\0{len(content)}\0".encode() + content)
    return found.hexdigest() + "\n"
