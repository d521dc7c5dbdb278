"""Property structs on the wire to plain values and back: secrets, unknowns, resource references, the bridge's bookkeeping keys.

Secrets are unwrapped on the way in and their places remembered; on the way out `secret_paths` decides what is wrapped again.
The marker keys and values are the engine's protocol constants (Pulumi SDK, `go/common/resource/sig`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value

from .values import UNKNOWN, Path, Properties, Unknown

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a protocol constant
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS = frozenset(
    {
        _UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_SHORTEST_HIDDEN = 4  # a shorter secret would blot out half of a message by chance
_EXACT_INTEGERS = 2**53  # a wire number is a double: only below this is every integer exact


@dataclass(frozen=True)
class Decoded:
    """Plain values, where secrets were among them, and the top-level bookkeeping keys (`__meta`, ...) that were set aside."""

    values: Properties
    secrets: tuple[Path, ...] = ()
    internal: Properties = field(default_factory=dict)


def decode(struct: Struct) -> Decoded:
    """Turn a property struct into plain values.

    Keys that the vendor's bridge adds for itself are set aside: every top-level key beginning with `__`, and `__defaults` at any depth.
    """
    secrets: list[Path] = []
    values: Properties = {}
    internal: Properties = {}
    for name, value in struct.fields.items():
        if name.startswith("__"):
            internal[name] = _decode_value(value, (name,), [])
        else:
            values[name] = _decode_value(value, (name,), secrets)
    return Decoded(values, tuple(secrets), internal)


def _decode_value(value: Value, path: Path, secrets: list[Path]) -> object:
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) < _EXACT_INTEGERS else number
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
        case "list_value":
            return [_decode_value(item, (*path, index), secrets) for index, item in enumerate(value.list_value.values)]
        case "struct_value":
            return _decode_struct(value.struct_value, path, secrets)
        case _:
            return None


def _decode_struct(struct: Struct, path: Path, secrets: list[Path]) -> object:
    fields = struct.fields
    match fields[_SIGNATURE].string_value if _SIGNATURE in fields else None:
        case str(signature) if signature == _SECRET:
            secrets.append(path)
            return _decode_value(fields["value"], path, [])
        case str(signature) if signature == _OUTPUT:
            if "secret" in fields and fields["secret"].bool_value:
                secrets.append(path)
            return _decode_value(fields["value"], path, secrets) if "value" in fields else UNKNOWN
        case str(signature) if signature == _RESOURCE:
            if "id" not in fields:  # a component has a name but no id
                return fields["urn"].string_value
            return _decode_value(fields["id"], path, secrets) or UNKNOWN
        case _:
            return {name: _decode_value(item, (*path, name), secrets) for name, item in fields.items() if name != "__defaults"}


def encode(values: Properties, secrets: Iterable[Path] = ()) -> Struct:
    """Turn plain values into a property struct, with the values at the paths in `secrets` marked as secret.

    Raises TypeError for a value that is no property value (bytes, a set, an object).
    """
    marked = frozenset(secrets)
    struct = Struct()
    for name, value in values.items():
        struct.fields[name].CopyFrom(_encode_value(value, (name,), marked))
    return struct


def _encode_value(value: object, path: Path, secrets: frozenset[Path]) -> Value:
    if path not in secrets:
        return _encode_plain(value, path, secrets)
    # What lies inside a secret needs no mark of its own.
    plain = _encode_plain(value, path, frozenset())
    fields = {_SIGNATURE: Value(string_value=_SECRET), "value": plain}
    return Value(struct_value=Struct(fields=fields))


def _encode_plain(value: object, path: Path, secrets: frozenset[Path]) -> Value:  # noqa: PLR0911 - one return a type
    if value is None:
        return Value(null_value=NULL_VALUE)
    if isinstance(value, Unknown):
        return Value(string_value=_UNKNOWN_STRING)
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, int | float):
        return Value(number_value=float(value))
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, list | tuple):
        result = Value()
        result.list_value.values.extend(_encode_value(item, (*path, index), secrets) for index, item in enumerate(value))
        return result
    if isinstance(value, dict):
        return Value(struct_value=Struct(fields={name: _encode_value(item, (*path, name), secrets) for name, item in value.items()}))
    where = ".".join(str(part) for part in path)
    raise TypeError(f"property {where}: a {type(value).__name__} cannot be sent to the engine")


def secret_paths(values: Properties, sources: Sequence[Decoded], always: Collection[str] = ()) -> list[Path]:
    """Decide what in `values` is secret: the properties in `always`, and those whose namesake in a source was or held a secret.

    A property equal to its namesake keeps the namesake's exact places (so a diff still shows what is not secret); one that differs is
    secret as a whole, because a secret may have moved inside it.
    """
    paths: list[Path] = []
    for name, value in values.items():
        if value is None:
            continue
        places = [(source, [path for path in source.secrets if path[0] == name]) for source in sources]
        places = [(source, found) for source, found in places if found]
        if name in always or any(source.values.get(name) != value for source, _ in places):
            paths.append((name,))
        else:
            paths.extend(path for _, found in places for path in found)
    return list(dict.fromkeys(paths))


def redact(text: str, sources: Sequence[Decoded], *, subject: str = "") -> str:
    """Take secret values out of a message: those of the property `subject` at any length, others from 4 characters on."""
    hidden: set[str] = set()
    for source in sources:
        for path in source.secrets:
            shortest = 1 if path[0] == subject else _SHORTEST_HIDDEN
            hidden.update(leaf for leaf in _leaves(_at(source.values, path)) if len(leaf) >= shortest)
    for leaf in sorted(hidden, key=len, reverse=True):
        text = text.replace(leaf, "[secret]")
    return text


def _at(value: Any, path: Path) -> object:  # noqa: ANN401 - any property value
    for part in path:
        value = value[part]
    return value


def _leaves(value: object) -> Iterator[str]:
    """Yield every text and number in `value`, as a message would show it, and each text also on one line."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, str):
        yield value
        yield " ".join(value.split())
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
