"""What the aws package has to say beyond its SDK's types."""

from __future__ import annotations

import os
from typing import ClassVar

from offline.plugins.framework import UNKNOWN, CheckFailure, Properties
from offline.plugins.preview import Facts, Sdk, Seed, Shape, Vendor

from . import functions, rules
from .arns import arn_of
from .ids import adopted_inputs, id_of
from .networks import Networks
from .outputs import known_outputs, text_output
from .replacement import DELETED_FIRST, replacing_change, replacing_inputs
from .revision import revised


class Aws(Vendor):
    """Amazon Web Services."""

    sdk = Sdk("aws")
    strict_enums = False  # the SDK lists today's regions, instance types and managed policies; others are valid too
    unset_is_computed = False
    secret_names = frozenset(
        {
            "secret",
            "sesSmtpPasswordV4",
            "password",
            "masterPassword",
            "authToken",
            "authTokenWo",
            "secretString",
            "secretStringWo",
            "secretBinary",
            "privateKey",
            "keyMaterial",
        }
    )
    functions: ClassVar = functions.FUNCTIONS

    def __init__(self) -> None:
        super().__init__()
        self._networks = Networks()

    def configure(self, settings: Properties) -> None:
        self.settings = settings | {"region": _region(settings)}

    def check_settings(self, settings: Properties) -> list[CheckFailure]:
        if settings.get("region") is None and not _region(settings):
            return [CheckFailure("region", "is missing: run `pulumi config set aws:region <region>`, or set AWS_REGION")]
        return []

    def naming_property(self, shape: Shape) -> str | None:
        name = "bucket" if (shape.module, shape.kind) == ("s3", "Bucket") else "name"
        return name if name in shape.inputs and shape.inputs[name].optional else None

    def automatic_name(self, shape: Shape, name: str, seed: Seed) -> str:
        made = f"{name}-{seed.hex(7, shape.token)}"
        if shape.module == "kms" and shape.kind == "Alias":
            return made if made.startswith("alias/") else f"alias/{made}"
        return made.lower() if self.naming_property(shape) == "bucket" else made

    def replaces(self, shape: Shape) -> frozenset[str]:
        return replacing_inputs(shape)

    def defaults(self, shape: Shape) -> Properties:
        # The vendor's plugin writes the provider's region into each resource's inputs since version 7.
        return {"region": self.settings["region"]} if "region" in shape.inputs and self.settings.get("region") else {}

    def problems(self, shape: Shape, inputs: Properties) -> list[CheckFailure]:
        return [*rules.problems(shape, inputs), *self._networks.faults(shape, inputs)]

    def replaces_change(self, shape: Shape, olds: Properties, news: Properties) -> frozenset[str]:
        return replacing_change(shape, olds, news)

    def deletes_first(self, shape: Shape) -> bool:
        return shape.token in DELETED_FIRST

    def revised(self, shape: Shape, changed: frozenset[str], olds: Properties, news: Properties, *, preview: bool) -> Properties:
        return revised(shape, changed, olds, news, preview=preview)

    def remember(self, shape: Shape, resource_id: str, inputs: Properties) -> None:
        self._networks.remember(shape, resource_id, inputs)

    def identify(self, facts: Facts) -> str:
        return id_of(facts)

    def computed(self, facts: Facts, resource_id: str) -> Properties:
        return {"arn": resource_id if resource_id.startswith("arn:") else arn_of(facts)} | known_outputs(facts, resource_id)

    def text_output(self, facts: Facts, resource_id: str, name: str) -> str | None:
        return text_output(facts, name)

    def derived(self, inputs: Properties) -> Properties:
        defaults = self.settings.get("defaultTags")
        common = defaults.get("tags") if isinstance(defaults, dict) else None
        own = inputs.get("tags")
        if common is UNKNOWN or own is UNKNOWN:
            return {"tagsAll": UNKNOWN}
        # An Auto Scaling group's are a list, and the provider's common ones do not reach it.
        tags = (common or {}) | (own if isinstance(own, dict) else {})
        return {"tagsAll": tags} if tags else {}

    def adopt(self, shape: Shape, resource_id: str) -> Properties:
        return adopted_inputs(shape, resource_id)


def _region(settings: Properties) -> str:
    return settings.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
