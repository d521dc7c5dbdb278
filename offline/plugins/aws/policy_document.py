"""`aws.iam.get_policy_document`: an IAM policy document from its parts. It needs no cloud, so this is the real thing."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any

from offline.plugins.framework import Properties, ResourceError


def policy_document(arguments: Properties, _settings: Properties) -> Properties:
    """Make the document. Raises ResourceError for one that is merged in and is no JSON, and for statements with the same sid."""
    version = arguments.get("version") or "2012-10-17"
    statements: list[Properties] = []
    for text in arguments.get("sourcePolicyDocuments") or []:
        statements += _statements_of(text, "sourcePolicyDocuments")
    statements += [_statement(statement, version) for statement in arguments.get("statements") or []]
    _refuse_doubles(statements)
    for text in arguments.get("overridePolicyDocuments") or []:
        statements = _override(statements, _statements_of(text, "overridePolicyDocuments"))
    document: Properties = {"Version": version}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    document["Statement"] = statements
    pretty = json.dumps(document, indent=2)
    return {
        "id": str(zlib.crc32(pretty.encode())),
        "json": pretty,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        "version": version,
    }


def _statement(given: Properties, version: str) -> Properties:
    made: Properties = {"Sid": given.get("sid"), "Effect": given.get("effect") or "Allow"}
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        made[name] = _one_or_many(_variables(given.get(f"{name[0].lower()}{name[1:]}s") or [], version))
    for name in ("Principal", "NotPrincipal"):
        made[name] = _principals(given.get(f"{name[0].lower()}{name[1:]}s") or [], version)
    conditions: dict[str, Properties] = {}
    for condition in given.get("conditions") or []:
        values = _variables(condition["values"], version)
        conditions.setdefault(condition["test"], {})[condition["variable"]] = values[0] if len(values) == 1 else values
    made["Condition"] = conditions
    return {name: value for name, value in made.items() if value}


def _principals(given: Sequence[Properties], version: str) -> str | Properties:
    if any(one["type"] == "*" and one["identifiers"] == ["*"] for one in given):
        return "*"
    by_type: dict[str, list[str]] = {}
    for one in given:
        by_type.setdefault(one["type"], []).extend(_variables(one["identifiers"], version))
    return {kind: _one_or_many(names) for kind, names in by_type.items()}


def _one_or_many(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else sorted(set(values))


def _variables(values: Sequence[str], version: str) -> list[str]:
    """Write IAM's policy variables the way IAM does: `&{aws:username}` stands for them where `${}` means something already."""
    return [value.replace("&{", "${") if version == "2012-10-17" else value for value in values]


def _statements_of(text: str, argument: str) -> list[Properties]:
    if not text:
        return []
    try:
        found: Any = json.loads(text).get("Statement", [])
    except (json.JSONDecodeError, AttributeError) as error:
        raise ResourceError(f"getPolicyDocument: {argument} holds no JSON object: {error}") from error
    return found if isinstance(found, list) else [found]


def _refuse_doubles(statements: Sequence[Properties]) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if doubles := sorted({sid for sid in sids if sids.count(sid) > 1}):
        raise ResourceError(f"getPolicyDocument: several statements have the sid {', '.join(doubles)}")


def _override(statements: Sequence[Properties], others: Sequence[Properties]) -> list[Properties]:
    replaced = {other["Sid"]: other for other in others if other.get("Sid")}
    kept = [replaced.pop(statement.get("Sid", ""), statement) for statement in statements]
    return kept + [other for other in others if not other.get("Sid") or other["Sid"] in replaced]
