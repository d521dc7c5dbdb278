"""Authentication: who may use the registry."""

import re
from collections.abc import Iterator

from policies.containers.facts import CONTAINER, File, each_file, mount_targets
from policies.registry.config_file import RegistryConfig, each_config, section
from policies.rule import AnyRule, Finding, Parameter, Resource, Result, Rule
from policies.values import View

NO_AUTH = frozenset(("silly", "none"))
"""`silly` is for the registry's developers and accepts every header."""

_HTPASSWD_FILE = re.compile(r"htpasswd")
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")


def has_auth(config: View) -> bool:
    """Whether a configuration asks for an account."""
    auth = section(config, "auth")
    return auth is not None and bool(set(auth.keys()) - NO_AUTH)


def _configured(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(config: RegistryConfig) -> Iterator[Result]:
        auth = section(config.data, "auth")
        if auth is not None and auth.has("silly"):
            yield Finding(f"{config.at('auth.silly')} accepts every request that has any Authorization header")
        elif not has_auth(config.data) and config.complete:
            yield Finding(f"{config.at('auth')} is not set, so everybody who can connect may pull, push and delete")

    yield from each_config(resource, check)


CONFIGURED = Rule(
    id="registry-requires-authentication",
    title="A registry asks for an account",
    why="Without an auth section the registry serves and takes images from everybody who can connect.",
    fix="Set auth.htpasswd or auth.token in the registry's config.yml, or REGISTRY_AUTH and REGISTRY_AUTH_HTPASSWD_PATH in envs.",
    types=(CONTAINER,),
    check=_configured,
)


def _realm(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(config: RegistryConfig) -> Iterator[Result]:
        auth = section(config.data, "auth")
        if auth is None or not auth.has("token"):
            return
        token = auth.view("token")
        if token.flag("autoredirect"):
            yield Finding(
                f"{config.at('auth.token.autoredirect')} builds the realm from the request's Host header, which the client chooses"
            )
        elif not (token.text("realm") or "").startswith("https://"):
            yield Finding(f"{config.at('auth.token.realm')} does not begin with https://, so clients send their password in the clear")

    yield from each_config(resource, check)


TOKEN_REALM = Rule(
    id="registry-token-realm-https",
    title="Clients fetch tokens over https",
    why="A client sends its account and password to the realm.",
    fix="Set auth.token.realm to an https:// URL, and remove autoredirect.",
    types=(CONTAINER,),
    check=_realm,
)


def _token_verified(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(config: RegistryConfig) -> Iterator[Result]:
        auth = section(config.data, "auth")
        if auth is None or not auth.has("token") or not config.complete:
            return
        token = auth.view("token")
        missing = [key for key in ("service", "issuer") if not token.text(key)]
        if not token.text("rootcertbundle") and not token.text("jwks"):
            missing.append("rootcertbundle or jwks")
        if missing:
            yield Finding(f"{config.at('auth.token')} lacks {', '.join(missing)}")

    yield from each_config(resource, check)


TOKEN_VERIFIED = Rule(
    id="registry-token-verified",
    title="Tokens are checked for issuer, service and signature",
    why="A token of another issuer or for another service must not open this registry.",
    fix="Set service, issuer and rootcertbundle (or jwks) in auth.token.",
    types=(CONTAINER,),
    check=_token_verified,
)


def _hashes(resource: Resource, parameters: View) -> Iterator[Result]:
    minimum = parameters.number("minimumCost") or 0

    def check(file: File) -> Iterator[Result]:
        lines = [(number, line.strip()) for number, line in enumerate(file.text.splitlines(), 1)]
        accounts = [(number, line) for number, line in lines if line and not line.startswith("#")]
        if not accounts:
            yield Finding(f"{file.label} has no account")
        for number, line in accounts:
            match = _BCRYPT.fullmatch(line.partition(":")[2])
            if not match:
                yield Finding(f"{file.label}, line {number}: the password is not hashed with bcrypt")
            elif int(match["cost"]) < minimum:
                yield Finding(f"{file.label}, line {number}: bcrypt cost {int(match['cost'])} is below {minimum:.0f}")

    yield from each_file(resource, _HTPASSWD_FILE, check)


HTPASSWD_HASHES = Rule(
    id="htpasswd-bcrypt",
    title="Accounts in htpasswd files have bcrypt hashes",
    why="MD5, SHA-1 and crypt hashes are broken in no time once the file leaks, and the registry refuses them anyway.",
    fix="Make each line with `htpasswd -nB ACCOUNT`.",
    types=(CONTAINER,),
    parameters={"minimumCost": Parameter(5, "Lowest bcrypt cost. 5 is for long random passwords; take 10 where people choose them.")},
    check=_hashes,
)


def _present(resource: Resource, _parameters: View) -> Iterator[Result]:
    container = resource.props

    def check(config: RegistryConfig) -> Iterator[Result]:
        auth = section(config.data, "auth")
        if not config.own or auth is None or not auth.has("htpasswd"):
            return
        path = auth.view("htpasswd").text("path")
        if not path:
            if config.complete:
                yield Finding(f"{config.at('auth.htpasswd.path')} is not set")
            return
        folder = path.rpartition("/")[0] or "/"
        given = [upload.text("file") for upload in container.views("uploads")]
        mounted = [
            target
            for target in mount_targets(container)
            if target and (path == target or f"{folder}/".startswith(f"{target.rstrip('/')}/"))
        ]
        if path not in given and not mounted:
            yield Finding(f"{config.at('auth.htpasswd.path')} is {path}, which is neither uploaded nor mounted")

    yield from each_config(resource, check)


HTPASSWD_PRESENT = Rule(
    id="htpasswd-file-present",
    title="The htpasswd file that a registry names is there",
    why="The registry makes a missing file itself, with one account whose password it prints to the log.",
    fix="Upload the file (uploads) or mount it (volumes or mounts) at the path in auth.htpasswd.path.",
    types=(CONTAINER,),
    check=_present,
)


def _http_secret(resource: Resource, parameters: View) -> Iterator[Result]:
    minimum = parameters.number("minimumLength") or 0

    def check(config: RegistryConfig) -> Iterator[Result]:
        secret = config.data.view("http").text("secret")
        if secret and len(secret) < minimum:
            yield Finding(f"{config.at('http.secret')} has {len(secret)} characters, fewer than {minimum:.0f}")

    yield from each_config(resource, check)


HTTP_SECRET = Rule(
    id="registry-http-secret-long",
    title="The secret that upload states are signed with is long",
    why="Whoever guesses http.secret can forge the state of an upload.",
    fix="Set http.secret to a random value of 32 characters, from RandomPassword.",
    types=(CONTAINER,),
    parameters={"minimumLength": Parameter(24, "Fewest characters.")},
    check=_http_secret,
)


def _redis_password(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(config: RegistryConfig) -> Iterator[Result]:
        if config.data.has("redis") and config.complete and not config.data.view("redis").text("password"):
            yield Finding(f"{config.at('redis.password')} is not set")

    yield from each_config(resource, check)


REDIS_PASSWORD = Rule(
    id="registry-redis-password",
    title="The registry's Redis asks for a password",
    why="Who can write to the cache makes the registry believe in layers that are not there.",
    fix="Set requirepass in Redis and redis.password in the registry's config.yml.",
    types=(CONTAINER,),
    check=_redis_password,
)


def _redis_server(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(file: File) -> Iterator[Result]:
        words = [line.split() for line in file.text.splitlines()]
        passwords = [line[1] for line in words if len(line) > 1 and line[0].lower() == "requirepass"]
        users = [line for line in words if line and line[0].lower() in ("user", "aclfile")]
        if not users and not any(password not in ('""', "''") for password in passwords):
            yield Finding(f"{file.label} has no requirepass")

    yield from each_file(resource, re.compile(r"redis\.conf$"), check)


REDIS_SERVER = Rule(
    id="redis-requirepass",
    title="Redis is configured with a password",
    why="Redis without one obeys everybody who can connect.",
    fix="Add `requirepass` with a random value to redis.conf.",
    types=(CONTAINER,),
    check=_redis_server,
)

RULES: tuple[AnyRule, ...] = (
    CONFIGURED,
    TOKEN_REALM,
    TOKEN_VERIFIED,
    HTPASSWD_HASHES,
    HTPASSWD_PRESENT,
    HTTP_SECRET,
    REDIS_PASSWORD,
    REDIS_SERVER,
)
