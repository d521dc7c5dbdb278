"""Reading a resource's properties, with values that aren't known before the update handled on purpose.

A rule reads through a `View`. Touching a value that is not known yet raises `NotKnownYetError`, which makes the rule undecided for that
resource: a rule can't forget to think of it, and can't pass what it has not seen.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final


class Unknown:
    """Type of the one value that stands for whatever is known only when the update runs."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


class NotKnownYetError(Exception):
    """A rule has touched a value that is not known during a preview. `path` says which, e.g. `uploads[3].content`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not known before the update")
        self.path = path


@dataclass(frozen=True)
class View:
    """An object among a resource's properties, and where it stands: `path` is empty for the resource itself.

    What is missing or of another type reads as None (or empty): the provider checks types, rules look at what is there.
    """

    data: Mapping[str, object] | Unknown = field(default_factory=dict[str, object])
    path: str = ""

    def at(self, key: str) -> str:
        """The path of one of its properties."""
        return f"{self.path}.{key}" if self.path else key

    def value(self, key: str) -> object:
        """The value as it is, None when unset. Raises NotKnownYetError."""
        if isinstance(self.data, Unknown):
            raise NotKnownYetError(self.path)
        found = self.data.get(key)
        if isinstance(found, Unknown):
            raise NotKnownYetError(self.at(key))
        return found

    def known(self, key: str) -> object:
        """The value, and None for one that is not known yet: for a rule to which that is all the same."""
        found = None if isinstance(self.data, Unknown) else self.data.get(key)
        return None if isinstance(found, Unknown) else found

    def keys(self) -> list[str]:
        """The names of all properties that are set. Raises NotKnownYetError."""
        if isinstance(self.data, Unknown):
            raise NotKnownYetError(self.path)
        return [key for key, value in self.data.items() if value is not None]

    def has(self, key: str) -> bool:
        """Whether the property is set, be it to a value that is not known yet."""
        return key in self.keys()

    def text(self, key: str) -> str | None:
        """A text; numbers and booleans as text too. Raises NotKnownYetError."""
        found = self.value(key)
        if isinstance(found, bool):
            return str(found).lower()
        if isinstance(found, float) and found.is_integer():
            return str(int(found))  # numbers travel as floats
        return str(found) if isinstance(found, str | int | float) else None

    def flag(self, key: str) -> bool | None:
        """A boolean, also written as the text true or false. Raises NotKnownYetError."""
        found = self.value(key)
        if isinstance(found, str):
            return {"true": True, "false": False}.get(found.lower())
        return found if isinstance(found, bool) else None

    def number(self, key: str) -> float | None:
        """A number, also written as text. Raises NotKnownYetError."""
        found = self.value(key)
        if isinstance(found, bool):
            return None
        if isinstance(found, int | float):
            return float(found)
        try:
            return float(found) if isinstance(found, str) else None
        except ValueError:
            return None

    def view(self, key: str) -> "View":
        """An object inside; an empty one when unset. One that is not known yet raises when it is read."""
        if isinstance(self.data, Unknown):
            return View(UNKNOWN, self.at(key))
        return _view_of(self.data.get(key), self.at(key))

    def views(self, key: str) -> list["View"]:
        """A list of objects, or the one object that stands in place of a list. Raises NotKnownYetError when the list is not known."""
        found = self.value(key)
        if isinstance(found, Mapping):
            return [_view_of(found, self.at(key))]
        return [_view_of(item, f"{self.at(key)}[{number}]") for number, item in enumerate(_list(found))]

    def texts(self, key: str) -> list[str]:
        """A list of texts, or the one text in place of a list. Raises NotKnownYetError when the list or one of them is not known."""
        found = self.value(key)
        items = [found] if isinstance(found, str) else _list(found)
        for number, item in enumerate(items):
            if isinstance(item, Unknown):
                raise NotKnownYetError(f"{self.at(key)}[{number}]")
        return [item for item in items if isinstance(item, str)]

    def known_texts(self, key: str) -> list[str]:
        """Like `texts`, without those that are not known yet. For a rule that looks for something present."""
        found = self.value(key)
        return [item for item in _list(found) if isinstance(item, str)]

    def count(self, key: str) -> int:
        """How many items a list has, known or not. Raises NotKnownYetError when the list is not known."""
        return len(_list(self.value(key)))

    def json(self, key: str) -> "View | None":
        """A JSON document kept as text, such as an IAM policy; None when unset or no JSON object. Raises NotKnownYetError."""
        found = self.value(key)
        if isinstance(found, Mapping):
            return _view_of(found, self.at(key))
        if not isinstance(found, str):
            return None
        try:
            document = json.loads(found)
        except ValueError:
            return None
        return _view_of(document, self.at(key)) if isinstance(document, Mapping) else None


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _view_of(value: object, path: str) -> View:
    if isinstance(value, Unknown):
        return View(UNKNOWN, path)
    return View({str(key): inner for key, inner in value.items()} if isinstance(value, Mapping) else {}, path)


def strings(value: object) -> Iterator[str]:
    """Every known text anywhere inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner)
