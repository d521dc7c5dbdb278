"""Objects that a stack uploads into buckets, such as the bundle of a fleet."""

from collections.abc import Iterator

from policies.aws.types import OBJECTS
from policies.fleet_archive import MARKER, archive_in
from policies.rule import Finding, Resource, Result, Rule, each
from policies.user_data import decoded, secrets_in
from policies.values import View


def _secret(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means an empty object, or one from a file, which is not looked at. In a bundle: what its services are given, and not its
    programs and lists of hashes, where every other word looks like a secret."""
    configuration = archive_in(resource).configuration()
    if configuration:
        for path, text in configuration.items():
            yield from _found(f"contentBase64, {path}", MARKER.sub("", text))
        return
    for key in ("content", "contentBase64"):
        yield from each([resource.props], lambda props, key=key: _content(props, key))


def _content(props: View, key: str) -> Iterator[Result]:
    text = props.text(key)
    if text:
        yield from _found(key, decoded(text) if key == "contentBase64" else text)


def _found(where: str, text: str) -> Iterator[Result]:
    for kind in secrets_in(text):
        yield Finding(f"{where} holds {kind}")


OBJECT_SECRET = Rule(
    id="aws-object-secret",
    title="Objects that a stack uploads hold no secret",
    why="An object is readable for whoever may read the bucket, old versions stay, and its content stands in the stack's state.",
    fix="Keep the secret in Secrets Manager, let the host fetch it with its role, and leave a placeholder in the object.",
    types=OBJECTS,
    check=_secret,
)
