"""IAM policy documents: statements with lists where IAM takes one or many."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from policies.values import NotKnownYetError, Unknown, View


@dataclass(frozen=True)
class Statement:
    """One statement; `label` is its Sid, or its number, for messages."""

    label: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    """Each as `AWS:*`, `Service:ec2.amazonaws.com`, or `*`."""
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    """Operator, key and values."""
    negated: tuple[str, ...]
    """Which of NotAction, NotResource and NotPrincipal it has."""

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    def narrowing_keys(self) -> set[str]:
        """The keys, in lower case (IAM ignores it), that its conditions demand a value of.

        `StringNotLike` lets in everyone but some, `...IfExists` everyone without the key, and `*` everyone.
        """
        return {
            key.lower()
            for operator, key, values in self.conditions
            if "not" not in operator.lower()
            and not operator.lower().endswith("ifexists")
            and operator.lower() != "null"
            and "*" not in values
        }


def statements(props: View, key: str) -> tuple[Statement, ...]:
    """The statements of the document at a property, given as JSON text or as plain data.

    None when unset, and none when it is no policy document, which the provider refuses. Raises NotKnownYetError.
    """
    document = props.value(key)
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return ()
    if _has_unknown(document):
        raise NotKnownYetError(props.at(key))
    found = document.get("Statement") if isinstance(document, Mapping) else None
    listed = found if isinstance(found, list) else [found]
    return tuple(_statement(entry, number) for number, entry in enumerate(listed, 1) if isinstance(entry, Mapping))


def _has_unknown(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_has_unknown(inner) for inner in value.values())
    return any(_has_unknown(inner) for inner in value) if isinstance(value, list) else isinstance(value, Unknown)


def _statement(entry: Mapping[str, object], number: int) -> Statement:
    return Statement(
        label=str(entry.get("Sid") or f"statement {number}"),
        effect=str(entry.get("Effect", "")),
        actions=_strings(entry.get("Action")),
        resources=_strings(entry.get("Resource")),
        principals=tuple(_principals(entry.get("Principal"))),
        conditions=tuple(_conditions(entry.get("Condition"))),
        negated=tuple(key for key in ("NotAction", "NotResource", "NotPrincipal") if key in entry),
    )


def _strings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(inner) for inner in value) if isinstance(value, list) else (str(value),)


def _principals(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for kind, names in value.items():
            yield from (f"{kind}:{name}" for name in _strings(names))
    elif value is not None:
        yield str(value)


def _conditions(value: object) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if not isinstance(value, Mapping):
        return
    for operator, keys in value.items():
        if isinstance(keys, Mapping):
            for key, wanted in keys.items():
                yield str(operator), str(key), _strings(wanted)


_NARROWING = re.compile(
    r"aws:(?:principal(?:arn|account|orgid|orgpaths)|source(?:arn|account|orgid|vpc|vpce|ip|owner)|vpcsourceip|userid)"
    r"|kms:calleraccount|s3:dataaccesspointaccount"
)
"""Condition keys that say who or from where, so that `Principal: *` is not everyone
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html, "The meaning of public")."""


def is_public(statement: Statement) -> bool:
    """Whether a statement of a resource's policy gives something to everyone."""
    everyone = any(name in ("*", "AWS:*") for name in statement.principals) or "NotPrincipal" in statement.negated
    return statement.allows and everyone and not any(_NARROWING.fullmatch(key) for key in statement.narrowing_keys())


def denies_plain_http(found: tuple[Statement, ...]) -> bool:
    """Whether the statements refuse S3 requests without TLS, to everyone, for every action on the whole bucket and its objects.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html ("Enforce encryption of data in transit").
    A demand of a TLS version refuses plain requests too only together with it: `s3:TlsVersion` is absent without TLS.
    """
    covered: set[str] = set()
    for statement in found:
        plain = any(
            operator.lower() == "bool" and key.lower() == "aws:securetransport" and tuple(value.lower() for value in values) == ("false",)
            for operator, key, values in statement.conditions
        )
        # A second condition would narrow the refusal.
        if (
            statement.effect == "Deny"
            and plain
            and len(statement.conditions) == 1
            and any(name in ("*", "AWS:*") for name in statement.principals)
            and any(action.lower() in ("*", "s3:*") for action in statement.actions)
        ):
            covered |= {"objects" if resource.endswith("/*") else "bucket" for resource in statement.resources}
            if "*" in statement.resources:
                covered |= {"objects"}
    return {"objects", "bucket"} <= covered
