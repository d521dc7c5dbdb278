"""What identities may do: wildcards, administrators, and who may become a role."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from policies.aws.iam_document import Statement, is_public, statements
from policies.aws.types import ATTACHMENTS, IDENTITY_POLICIES, ROLES
from policies.rule import Finding, Parameter, Resource, Result, Rule, each
from policies.values import View


def _documents(resource: Resource) -> list[View]:
    """The objects that hold a `policy`: the resource itself, or a role's inline policies."""
    return resource.props.views("inlinePolicies") if resource.type in ROLES else [resource.props]


def _actions(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means that nothing is allowed (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html)."""
    yield from each(_documents(resource), lambda document: _wide_actions(document.at("policy"), statements(document, "policy")))


def _wide_actions(path: str, found: Iterable[Statement]) -> Iterator[Result]:
    for statement in found:
        if not statement.allows:
            continue
        if "NotAction" in statement.negated:
            yield Finding(f"{path}, {statement.label}: allows everything but NotAction")
        if _administers(statement):
            yield Finding(f"{path}, {statement.label}: allows * on *, which is an administrator")
            continue
        for action in statement.actions:
            if action == "*" or action.endswith(":*"):
                yield Finding(f"{path}, {statement.label}: allows {action}")


def _administers(statement: Statement) -> bool:
    return "*" in statement.resources and any(action in ("*", "*:*") for action in statement.actions)


IAM_ACTIONS = Rule(
    id="aws-iam-wildcard-action",
    title="Policies name the actions that they allow",
    why="A whole service's actions include deleting everything in it and changing who may use it.",
    fix="List the actions that the code calls, such as s3:GetObject and s3:PutObject.",
    types=(*IDENTITY_POLICIES, *ROLES),
    check=_actions,
)

_WITHOUT_RESOURCE = (
    "autoscaling:Describe*",
    "cloudwatch:GetMetric*",
    "cloudwatch:ListMetrics",
    "cloudwatch:PutMetricData",
    "ec2:Describe*",
    "ec2messages:*",
    "ecr:GetAuthorizationToken",
    "elasticloadbalancing:Describe*",
    "kms:ListAliases",
    "s3:ListAllMyBuckets",
    "sts:GetCallerIdentity",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:*",
    "xray:Put*",
)
"""Actions that know no resource, so that IAM takes only *
(https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html)."""

_NARROWING_KEYS = re.compile(
    r"(?:aws|ec2|ssm|kms|secretsmanager|autoscaling|s3)[:](?:resourcetag/.+|resourceaccount|existingobjecttag/.+|viaservice)"
)
_EVERYTHING_OF_A_KIND = re.compile(r"[a-z-]+[:/]\*")


def _resources(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means that nothing is allowed."""
    unbound = parameters.texts("actionsWithoutResource")
    yield from each(_documents(resource), lambda document: _wide_resources(document.at("policy"), statements(document, "policy"), unbound))


def _wide_resources(path: str, found: Iterable[Statement], unbound: list[str]) -> Iterator[Result]:
    for statement in found:
        if not statement.allows or any(_NARROWING_KEYS.fullmatch(key) for key in statement.narrowing_keys()):
            continue
        bound = [action for action in statement.actions if not any(fnmatchcase(action.lower(), known.lower()) for known in unbound)]
        if "NotResource" in statement.negated:
            yield Finding(f"{path}, {statement.label}: allows everything but NotResource")
        for name in statement.resources:
            # An administrator is the other rule's finding.
            if bound and _is_everything(name) and not _administers(statement):
                yield Finding(f"{path}, {statement.label}: allows {', '.join(bound)} on {name}")


def _is_everything(name: str) -> bool:
    if name == "*":
        return True
    if not name.startswith("arn:"):
        return False
    _, _, service, *_, own = (*name.split(":", 5), "")[:6]
    # A bucket's objects look like all of a kind: arn:aws:s3:::images/*.
    return own in ("*", "*/*") or (service != "s3" and _EVERYTHING_OF_A_KIND.fullmatch(own) is not None)


IAM_RESOURCES = Rule(
    id="aws-iam-wildcard-resource",
    title="Policies name the resources that they are about",
    why="A registry needs its bucket, one secret and perhaps one key. With * a host that is broken into reads all of the account's.",
    fix="Put the ARNs in Resource: the bucket with its prefix, the one secret, the one key.",
    types=(*IDENTITY_POLICIES, *ROLES),
    parameters={
        "actionsWithoutResource": Parameter(_WITHOUT_RESOURCE, "Actions that may have Resource *, as * is all that IAM takes for them."),
    },
    check=_resources,
)

_ADMINISTRATORS = ("AdministratorAccess*", "PowerUserAccess", "IAMFullAccess", "job-function/SystemAdministrator", "*FullAccess")


def _attached(resource: Resource, parameters: View) -> Iterator[Result]:
    """Unset means that nothing is attached."""
    key = "managedPolicyArns" if resource.type in ROLES else "policyArn"
    for arn in resource.props.texts(key):
        name = arn.partition(":policy/")[2]
        if any(fnmatchcase(name, refused) for refused in parameters.texts("refused")):
            yield Finding(f"{key} has the managed policy {name}")


IAM_ADMINISTRATOR = Rule(
    id="aws-iam-administrator",
    title="No identity is an administrator or has all of a service",
    why="Such a policy lets whoever gets the identity's credentials delete the registry, its backups and the logs of it.",
    fix="Attach a policy of your own with the actions and resources that are needed.",
    types=(*ATTACHMENTS, *ROLES),
    parameters={"refused": Parameter(_ADMINISTRATORS, "Names of managed policies that nobody may have; * stands for anything.")},
    check=_attached,
)


def _trust(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means nothing: the provider demands it."""
    for statement in statements(resource.props, "assumeRolePolicy"):
        if not statement.allows:
            continue
        if is_public(statement):
            yield Finding(f"assumeRolePolicy, {statement.label}: anybody with an AWS account may become this role")
        federated = any(name.startswith("Federated:") and "oidc" in name for name in statement.principals)
        if federated and not any(key.endswith(":sub") for key in statement.narrowing_keys()):
            yield Finding(f"assumeRolePolicy, {statement.label}: everybody of the OpenID provider may become this role")


IAM_TRUST = Rule(
    id="aws-iam-trust",
    title="Roles say who may become them",
    why="A role that trusts everyone, or every repository of a CI provider, hands its rights to strangers.",
    fix="Name accounts, roles or services as Principal; for OpenID add a condition on the provider's :sub, e.g. repo:org/name:*.",
    types=ROLES,
    check=_trust,
)
