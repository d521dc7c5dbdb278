"""Secrets, keys, identities, objects, DNS records, alarms and logs.

Sources: internal/service/{secretsmanager,kms,iam,s3,route53,cloudwatch,logs} of terraform-provider-aws; the services' quotas
(https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from offline.plugins.framework import CheckFailure, Properties

from .together import Together, exactly_one, given, needs, not_both, number, text
from .values import Fault, Limits, at_least, at_most, between, one_of, written

MOST_SECRET = 65536
"""Bytes of one version of a secret."""


def _secret_string(value: object) -> str | None:
    """Never says what it is."""
    size = len(value.encode()) if isinstance(value, str) else 0
    return f"has {size} bytes, a secret holds {MOST_SECRET}" if size > MOST_SECRET else None


def _without_spaces(most: int) -> Fault:
    """A policy's length as IAM counts it."""

    def fault(value: object) -> str | None:
        size = len("".join(value.split())) if isinstance(value, str) else 0
        return f"has {size} characters without spaces, IAM takes {most}" if size > most else None

    return fault


def _key(value: object) -> str | None:
    size = len(value.encode()) if isinstance(value, str) else 1
    return None if 1 <= size <= 1024 else f"has {size} bytes: a key has 1 to 1024"


def _period(value: object) -> str | None:
    if not isinstance(value, int) or value in {10, 20, 30} or (value > 0 and value % 60 == 0):
        return None
    return f"{value} is neither 10, 20 or 30 seconds nor a multiple of 60"


_PATH = written(r"/|/[\x21-\x7e]+/", "has to begin and end with /", most=512)
_OBJECT: Limits = {
    "key": _key,
    "serverSideEncryption": one_of("AES256", "aws:kms", "aws:kms:dsse", "aws:fsx"),
    "storageClass": one_of(
        *("STANDARD", "REDUCED_REDUNDANCY", "GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE"),
        *("OUTPOSTS", "GLACIER_IR", "SNOW", "EXPRESS_ONEZONE"),
    ),
}
_RETENTION = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
_COMPARISONS = (
    *("GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"),
    *("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"),
)

LIMITS: Mapping[str, Limits] = {
    "aws:secretsmanager/secret:Secret": {
        "name": written(r"[A-Za-z0-9/_+=.@-]+", "has other characters than letters, digits and /_+=.@-", most=512),
        "recoveryWindowInDays": between(7, 30, 0),
        "description": written(r"[\s\S]*", "", least=0, most=2048),
    },
    "aws:secretsmanager/secretVersion:SecretVersion": {"secretString": _secret_string},
    "aws:kms/key:Key": {"deletionWindowInDays": between(7, 30), "rotationPeriodInDays": between(90, 2560)},
    "aws:kms/alias:Alias": {
        "name": written(
            r"alias/(?!aws/)[A-Za-z0-9/_-]+", "has to begin with alias/, not alias/aws/, and have letters, digits and /_-", most=256
        )
    },
    "aws:iam/role:Role": {
        "maxSessionDuration": between(3600, 43200),
        "description": written(r"[^\u201c\u2018]*", "has typographic quotes", least=0, most=1000),
        "path": _PATH,
        "assumeRolePolicy": _without_spaces(2048),
    },
    "aws:iam/rolePolicy:RolePolicy": {
        "name": written(r"[\w+=,.@-]+", "has other characters than letters, digits and +=,.@_-", most=128),
        "policy": _without_spaces(10240),
    },
    "aws:iam/policy:Policy": {"policy": _without_spaces(6144), "path": _PATH},
    "aws:iam/userPolicy:UserPolicy": {"policy": _without_spaces(2048)},
    "aws:iam/instanceProfile:InstanceProfile": {"path": _PATH},
    "aws:s3/bucketObject:BucketObject": _OBJECT,
    "aws:s3/bucketObjectv2:BucketObjectv2": _OBJECT,
    "aws:route53/record:Record": {
        "type": one_of(
            *("A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT")
        ),
        "name": written(r"[^\s]*", "has spaces", least=0, most=1024),
        "zoneId": written(r"(/hostedzone/)?[A-Z0-9]+", "is no hosted zone's id such as Z0123456789ABCDEFGHIJ", most=44),
        "ttl": between(0, 2147483647),
        "aliases": at_most(1),
    },
    "aws:cloudwatch/metricAlarm:MetricAlarm": {
        "name": written(r"[\s\S]+", ""),
        "alarmDescription": written(r"[\s\S]*", "", least=0, most=1024),
        "comparisonOperator": one_of(*_COMPARISONS),
        "statistic": one_of("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
        "treatMissingData": one_of("missing", "ignore", "breaching", "notBreaching"),
        "evaluationPeriods": at_least(1),
        "datapointsToAlarm": at_least(1),
        "period": _period,
        "namespace": written(r"[^:].*", "begins with a colon"),
        "metricName": written(r"[\s\S]+", ""),
        "alarmActions": at_most(5),
        "okActions": at_most(5),
        "insufficientDataActions": at_most(5),
    },
    "aws:cloudwatch/logGroup:LogGroup": {
        "name": written(r"[A-Za-z0-9._/#-]+", "has other characters than letters, digits and ._-/#", most=512),
        "retentionInDays": lambda value: None if value in _RETENTION else f"{value} is not one of: {', '.join(map(str, _RETENTION))}",
    },
}


def _record(inputs: Properties) -> Iterator[CheckFailure]:
    if given(inputs, "records") and not given(inputs, "ttl"):
        yield CheckFailure("ttl", "is required with records")


def _statistic(inputs: Properties) -> Iterator[CheckFailure]:
    if given(inputs, "metricName") and len(given(inputs, "statistic", "extendedStatistic")) != 1:
        yield CheckFailure("statistic", "with metricName exactly one of statistic and extendedStatistic is wanted")


def _window(inputs: Properties) -> Iterator[CheckFailure]:
    points, periods, seconds = (number(inputs, name) for name in ("datapointsToAlarm", "evaluationPeriods", "period"))
    if points is not None and periods is not None and points > periods:
        yield CheckFailure("datapointsToAlarm", f"{points:g} is more than evaluationPeriods {periods:g}")
    most = 86400 if seconds is not None and seconds < 3600 else 7 * 86400
    if seconds is not None and periods is not None and seconds * periods > most:
        yield CheckFailure("evaluationPeriods", f"{periods:g} periods of {seconds:g} s are longer than {most // 86400} d")


def _address(inputs: Properties) -> Iterator[CheckFailure]:
    """An alias stands for a name at the top of a zone too, which a CNAME cannot."""
    if text(inputs, "type") in {"NS", "SOA"} and given(inputs, "aliases"):
        yield CheckFailure("aliases", "is not possible for NS and SOA records")


TOGETHER: Mapping[str, tuple[Together, ...]] = {
    "aws:secretsmanager/secret:Secret": (not_both("name", "namePrefix"),),
    "aws:secretsmanager/secretVersion:SecretVersion": (
        not_both("secretString", "secretBinary", "secretStringWo"),
        not_both("secretBinary", "secretStringWo"),
        needs("secretStringWo", "secretStringWoVersion"),
    ),
    "aws:iam/role:Role": (not_both("name", "namePrefix"),),
    "aws:iam/instanceProfile:InstanceProfile": (not_both("name", "namePrefix"),),
    "aws:s3/bucketObject:BucketObject": (not_both("source", "content", "contentBase64"), not_both("content", "contentBase64")),
    "aws:s3/bucketObjectv2:BucketObjectv2": (
        not_both("source", "content", "contentBase64"),
        not_both("content", "contentBase64"),
        not_both("etag", "kmsKeyId"),
    ),
    "aws:route53/record:Record": (exactly_one("aliases", "records"), not_both("aliases", "ttl"), _record, _address),
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        not_both("metricName", "metricQueries"),
        not_both("threshold", "thresholdMetricId"),
        _statistic,
        _window,
    ),
}
