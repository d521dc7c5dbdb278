"""What the azure-native package has to say beyond its SDK's types."""

from __future__ import annotations

import os
from typing import ClassVar

from offline.plugins.framework import CheckFailure, Properties
from offline.plugins.preview import Facts, Sdk, Seed, Shape, Vendor

from . import functions, rules
from .ids import NO_SUBSCRIPTION, id_of, inputs_of_id, resource_type
from .naming import automatic_name, naming_property, parents
from .outputs import known_outputs, text_output


class AzureNative(Vendor):
    """Microsoft Azure."""

    sdk = Sdk("azure-native")
    strict_enums = True
    unset_is_computed = True
    secret_names = frozenset({"primaryKey", "secondaryKey", "primaryConnectionString", "secondaryConnectionString", "adminPassword"})
    functions: ClassVar = functions.FUNCTIONS

    def configure(self, settings: Properties) -> None:
        subscription = settings.get("subscriptionId") or os.environ.get("ARM_SUBSCRIPTION_ID") or NO_SUBSCRIPTION
        self.settings = settings | {"subscriptionId": subscription}

    def naming_property(self, shape: Shape) -> str | None:
        return naming_property(shape)

    def automatic_name(self, shape: Shape, name: str, seed: Seed) -> str:
        return automatic_name(shape, name, seed)

    def replaces(self, shape: Shape) -> frozenset[str]:
        fixed = {"location", "resourceGroupName", "scope", *parents(shape), naming_property(shape) or ""}
        if shape.kind == "RoleAssignment":
            fixed |= {"principalId", "principalType", "roleDefinitionId"}
        return frozenset(fixed & shape.inputs.keys())

    def defaults(self, shape: Shape) -> Properties:
        location = self.settings.get("location")
        return {"location": location} if location and "location" in shape.inputs else {}

    def problems(self, shape: Shape, inputs: Properties) -> list[CheckFailure]:
        return rules.problems(shape, inputs)

    def identify(self, facts: Facts) -> str:
        return id_of(facts)

    def computed(self, facts: Facts, resource_id: str) -> Properties:
        name = resource_id.rpartition("/")[2]
        return {"name": name, "type": resource_type(facts.shape)} | known_outputs(facts, resource_id)

    def text_output(self, facts: Facts, resource_id: str, name: str) -> str | None:
        return text_output(facts, resource_id, name)

    def adopt(self, shape: Shape, resource_id: str) -> Properties:
        return inputs_of_id(shape, resource_id)
