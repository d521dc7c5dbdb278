"""nginx in front of a registry: what its configuration says, parsed."""

import re
from collections.abc import Callable, Iterable, Iterator

from policies.containers.facts import CONTAINER, File, each_file
from policies.registry.nginx import Directive, NginxSyntaxError, parse, servers
from policies.rule import AnyRule, Finding, Level, Parameter, Resource, Result, Rule
from policies.values import View

NGINX_FILE = re.compile(r"nginx[^/]*$|/nginx/.*\.conf$|conf\.d/[^/]*\.conf$")

_WEAK_CIPHER = re.compile(
    r"(^|[-_+])(RC4|RC2|3?DES|DES3|IDEA|SEED|MD5|E?NULL|A?NULL|EXP|EXPORT\d*|LOW|MEDIUM|ADH|AECDH|PSK|SRP)([-_+]|$)", re.IGNORECASE
)
_EVERYTHING = frozenset(("ALL", "COMPLEMENTOFALL", "COMPLEMENTOFDEFAULT", "ENULL"))
_NO_FORWARD_SECRECY = re.compile(r"(AES|CAMELLIA|ARIA|RSA|KRSA)\w*([-+]|$)", re.IGNORECASE)


def each_nginx(resource: Resource, check: Callable[[File, Directive], Iterable[Result]]) -> Iterator[Result]:
    """Runs a check on each uploaded nginx configuration. A file that only has such a name is passed over."""

    def one(file: File) -> Iterator[Result]:
        try:
            config = parse(file.text)
        except NginxSyntaxError:
            return
        yield from check(file, config)

    yield from each_file(resource, NGINX_FILE, one)


def _listens(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(file: File, config: Directive) -> Iterator[Result]:
        for server in servers(config):
            for listen in server.listens:
                if not (listen.is_local or server.speaks_tls(listen) or server.serves_nothing_plain):
                    yield Finding(
                        f"{file.label}, line {listen.line}: `listen {listen.address}` speaks plain HTTP and does not redirect to https"
                    )

    yield from each_nginx(resource, check)


LISTENS = Rule(
    id="nginx-listens-with-tls",
    title="nginx speaks TLS on every address, or redirects to https",
    why="Over plain HTTP passwords and images can be read and changed by everybody on the way.",
    fix="Add `ssl` to the listen directive, or let the server do nothing but `return 308 https://$host$request_uri;`.",
    types=(CONTAINER,),
    check=_listens,
)


def _protocols(resource: Resource, parameters: View) -> Iterator[Result]:
    allowed = set(parameters.texts("allowed"))

    def check(file: File, config: Directive) -> Iterator[Result]:
        for server in servers(config):
            if not server.has_tls:
                continue
            protocols = server.inherited("ssl_protocols")
            if protocols is None:
                yield Finding(
                    f"{file.label}, line {server.block.line}: ssl_protocols is not set, and nginx before 1.23.4 then speaks TLS 1.0"
                )
            elif set(protocols.args) - allowed:
                yield Finding(f"{file.label}, line {protocols.line}: ssl_protocols has {', '.join(sorted(set(protocols.args) - allowed))}")

    yield from each_nginx(resource, check)


PROTOCOLS = Rule(
    id="nginx-tls-versions",
    title="nginx speaks TLS 1.2 and 1.3 only",
    why="SSL 3, TLS 1.0 and 1.1 are broken and no container client needs them.",
    fix="Set `ssl_protocols TLSv1.2 TLSv1.3;`.",
    types=(CONTAINER,),
    parameters={"allowed": Parameter(("TLSv1.2", "TLSv1.3"), "The versions, in nginx's words.")},
    check=_protocols,
)


def weak_ciphers(text: str) -> list[str]:
    """The entries of an OpenSSL cipher list that add something weak (https://docs.openssl.org/master/man1/openssl-ciphers/)."""
    entries = [entry for entry in re.split(r"[:, ]+", text) if entry and entry[0] not in "!-+@"]
    return [entry for entry in entries if entry.upper() in _EVERYTHING or _WEAK_CIPHER.search(entry) or _NO_FORWARD_SECRECY.match(entry)]


def _ciphers(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(file: File, config: Directive) -> Iterator[Result]:
        for server in servers(config):
            ciphers = server.inherited("ssl_ciphers")
            if server.has_tls and ciphers is not None and ciphers.args:
                weak = weak_ciphers(ciphers.args[0])
                if weak:
                    yield Finding(f"{file.label}, line {ciphers.line}: ssl_ciphers has {', '.join(weak)}")

    yield from each_nginx(resource, check)


CIPHERS = Rule(
    id="nginx-ciphers",
    title="nginx offers no weak ciphers and none without forward secrecy",
    why="Recorded traffic could be read later, with the key or without.",
    fix="List ECDHE suites with AES-GCM or ChaCha20 in ssl_ciphers, such as ECDHE-ECDSA-AES128-GCM-SHA256.",
    types=(CONTAINER,),
    check=_ciphers,
)


def _forwarded(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(file: File, config: Directive) -> Iterator[Result]:
        for header in config.anywhere("proxy_set_header"):
            if (
                len(header.args) == 2
                and header.args[0].lower() == "x-forwarded-proto"
                and header.args[1] in ("$http_x_forwarded_proto", "http")
            ):
                yield Finding(f"{file.label}, line {header.line}: X-Forwarded-Proto is {header.args[1]}")

    yield from each_nginx(resource, check)


FORWARDED = Rule(
    id="nginx-forwarded-proto",
    title="nginx tells the registry that the client came over https",
    why="The registry puts what it is told into Location headers, and clients then go on over plain HTTP.",
    fix="Set `proxy_set_header X-Forwarded-Proto https;`.",
    types=(CONTAINER,),
    check=_forwarded,
)


def _upstream(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(file: File, config: Directive) -> Iterator[Result]:
        for proxied in config.anywhere("proxy_pass"):
            target = proxied.args[0] if proxied.args else ""
            if not target.startswith("https://"):
                continue
            verified = [setting for setting in config.anywhere("proxy_ssl_verify") if setting.args == ("on",)]
            if not verified:
                yield Finding(f"{file.label}, line {proxied.line}: proxy_pass uses https and proxy_ssl_verify is not on")

    yield from each_nginx(resource, check)


UPSTREAM = Rule(
    id="nginx-verifies-upstream",
    title="nginx checks the certificate of an upstream that it calls over https",
    why="nginx accepts any certificate by default, so whoever answers can pose as the registry.",
    fix="Set `proxy_ssl_verify on;` and `proxy_ssl_trusted_certificate` to the upstream's CA.",
    level=Level.ADVISORY,
    types=(CONTAINER,),
    check=_upstream,
)

RULES: tuple[AnyRule, ...] = (LISTENS, PROTOCOLS, CIPHERS, FORWARDED, UPSTREAM)
