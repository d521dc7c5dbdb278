"""What all groups of settings have in common."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class SettingsGroup(BaseModel):
    """A group of keys of the stack file: camelCase there, unknown keys refused, values never part of an error's own text."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True, frozen=True, hide_input_in_errors=True)
