"""The passphrase that encrypts the secrets of stacks in the local backend: made once, never silently made anew."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from offline.kit.errors import KitError
from offline.kit.files import write_if_changed, write_whole

_BYTES = 32
"""256 random bits."""
_VARIABLES = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
# How pulumi turns a passphrase and a salt into a key (its sdk/go/common/resource/config/crypt.go).
_ITERATIONS = 1_000_000
_KEY_BYTES = 32
_CHECK_WORD = b"pulumi"


def ensure(environment: Mapping[str, str], state: Path, existing: Sequence[str], tracked_salt: str | None = None) -> dict[str, str]:
    """Returns what to add to pulumi's environment.

    `existing` names the stacks whose state is in the local backend; `tracked_salt` is set when the stack file holds encrypted values.
    The user's own passphrase is left alone. Raises KitError when something is encrypted already and its passphrase is not here: nobody
    can guess it, and a new one would only hide that.
    """
    if any(name in environment for name in _VARIABLES):
        return {}
    file = state / "passphrase"
    if not file.exists():
        if existing:
            raise KitError(
                f"the passphrase is missing: state of {', '.join(existing)} exists in {state / 'backend'}, but {file} does not. "
                "Put the file back from your backup, or set PULUMI_CONFIG_PASSPHRASE_FILE. Nothing was changed"
            )
        if tracked_salt:
            raise KitError(
                f"the passphrase is missing: the stack file holds values that were encrypted with one, and {file} does not exist. "
                "Put it there, or set PULUMI_CONFIG_PASSPHRASE_FILE. Nothing was changed"
            )
        write_whole(file, secrets.token_urlsafe(_BYTES) + "\n", mode=0o600)
    return {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}


def value(environment: Mapping[str, str]) -> str | None:
    """The passphrase that pulumi will use, or None when none is set. Raises KitError when its file cannot be read."""
    plain = environment.get("PULUMI_CONFIG_PASSPHRASE")
    if plain is not None:
        return plain
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise KitError(f"the passphrase file cannot be read: {error}") from error


def fits(passphrase: str, salt: str) -> bool:
    """Whether the passphrase belongs to an `encryptionsalt` (`v1:<salt>:v1:<nonce>:<encrypted word>`).

    True for a form that is not known: then pulumi itself has to say it.
    """
    parts = salt.split(":")
    if len(parts) != 5 or parts[0] != "v1" or parts[2] != "v1":
        return True
    try:
        salt_bytes, nonce, encrypted = (base64.b64decode(part, validate=True) for part in (parts[1], parts[3], parts[4]))
        key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt_bytes, _ITERATIONS, _KEY_BYTES)
        return AESGCM(key).decrypt(nonce, encrypted, None) == _CHECK_WORD
    except InvalidTag:
        return False
    except (binascii.Error, ValueError):
        return True


def check(environment: Mapping[str, str], salt: str | None, stack: str, memory: Path | None = None) -> None:
    """Raises KitError when the passphrase is wrong for this stack's salt, before pulumi touches anything.

    Deriving the key takes a third of a second on purpose. A file that fitted is known by what the file system says of it, written to
    `memory`: nothing there helps to guess what is in it.
    """
    passphrase = value(environment)
    if salt is None or passphrase is None:
        return
    note = _note(environment, salt)
    if memory and note and memory.exists() and memory.read_text(encoding="utf-8") == note:
        return
    if fits(passphrase, salt):
        if memory and note:
            write_if_changed(memory, note, mode=0o600)
        return
    source = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE") or "PULUMI_CONFIG_PASSPHRASE"
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        source = "PULUMI_CONFIG_PASSPHRASE"
    raise KitError(f"wrong passphrase for stack {stack} ({source}): its secrets were encrypted with another one. Nothing was changed")


def _note(environment: Mapping[str, str], salt: str) -> str | None:
    """Names a salt and the state of the file whose passphrase is used; None where it comes from a variable."""
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not file or "PULUMI_CONFIG_PASSPHRASE" in environment:
        return None
    about = Path(file).stat()
    # Whoever changes a file's content can't set back its ctime.
    return f"{salt}\n{Path(file).absolute()} {about.st_dev} {about.st_ino} {about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}\n"


def known(state: Path, stack: str) -> Path:
    """Where `check` writes down that a stack's passphrase fits."""
    return state / "passphrase-fits" / stack


def forget(state: Path, stack: str) -> None:
    """Removes that, for a stack that is gone."""
    known(state, stack).unlink(missing_ok=True)
