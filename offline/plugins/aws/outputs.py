"""Computed outputs that have a certain form."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping

from offline.plugins.framework import Properties
from offline.plugins.preview import Facts

from .account import ACCOUNT, dns_suffix
from .arns import UPPER, arn_of, name_of
from .ec2 import other_id
from .fleet_outputs import FLEET_OUTPUTS, region_of
from .ids import id_of


def known_outputs(facts: Facts, resource_id: str) -> Properties:
    """Return what is known of a resource's computed outputs; None for one that is not there."""
    common: Properties = {"name": name_of(facts) or resource_id, "ownerId": ACCOUNT, "accountId": ACCOUNT}
    make = _OUTPUTS.get(facts.shape.token)
    found = common | (make(facts) if make else {})
    # `name` and the like are inputs too, and then stay what they are.
    return {name: value for name, value in found.items() if facts.inputs.get(name) in (None, "")}


def text_output(facts: Facts, name: str) -> str | None:
    """Make up a text output by its name."""
    region = region_of(facts)
    if name == "region":
        return region
    if name == "urn" or name.endswith("Arn"):
        return arn_of(facts)
    if name == "bucket":
        return facts.text("bucketPrefix") + facts.seed.hex(26, "bucket")
    if name == "availabilityZone":
        return f"{region}a"
    if name.endswith("UniqueId") or name == "uniqueId":
        return f"AIDA{facts.seed.characters(17, name, UPPER)}"
    return other_id(name, facts.seed)


def _bucket(facts: Facts) -> Properties:
    bucket, region = facts.text("bucket"), region_of(facts)
    return {
        "bucketDomainName": f"{bucket}.s3.{dns_suffix(region)}",
        "bucketRegionalDomainName": f"{bucket}.s3.{region}.{dns_suffix(region)}",
        "bucketRegion": region,
        "region": region,
        "hostedZoneId": f"Z{facts.seed.characters(13, 'zone', UPPER)}",
        "websiteEndpoint": f"{bucket}.s3-website-{region}.{dns_suffix(region)}",
        "websiteDomain": f"s3-website-{region}.{dns_suffix(region)}",
    }


def _access_key(facts: Facts) -> Properties:
    password = base64.b64encode(bytes.fromhex(facts.seed.hex(66, "smtp"))).decode()
    secret = facts.seed.characters(40, "secret", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    only_with_pgp_key = {} if facts.text("pgpKey") else dict.fromkeys(("encryptedSecret", "encryptedSesSmtpPasswordV4", "keyFingerprint"))
    return {"secret": secret, "sesSmtpPasswordV4": password, "status": facts.text("status") or "Active", **only_with_pgp_key}


def _object(facts: Facts) -> Properties:
    """The ETag is the MD5 of what is uploaded, unless a KMS key encrypts it
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html). An asset's content is not looked at."""
    content = facts.text("content").encode()
    if facts.text("contentBase64"):
        content = base64.b64decode(facts.text("contentBase64"))
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if facts.text("serverSideEncryption").startswith("aws:kms") or isinstance(facts.inputs.get("source"), dict):
        digest = facts.seed.hex(32, f"etag {facts.inputs.get('source')!r} {digest}")
    checksums = dict.fromkeys(("checksumCrc32", "checksumCrc32c", "checksumCrc64nvme", "checksumSha1", "checksumSha256"), "")
    return checksums | {
        "contentType": "application/octet-stream",
        "etag": digest,
        "kmsKeyId": "",
        "serverSideEncryption": "AES256",
        "storageClass": "STANDARD",
        "versionId": facts.seed.characters(32, f"version {digest}"),
    }


_OUTPUTS: Mapping[str, Callable[[Facts], Properties]] = {
    "aws:s3/bucket:Bucket": _bucket,
    "aws:iam/accessKey:AccessKey": _access_key,
    "aws:iam/policy:Policy": lambda facts: {"policyId": f"ANPA{facts.seed.characters(17, 'policy', UPPER)}", "attachmentCount": 0},
    "aws:iam/instanceProfile:InstanceProfile": lambda facts: {"uniqueId": f"AIPA{facts.seed.characters(17, 'profile', UPPER)}"},
    "aws:iam/role:Role": lambda facts: {"uniqueId": f"AROA{facts.seed.characters(17, 'role', UPPER)}"},
    "aws:s3/bucketObject:BucketObject": _object,
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:secretsmanager/secretVersion:SecretVersion": lambda facts: {
        "arn": facts.text("secretId"),
        "hasSecretStringWo": facts.text("secretStringWo") != "",
        "secretArn": facts.text("secretId"),
        "versionId": id_of(facts).rpartition("|")[2],
        "versionStages": ["AWSCURRENT"],
    },
    "aws:kms/key:Key": lambda facts: {"keyId": id_of(facts)},
    "aws:route53/zone:Zone": lambda facts: {
        "zoneId": id_of(facts),
        "nameServers": [f"ns-{number}.awsdns-{number:02}.com" for number in range(1, 5)],
    },
    **FLEET_OUTPUTS,
    "aws:efs/fileSystem:FileSystem": lambda facts: {"dnsName": f"{id_of(facts)}.efs.{region_of(facts)}.{dns_suffix(region_of(facts))}"},
}
