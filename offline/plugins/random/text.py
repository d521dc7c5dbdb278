"""RandomString and RandomPassword: characters of chosen classes."""

from __future__ import annotations

import secrets
import string
from typing import ClassVar

from offline.plugins.framework import CheckFailure, Properties, ResourceError, has_unknown
from offline.plugins.framework.state_only import Input, StateOnlyKind

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_BCRYPT_COST = 10
_BCRYPT_BYTES = 72  # bcrypt looks at no more than that

_TEXT_INPUTS = {
    "length": Input(int, required=True, minimum=1),
    "upper": Input(bool, default=True),
    "lower": Input(bool, default=True),
    "numeric": Input(bool, default=True),
    "number": Input(bool, default=True),  # the old name of `numeric`
    "special": Input(bool, default=True),
    "overrideSpecial": Input(str),
    "minUpper": Input(int, default=0, minimum=0),
    "minLower": Input(int, default=0, minimum=0),
    "minNumeric": Input(int, default=0, minimum=0),
    "minSpecial": Input(int, default=0, minimum=0),
    "keepers": Input(dict),
}


class RandomString(StateOnlyKind):
    """Random text that is no secret; the text is the id too."""

    inputs = _TEXT_INPUTS
    computed = frozenset({"result"})
    schema_version = 2

    def with_defaults(self, values: Properties) -> Properties:
        filled = super().with_defaults(values)
        given = next((values[name] for name in ("numeric", "number") if values.get(name) is not None), True)
        return filled | {"numeric": given, "number": given}

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        inputs, failures = super().check(olds, news)
        numeric, number = news.get("numeric"), news.get("number")
        if isinstance(numeric, bool) and isinstance(number, bool) and numeric != number:
            failures.append(CheckFailure("number", "is the old name of numeric and says the opposite: leave it out"))
        return inputs, failures

    def problems(self, values: Properties) -> list[CheckFailure]:
        length, least = values["length"], [values[name] for name in ("minUpper", "minLower", "minNumeric", "minSpecial")]
        if not has_unknown([length, *least]) and sum(least) > length:
            return [CheckFailure("length", f"is {length}, less than the {sum(least)} that minUpper, minLower, ... add up to")]
        if all(values[name] is False for name in ("upper", "lower", "numeric", "special")):
            return [CheckFailure("special", "upper, lower, numeric and special are all false: no character is left to choose from")]
        return []

    def generate(self, values: Properties) -> tuple[str, Properties]:
        return self.finish(_random_text(values))

    def adopt(self, import_id: str) -> tuple[Properties, str, Properties]:
        """The id that the user gives is the text itself."""
        return {"length": len(import_id)}, *self.finish(import_id)

    def finish(self, text: str) -> tuple[str, Properties]:
        """Return id and computed outputs for a text."""
        return text, {"result": text}


class RandomPassword(RandomString):
    """Random text that is a secret, with its bcrypt hash."""

    computed = frozenset({"result", "bcryptHash"})
    secret_outputs: ClassVar[frozenset[str]] = frozenset({"result", "bcryptHash"})
    schema_version = 3

    def finish(self, text: str) -> tuple[str, Properties]:
        return "none", {"result": text, "bcryptHash": _bcrypt(text)}


def _random_text(values: Properties) -> str:
    """Choose the required characters of each class, then the rest from all allowed classes, in random order."""
    special = values.get("overrideSpecial") or _SPECIAL
    classes = (
        (string.digits, values["numeric"], values["minNumeric"]),
        (string.ascii_lowercase, values["lower"], values["minLower"]),
        (string.ascii_uppercase, values["upper"], values["minUpper"]),
        (special, values["special"], values["minSpecial"]),
    )
    allowed = "".join(characters for characters, used, _ in classes if used)
    if not allowed:
        raise ResourceError("upper, lower, numeric and special are all false: no character is left to choose from")
    chosen = [secrets.choice(characters) for characters, _, least in classes for _ in range(least)]
    chosen += [secrets.choice(allowed) for _ in range(values["length"] - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _bcrypt(text: str) -> str:
    import bcrypt  # noqa: PLC0415 - only creation needs it

    return bcrypt.hashpw(text.encode()[:_BCRYPT_BYTES], bcrypt.gensalt(_BCRYPT_COST, prefix=b"2a")).decode()
