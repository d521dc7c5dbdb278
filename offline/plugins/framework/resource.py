"""What a plugin's author writes: one `ResourceKind` for each resource type, and a `Plugin` that lists them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, NamedTuple

from .values import Properties, has_unknown


class ResourceError(Exception):
    """Something failed that the user can act on; the engine prints the message, one line, no traceback."""


class InitFailedError(ResourceError):
    """The resource exists but did not come up: it goes into the state with this id and these outputs, and the update fails.

    The next update calls `diff` and then `update`, even when the inputs are unchanged: let `diff` ask for a replacement where that
    is the cure.
    """

    def __init__(self, message: str, *, resource_id: str, outputs: Properties) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.outputs = outputs


class CheckFailure(NamedTuple):
    """An input that is not acceptable."""

    property: str
    reason: str


class Change(Enum):
    """How a property differs between state and program."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class DiffResult:
    """What stands between the state and the program; nothing in `changes` means there is nothing to do."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    """Property paths (`ports`, `ports[0].external`) that differ."""
    replaces: frozenset[str] = frozenset()
    """Top-level properties among them that can only change with a new resource."""
    delete_before_replace: bool = False
    """The old resource has to go first, because both cannot exist at once (a fixed name, a port)."""
    drifted: frozenset[str] = frozenset()
    """Paths in `changes` that differ in the outputs (the real thing changed) rather than in the inputs."""


def changed_inputs(olds: Properties, news: Properties) -> dict[str, Change]:
    """Compare inputs property by property; None and absent are the same, and what is not known yet counts as changed."""
    changes: dict[str, Change] = {}
    for name in sorted(olds.keys() | news.keys()):
        old, new = olds.get(name), news.get(name)
        if has_unknown(new):
            changes[name] = Change.ADD if old is None else Change.UPDATE
        elif old != new:
            changes[name] = Change.ADD if old is None else Change.DELETE if new is None else Change.UPDATE
    return changes


class ResourceKind(ABC):
    """One resource type. Methods run on threads of their own, several at once: keep no state of a single resource in `self`.

    All properties are plain values (see `values`), secrets included; in a preview any input may be or hold UNKNOWN.
    """

    secret_outputs: ClassVar[frozenset[str]] = frozenset()
    """Outputs that are always secret. An output named like an input that was (or held) a secret is secret by itself."""

    replace_on: ClassVar[frozenset[str]] = frozenset()
    """Inputs whose change needs a new resource; used by the `diff` given here."""

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        """Validate `news` (what the program wrote) and fill in defaults; `olds` are the checked inputs of last time, or empty."""
        return news, []

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        """Compare the state (`olds`: outputs, `old_inputs`) with the checked inputs `news`."""
        changes = changed_inputs(old_inputs, news)
        return DiffResult(changes, self.replace_on & changes.keys())

    @abstractmethod
    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        """Create the resource; return its id and all outputs.

        `timeout` is in seconds, 0 for none given. In a preview create nothing: return any id, and UNKNOWN for what only creation can tell.
        Raises ResourceError when nothing was created, InitFailedError when something was.
        """

    @abstractmethod
    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties] | None:
        """Look at the real thing; return id, inputs and outputs as they are now, or None when it is gone.

        For a refresh `inputs` and `outputs` are the state's: return the same values where nothing differs. For an import both are empty.
        """

    def update(self, resource_id: str, olds: Properties, news: Properties, *, timeout: float, preview: bool) -> Properties:
        """Bring the resource from the outputs `olds` to the inputs `news` in place; return all outputs. In a preview change nothing."""
        raise ResourceError(f"{resource_id}: a resource of this type cannot be changed in place")

    @abstractmethod
    def delete(self, resource_id: str, outputs: Properties, *, timeout: float) -> None:
        """Remove the real thing. One that is already gone is no error."""


def accept_config(config: Properties) -> None:
    """Configure nothing: for plugins without settings."""


def check_nothing(config: Properties) -> Iterable[CheckFailure]:
    """Accept any settings."""
    return ()


class FunctionResult(NamedTuple):
    """What a function of a plugin returns: its values, and the names of those that are secret."""

    values: Properties
    secrets: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plugin:
    """A resource plugin: what `serve` needs to know."""

    name: str
    """The package's name: `random`."""
    distribution: str
    """The Python distribution of its SDK, whose version the plugin reports as its own: `pulumi-random`."""
    kinds: Mapping[str, ResourceKind]
    """Type token (`random:index/randomPassword:RandomPassword`) to what serves it."""
    configure: Callable[[Properties], None] = accept_config
    """Takes the provider's settings, once, before any resource. Objects and lists arrive decoded. Raises ResourceError."""
    check_config: Callable[[Properties], Iterable[CheckFailure]] = check_nothing
    """Validates the provider's settings, UNKNOWN possible."""
    kind_for: Callable[[str, str], ResourceKind] | None = None
    """Finds what serves a type token and URN, for a plugin that cannot list its types in `kinds`. Raises ResourceError."""
    invoke: Callable[[str, Properties], FunctionResult] | None = None
    """Calls a function by its token, with its arguments. Raises ResourceError, also for a function that the plugin does not have."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the user interrupts the update: long waits should look at it and give up."""
