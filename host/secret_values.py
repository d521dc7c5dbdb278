"""The values in the secret, checked before anything of them is used: a broken secret must not break a host that runs."""

import json
import os
import re
import ssl
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol, cast

from host.boot import HostError, asked

KEYS = ("certificate_pem", "private_key_pem", "htpasswd", "http_secret", "redis_password", "ops_password", "redis_host")
"""Keys of the secret; there may be others, which nobody reads (bundle/markers.py, SECRET_KEYS)."""
_ACCOUNT = re.compile(r"[^:\s]+:\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
"""A line of htpasswd: the registry knows bcrypt only."""
_WRITTEN_BY = "`pulumi up` writes it"


class SecretsManager(Protocol):
    """The part of boto3's Secrets Manager client that is used here."""

    def get_secret_value(self, *, SecretId: str) -> Mapping[str, object]: ...  # noqa: N803 - AWS's name


def fetch(arn: str, secrets_manager: SecretsManager) -> str:
    """The secret's text. Secret. HostError says which secret and what to do."""
    what = f"cannot read the secret {arn}"
    hints = {
        "ResourceNotFoundException": f"Was it deleted, or has it no value yet? {_WRITTEN_BY}",
        "AccessDeniedException": "The instance's role must be allowed secretsmanager:GetSecretValue on it",
        "DecryptionFailure": "The instance's role must be allowed kms:Decrypt with the secret's key",
        "InvalidRequestException": "Is it marked for deletion? Restore it, or run `pulumi up`",
    }

    def call() -> bytes:
        found = secrets_manager.get_secret_value(SecretId=arn).get("SecretString")
        if not isinstance(found, str):
            raise HostError(f"{what}: it is binary, not text. {_WRITTEN_BY}")
        return found.encode()

    return asked(call, what, hints, "The host must reach Secrets Manager: check endpoint, route and NAT").decode()


def parse(text: str, arn: str, keys: Collection[str] = KEYS) -> dict[str, str]:
    """The values by key. HostError when one is missing or empty; it never shows a value."""
    try:
        found = json.loads(text)
    except ValueError:
        # Without its cause, which holds the text.
        raise HostError(f"the secret {arn} is no JSON. {_WRITTEN_BY}") from None
    if not isinstance(found, dict):
        raise HostError(f"the secret {arn} is no JSON object. {_WRITTEN_BY}")
    values = {key: value for key, value in cast(dict[str, object], found).items() if isinstance(value, str) and value}
    missing = sorted(set(keys) - set(values))
    if missing:
        raise HostError(f"the secret {arn} has no text under {', '.join(missing)}. {_WRITTEN_BY}")
    return values


def _write_secret(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _check_pair(values: Mapping[str, str], arn: str, memory: Path) -> None:
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        certificate, key = Path(folder) / "crt", Path(folder) / "key"
        _write_secret(certificate, values["certificate_pem"])
        _write_secret(key, values["private_key_pem"])
        try:
            # An empty password, because OpenSSL would ask the terminal for that of an encrypted key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or "unreadable"
            raise HostError(
                f"certificate_pem and private_key_pem in the secret {arn} are no certificate and its key ({reason}): "
                f"put a pair that belongs together into the stack's settings, and run `pulumi up`"
            ) from None


def check(values: Mapping[str, str], arn: str, memory: Path) -> None:
    """Checks that servers will take the values. `memory` is a folder that is on no disk: certificate and key lie there for a moment."""
    _check_pair(values, arn, memory)
    for number, line in enumerate(values["htpasswd"].splitlines(), 1):
        if not _ACCOUNT.fullmatch(line):
            raise HostError(f"line {number} of htpasswd in the secret {arn} is no `name:bcrypt hash`. {_WRITTEN_BY}")
