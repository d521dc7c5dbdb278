"""Reads nginx configurations: names, arguments and blocks, which is all that rules need.

An own reader of fifty lines and no dependency: crossplane resolves includes from the local disk, where the files of a container are not.
Syntax: https://nginx.org/en/docs/beginners_guide.html#conf_structure
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      \#[^\n]*                                  # a comment
    | (?P<punctuation>[{};])
    | "(?P<double>(?:\\.|[^"\\])*)"
    | '(?P<single>(?:\\.|[^'\\])*)'
    | (?P<word>(?:\\.|\$\{\w+\}|[^\s{};"'\\])(?:\\.|\$\{\w+\}|[^\s{};\\])*)
    """,
    re.VERBOSE | re.DOTALL,
)


class NginxSyntaxError(ValueError):
    """Not a configuration of nginx. Holds no text of the file."""


@dataclass(frozen=True)
class Directive:
    """One directive; `block` is empty for a simple one."""

    name: str
    args: tuple[str, ...]
    line: int
    block: tuple["Directive", ...] = ()

    def named(self, name: str) -> list["Directive"]:
        """The directives of this name directly inside."""
        return [directive for directive in self.block if directive.name == name]

    def last(self, name: str) -> "Directive | None":
        """The one that counts where only one may stand."""
        found = self.named(name)
        return found[-1] if found else None

    def anywhere(self, name: str) -> Iterator["Directive"]:
        """The directives of this name at any depth."""
        for directive in self.block:
            if directive.name == name:
                yield directive
            yield from directive.anywhere(name)


@functools.lru_cache(maxsize=64)
def parse(text: str) -> Directive:
    """The configuration as one nameless block. Raises NginxSyntaxError. Rules read the same file one after the other: it is parsed once."""
    stack: list[tuple[str, tuple[str, ...], int, list[Directive]]] = [("", (), 0, [])]
    pending: list[str] = []
    line = position = 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        kind = match.lastgroup
        if kind == "punctuation":
            _punctuation(match["punctuation"], stack, pending, line + 1)
        elif kind:
            pending.append(match[kind])
    if len(stack) > 1 or pending:
        raise NginxSyntaxError(f"a directive or block is not ended at line {line + 1}")
    return Directive("", (), 0, tuple(stack[0][3]))


def _punctuation(sign: str, stack: list[tuple[str, tuple[str, ...], int, list[Directive]]], pending: list[str], line: int) -> None:
    if sign == "}":
        if len(stack) == 1 or pending:
            raise NginxSyntaxError(f"unexpected end of a block at line {line}")
        name, args, start, inside = stack.pop()
        stack[-1][3].append(Directive(name, args, start, tuple(inside)))
        return
    if not pending:
        raise NginxSyntaxError(f"a directive without a name at line {line}")
    name, *args = pending
    pending.clear()
    if sign == "{":
        stack.append((name, tuple(args), line, []))
    else:
        stack[-1][3].append(Directive(name, tuple(args), line))


@dataclass(frozen=True)
class Server:
    """A `server` block with the `http` block around it, whose directives it inherits."""

    http: Directive
    block: Directive

    def inherited(self, name: str) -> Directive | None:
        """The directive as it holds for the server."""
        return self.block.last(name) or self.http.last(name)

    @property
    def listens(self) -> list["Listen"]:
        """Where it listens: port 80 of every address when nothing is said."""
        found = [
            Listen(directive.args[0], directive.args[1:], directive.line) for directive in self.block.named("listen") if directive.args
        ]
        return found or [Listen("80", (), self.block.line)]

    @property
    def has_tls(self) -> bool:
        """Whether one of its addresses speaks TLS."""
        return any(self.speaks_tls(listen) for listen in self.listens)

    def speaks_tls(self, listen: "Listen") -> bool:
        """Whether TLS is spoken on this address (`ssl on` did it before nginx 1.25)."""
        legacy = self.inherited("ssl")
        return "ssl" in listen.options or "quic" in listen.options or (legacy is not None and legacy.args == ("on",))

    @property
    def serves_nothing_plain(self) -> bool:
        """Whether over plain HTTP it does nothing but send clients to https, refuse them, or answer an ACME challenge."""
        if any(_refers_to_scheme(condition) and _is_turned_away(condition) for condition in self.block.named("if")):
            return True
        if _is_turned_away(self.block):
            return True
        locations = self.block.named("location")
        return bool(locations) and all(_is_harmless(location) for location in locations)


@dataclass(frozen=True)
class Listen:
    """A `listen` directive."""

    address: str
    options: tuple[str, ...]
    line: int

    @property
    def is_local(self) -> bool:
        """Whether only the container itself can connect."""
        return self.address.startswith(("unix:", "127.", "[::1]", "localhost"))


def _is_turned_away(block: Directive) -> bool:
    """Whether the block answers every request itself, with a status or with a redirect that does not lead to plain HTTP."""
    answers = [directive.args for directive in block.named("return")]
    answers += [directive.args[1:2] for directive in block.named("rewrite") if len(directive.args) > 1 and "://" in directive.args[1]]
    return bool(answers) and not any(args and args[-1].startswith(("http://", "$scheme://")) for args in answers)


def _refers_to_scheme(condition: Directive) -> bool:
    """Whether an `if` asks for plain HTTP, as in `if ($scheme = http)`."""
    return any(variable in " ".join(condition.args) for variable in ("$scheme", "$https", "$server_port"))


def _is_harmless(location: Directive) -> bool:
    acme = location.args[-1:] and location.args[-1].startswith("/.well-known/acme-challenge")
    return bool(acme) or bool(location.named("internal")) or _is_turned_away(location)


def servers(config: Directive) -> list[Server]:
    """The servers for HTTP, be the file a whole configuration or a piece that is included inside of `http`."""
    blocks = [*config.named("http"), config]
    return [Server(http, block) for http in blocks for block in http.named("server")]
