"""A fleet's bundle and its secret, which only together are what a host runs."""

from collections.abc import Iterator

from policies.aws.types import OBJECTS, SECRET_VERSIONS
from policies.carriers import values_in
from policies.fleet_archive import archive_in
from policies.rule import AnyRule, Finding, Resource, Result, Stack, StackResult, StackRule, Undecided, about
from policies.values import NotKnownYetError, View


def _complete(stack: Stack, _parameters: View) -> Iterator[StackResult]:
    for bundle in stack.of(*OBJECTS):
        wanted = archive_in(bundle).markers()
        if wanted:
            yield from about(bundle, lambda wanted=wanted: _missing(stack.of(*SECRET_VERSIONS), wanted))


def _missing(secrets: list[Resource], wanted: set[str]) -> Iterator[Result]:
    """One secret has to have all: a host reads one. Without any, the values come from a secret that the stack does not show."""
    left: list[set[str]] = []
    unseen: list[Undecided] = []
    for secret in secrets:
        try:
            values = values_in(secret)
        except NotKnownYetError as error:
            unseen.append(Undecided(f"{error.path} of {secret.name}"))
            continue
        left.append(wanted - {str(key) for key, value in (values or {}).items() if value})
    if any(not missing for missing in left):
        return
    if unseen:
        yield from unseen
        return
    missing = min(left, key=len, default=wanted)
    yield Finding(f"no secret of this stack has all values that it leaves open: {', '.join(sorted(missing))} missing")


BUNDLE_SECRET = StackRule(
    id="fleet-secret-complete",
    title="A fleet's secret has every value that its bundle leaves open",
    why="A bundle without its certificate or accounts starts no host; accounts from elsewhere are accounts that nobody reviews.",
    fix="Add the keys to secretString, a JSON object, of the secret that the hosts read.",
    types=(*OBJECTS, *SECRET_VERSIONS),
    check=_complete,
)

RULES: tuple[AnyRule, ...] = (BUNDLE_SECRET,)
