"""Markers stand in for values that only a host of a fleet knows, so that a bundle can be packed and hashed while the deployment is planned.

A host replaces them (host/markers.py). The secret in the cloud thus holds values and never files: a host of the bundle's old version does
not get the new version's configuration with it (docs/decisions/0012-fleet-hosts.md).
"""

from dataclasses import fields

from bundle.model import Bundle, File, Values

HOST = "@@host@@"
"""The host's own id; on AWS the instance id. Not a secret."""


def marker(name: str) -> str:
    """The marker of a value."""
    return f"@@{name}@@"


SECRET_KEYS: tuple[str, ...] = tuple(field.name for field in fields(Values) if field.name != "storage")
"""Keys of the secret in the cloud: one a field of `Values`. On fleets the storage knows a host by its role and has no credentials."""

MARKED = Values(
    certificate_pem=marker("certificate_pem"),
    private_key_pem=marker("private_key_pem"),
    htpasswd=marker("htpasswd"),
    http_secret=marker("http_secret"),
    redis_password=marker("redis_password"),
    ops_password=marker("ops_password"),
    redis_host=marker("redis_host"),
)
"""What a fleet's bundle is rendered with. A marker is a whole file, or stands inside a text where values fit `[A-Za-z0-9._-]+`."""


def secret_values(values: Values) -> dict[str, str]:
    """What goes into the secret in the cloud, by SECRET_KEYS. Secret. ValueError when the storage has credentials of its own."""
    if values.storage:
        raise ValueError(
            f"a fleet's storage knows hosts by their role, but there are credentials for it: {', '.join(sorted(values.storage))}"
        )
    return {key: str(getattr(values, key)) for key in SECRET_KEYS}


def marked(file: File) -> bytes:
    """The file's content with markers where values belong."""
    return file.content if isinstance(file.content, bytes) else file.text(MARKED).encode()


def marked_files(bundle: Bundle) -> dict[str, bytes]:
    """All files of a bundle with markers, by path."""
    return {file.path: marked(file) for file in bundle.files}
