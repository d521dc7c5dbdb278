"""What a vendor's package has to say beyond its SDK's types."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from offline.plugins.framework import CheckFailure, Properties, ResourceError

from .facts import Facts, Seed
from .sdk import Sdk, Shape


@dataclass(frozen=True)
class Function:
    """A function that the plugin answers: `values` gives what matters of the result, the rest is filled in."""

    values: Callable[[Properties, Properties], Properties]
    """Takes the arguments and the provider's settings. Raises ResourceError."""
    required: tuple[str, ...] = ()
    secrets: frozenset[str] = frozenset()


class Vendor(ABC):
    """One package. Holds the provider's settings once they are configured, and what `remember` notes."""

    sdk: ClassVar[Sdk]
    strict_enums: ClassVar[bool]
    """Whether an SDK's list of values is complete even where it also allows plain text."""
    unset_is_computed: ClassVar[bool]
    """Whether the cloud fills in an optional input that is not given, so that a preview cannot tell the output."""
    secret_names: ClassVar[frozenset[str]]
    """Outputs that are secret in any resource."""
    functions: ClassVar[Mapping[str, Function]]

    def __init__(self) -> None:
        self.settings: Properties = {}

    def configure(self, settings: Properties) -> None:
        """Take the provider's settings, checked already, and complete them. Raises ResourceError."""
        self.settings = settings

    def check_settings(self, settings: Properties) -> list[CheckFailure]:
        """Check the provider's settings beyond their types."""
        del settings
        return []

    @abstractmethod
    def naming_property(self, shape: Shape) -> str | None:
        """Tell which input is the resource's name in the cloud."""

    @abstractmethod
    def automatic_name(self, shape: Shape, name: str, seed: Seed) -> str:
        """Make up a name as the vendor's plugin does when the program gives none."""

    @abstractmethod
    def replaces(self, shape: Shape) -> frozenset[str]:
        """Tell which inputs can only change with a new resource."""

    def replaces_change(self, shape: Shape, olds: Properties, news: Properties) -> frozenset[str]:
        """Tell which further inputs replace the resource when they change from `olds` to `news`; either may hold UNKNOWN."""
        del shape, olds, news
        return frozenset()

    def deletes_first(self, shape: Shape) -> bool:
        """Tell whether a resource that is replaced is deleted before its successor is made."""
        del shape
        return False

    def defaults(self, shape: Shape) -> Properties:
        """Return inputs that the provider's settings give."""
        del shape
        return {}

    def problems(self, shape: Shape, inputs: Properties) -> list[CheckFailure]:
        """Check what the types don't say; inputs may be or hold UNKNOWN."""
        del shape, inputs
        return []

    @abstractmethod
    def identify(self, facts: Facts) -> str:
        """Return the id of a new resource."""

    @abstractmethod
    def computed(self, facts: Facts, resource_id: str) -> Properties:
        """Return the outputs that are known to look a certain way, of those that are not inputs."""

    def text_output(self, facts: Facts, resource_id: str, name: str) -> str | None:
        """Make up a text output by its name; None to leave that to the shared rules."""
        del facts, resource_id, name

    def revised(self, shape: Shape, changed: frozenset[str], olds: Properties, news: Properties, *, preview: bool) -> Properties:
        """Return outputs that are not what a new resource's would be, after an update of the inputs `changed`; `olds`: outputs before."""
        del shape, changed, olds, news, preview
        return {}

    def remember(self, shape: Shape, resource_id: str, inputs: Properties) -> None:
        """Take note of a resource that exists, for the checks of others that refer to it."""
        del shape, resource_id, inputs

    def derived(self, inputs: Properties) -> Properties:
        """Return outputs that follow from inputs and settings even in a preview."""
        del inputs
        return {}

    @abstractmethod
    def adopt(self, shape: Shape, resource_id: str) -> Properties:
        """Return the inputs that an existing resource's id tells."""

    def function(self, token: str) -> Function:
        """Find a function. Raises ResourceError for one that the plugin does not answer."""
        if token not in self.functions:
            raise ResourceError(
                f"{token}: the {self.sdk.package} preview plugin does not answer this function, only: {', '.join(sorted(self.functions))}"
            )
        return self.functions[token]
