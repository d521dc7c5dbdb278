"""What AWS refuses although the SDK's types allow it: the names, documents and values that a registry's stack has."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from offline.plugins.framework import CheckFailure, Properties
from offline.plugins.preview import Shape

from .limits import exceeded

_DOCUMENTS = ("policy", "assumeRolePolicy")
_IAM_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_LONGEST_NAMES: Mapping[str, int] = {"Role": 64, "User": 64, "Group": 128, "InstanceProfile": 128, "Policy": 128}

_VALUES: Mapping[str, Mapping[tuple[str, ...], tuple[str, ...]]] = {
    "aws:iam/accessKey:AccessKey": {("status",): ("Active", "Inactive")},
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
        ("rule", "objectOwnership"): ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
    },
    "aws:s3/bucketVersioning:BucketVersioning": {("versioningConfiguration", "status"): ("Enabled", "Suspended", "Disabled")},
}


def problems(shape: Shape, inputs: Properties) -> list[CheckFailure]:
    """Check one resource's inputs, which have the right types; any may be or hold UNKNOWN."""
    found = [*_names(shape, inputs), *_documents(shape, inputs), *_values(shape, inputs), *exceeded(shape.token, inputs)]
    for name, value in inputs.items():
        if name.endswith("Arn") and isinstance(value, str) and not value.startswith("arn:"):
            found.append(CheckFailure(name, "is no ARN: it has to begin with `arn:`"))
    return found


def _names(shape: Shape, inputs: Properties) -> Iterator[CheckFailure]:
    bucket = inputs.get("bucket")
    if shape.kind == "Bucket" and isinstance(bucket, str) and (reason := bucket_name_fault(bucket)):
        yield CheckFailure("bucket", reason)
    name = inputs.get("name")
    longest = _LONGEST_NAMES.get(shape.kind)
    if shape.module == "iam" and longest and isinstance(name, str) and not (_IAM_NAME.fullmatch(name) and len(name) <= longest):
        yield CheckFailure("name", f"an IAM name has 1 to {longest} letters, digits and +=,.@_-")


def bucket_name_fault(name: str) -> str | None:
    """Tell what is wrong with a bucket's name (S3 user guide, "General purpose bucket naming rules")."""
    if not 3 <= len(name) <= 63:
        return f"a bucket's name has 3 to 63 characters, this one {len(name)}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", name):
        return "a bucket's name has lower-case letters, digits, dots and hyphens only, and begins and ends with a letter or digit"
    if ".." in name:
        return "a bucket's name has no two dots in a row"
    if name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(("-s3alias", "--ol-s3", "--x-s3", ".mrap")):
        return "a bucket's name must not begin or end like this: AWS reserves it"
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return None
    return "a bucket's name must not look like an IP address"


def _documents(shape: Shape, inputs: Properties) -> Iterator[CheckFailure]:
    for name in _DOCUMENTS:
        text = inputs.get(name)
        if not isinstance(text, str):
            continue
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            yield CheckFailure(name, f"is not valid JSON: {error}")
            continue
        if not isinstance(document, dict):
            yield CheckFailure(name, "has to be a JSON object")
            continue
        # Other modules have documents of other kinds: what to keep in a container registry, for example.
        is_policy = "Statement" in document or shape.module in {"iam", "s3"}
        if is_policy and (reason := policy_fault(document, with_principal=shape.module != "iam" or name == "assumeRolePolicy")):
            yield CheckFailure(name, reason)


def policy_fault(document: Mapping[str, Any], *, with_principal: bool) -> str | None:
    """Tell what is wrong with an IAM policy document; `with_principal`: it belongs to a resource or role, and has to say who is meant."""
    if unknown := document.keys() - {"Version", "Id", "Statement"}:
        return f"a policy has no {', '.join(sorted(unknown))}"
    if document.get("Version", "2008-10-17") not in {"2012-10-17", "2008-10-17"}:
        return "a policy's Version is 2012-10-17 (or 2008-10-17)"
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        return "a policy needs a list called Statement"
    return next((fault for one in statements if (fault := _statement_fault(one, with_principal=with_principal))), None)


def _statement_fault(statement: object, *, with_principal: bool) -> str | None:
    if not isinstance(statement, dict):
        return "a statement has to be an object"
    label = f"statement {statement.get('Sid', '')!r}"
    known = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"}
    if unknown := statement.keys() - known:
        return f"{label}: there is no {', '.join(sorted(unknown))}"
    if statement.get("Effect") not in {"Allow", "Deny"}:
        return f"{label}: Effect has to be Allow or Deny"
    if not statement.keys() & {"Action", "NotAction"}:
        return f"{label}: Action is missing"
    has_principal = bool(statement.keys() & {"Principal", "NotPrincipal"})
    if has_principal != with_principal:
        return f"{label}: Principal is missing" if with_principal else f"{label}: a policy of a user, group or role has no Principal"
    return None


def _values(shape: Shape, inputs: Properties) -> Iterator[CheckFailure]:
    for path, allowed in _VALUES.get(shape.token, {}).items():
        value: object = inputs
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, str) and value not in allowed:
            yield CheckFailure(".".join(path), f"{value!r} is not one of: {', '.join(allowed)}")
