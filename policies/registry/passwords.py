"""Generated passwords."""

import math
import re
from collections.abc import Iterator

from policies.rule import AnyRule, Finding, Parameter, Resource, Result, Rule
from policies.values import View

PASSWORD = "random:index/randomPassword:RandomPassword"  # noqa: S105 - a type
STRING = "random:index/randomString:RandomString"

_CLASSES = {"upper": 26, "lower": 26, "numeric": 10, "special": 19}
"""Characters a class; `special` without overrideSpecial is !@#$%&*()-_=+[]{}<>:? (terraform-provider-random, internal/random/string.go)."""
_SECRET_NAME = re.compile(r"passw|secret|token|credential|api-?key", re.IGNORECASE)


def entropy_bits(password: View) -> float:
    """How many bits the text has. Raises NotKnownYetError."""
    characters = 0
    for name, size in _CLASSES.items():
        if password.flag(name) is not False:
            own = password.text("overrideSpecial") if name == "special" else None
            characters += len(set(own)) if own else size
    return (password.number("length") or 0) * math.log2(max(characters, 1))


def _long(resource: Resource, parameters: View) -> Iterator[Result]:
    minimum = parameters.number("minimumBits") or 0
    bits = entropy_bits(resource.props)
    if bits < minimum:
        length = resource.props.number("length") or 0
        yield Finding(f"length {length:.0f} gives {bits:.0f} bits of chance, fewer than {minimum:.0f}")


LONG = Rule(
    id="password-length",
    title="A generated password is too long to guess",
    why="The registry answers as many login attempts as anybody sends.",
    fix="Set length to 32; letters and digits then have 190 bits.",
    types=(PASSWORD,),
    parameters={"minimumBits": Parameter(128, "Fewest bits, from length and the kinds of characters.")},
    check=_long,
)


def _no_string(resource: Resource, _parameters: View) -> Iterator[Result]:
    if _SECRET_NAME.search(resource.name):
        yield Finding("a RandomString named like a secret lies in the state in plain text")


NO_STRING = Rule(
    id="password-not-random-string",
    title="Secrets are made by RandomPassword",
    why="The result of a RandomString is no secret for pulumi: it shows up in state, outputs and previews.",
    fix="Use RandomPassword, whose result is kept encrypted.",
    types=(STRING,),
    check=_no_string,
)

RULES: tuple[AnyRule, ...] = (LONG, NO_STRING)
